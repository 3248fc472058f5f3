package rollout

// failed takes the traffic off the canary before anything else, then cleans up, then rests. Nothing here needs an
// answer from a third party.
func (p *pass) failed() bool {
	p.quiet()
	r := p.st.Run
	if r == nil || r.Stage == Done {
		return p.failedAtRest()
	}
	if p.supersede() {
		return true
	}
	back := p.retreat(restSplit())
	if !p.mend() || !back {
		return false
	}
	if r.Stage == Retreating {
		r.Weight = 0
		p.goTo(Closing)
		return true
	}
	if !p.letGo() {
		return false
	}
	p.endRun(r.Outcome, r.Reason, r.Message)
	return true
}

func (p *pass) failedAtRest() bool {
	target := &p.obs.Workload.Target
	if target.Exists && target.Revision == p.st.Promoted {
		p.st.Tried = p.st.Promoted
		p.enter(Succeeded)
		return true
	}
	return p.resting()
}

// supersede ends a run that goes back for a revision that waits and may start at once.
func (p *pass) supersede() bool {
	r, target := p.st.Run, &p.obs.Workload.Target
	_, held := p.held()
	if held || p.planless != nil || !target.Exists || target.Revision == p.st.Promoted || target.Revision == p.st.Tried {
		return false
	}
	p.endRun(r.Outcome, r.Reason, r.Message)
	p.startRun(target.Revision)
	return true
}
