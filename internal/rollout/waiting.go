package rollout

// waiting clears the way for a run and holds it until confirm-rollout agrees. The canary has no pods yet.
func (p *pass) waiting() bool {
	p.quiet()
	if p.undone() {
		return true
	}
	if !p.mend() {
		return p.stuck()
	}
	r := p.st.Run
	if r.Stage == Clearing {
		if !p.clear() {
			return p.stuck()
		}
		p.goTo(Confirming)
		return true
	}
	if p.holds() {
		return false
	}
	if !p.open(ConfirmRollout) {
		return p.closedTooLong(ConfirmRollout)
	}
	r.Skip = nil
	p.goTo(Scaling)
	p.enter(Progressing)
	return true
}

// clear pins the revision and takes everything off the canary that an earlier run left there.
func (p *pass) clear() bool {
	r := p.st.Run
	if !p.pinned(r.Revision) {
		p.act(Pin{Revision: r.Revision})
	}
	if !p.retreat(Split{Primary: Whole, Revision: r.Revision}) {
		return false
	}
	if !p.pinned(r.Revision) {
		p.progressWait("Pinning", "the revision is being kept")
		return false
	}
	return true
}
