package rollout

import "time"

// finalising moves the traffic back to the new primary, at once or by steps, and lets the canary's pods go.
func (p *pass) finalising() bool {
	p.quiet()
	r := p.st.Run
	if !p.mend() || !p.returned() {
		return false
	}
	if r.Stage != Closing {
		p.goTo(Closing)
		return true
	}
	if !p.letGo() && p.st.Wait.Reason != "Stalled" {
		return false
	}
	p.floor(0)
	message := "revision " + short(r.Revision) + " is promoted"
	if by := r.Override; by != nil {
		message += " by " + orUnknown(by.By)
		if by.Reason != "" {
			message += ": " + by.Reason
		}
	}
	p.endRun(OutcomeSucceeded, "Promoted", message)
	p.enter(Succeeded)
	return true
}

// returned lowers the canary's weight, step by step where the plan says so. It returns true once the primary has
// everything again.
func (p *pass) returned() bool {
	r := p.st.Run
	if t := &p.obs.Traffic; t.Problem == nil {
		// What users have now is the most that they may have on the way back, whatever the promotion wanted.
		r.Weight = min(r.Weight, t.Split.Canary)
	}
	if weight := p.back(); weight < r.Weight {
		r.Weight, r.Acked = weight, time.Time{}
		p.tell(Event{Type: WeightWanted, Message: "The canary is to get " + weight.String() + " of the requests"})
	}
	want := p.returnSplit()
	w, t := &p.obs.Workload, &p.obs.Traffic
	if w.Canary.Serving == 0 {
		// The canary answers nobody: one ready pod of the primary is better than none.
		return p.retreat(want)
	}
	if t.Split != want && !p.primaryReady() {
		p.waitForPrimary()
		return false
	}
	if !p.route(want) {
		return false
	}
	if !want.carries() {
		return true
	}
	if r.Acked.IsZero() {
		r.Acked = p.now
	}
	if !p.holds() {
		next := r.Acked.Add(p.spec.Interval)
		p.wait("Returning", "the traffic moves back step by step", next, "the next step")
	}
	return false
}

// returnSplit is the split on the way back: the weight that the canary has left, or what the last step of the plan
// matches and mirrors as long as a pause freezes it.
func (p *pass) returnSplit() Split {
	r, t := p.st.Run, &p.obs.Traffic
	if r.Weight > 0 {
		return p.runSplit()
	}
	if _, held := p.held(); held && r.Stage == Returning && t.Problem == nil && t.Split == p.lastSplit() {
		return t.Split
	}
	return restSplit()
}

// lastSplit is that of the plan's last step.
func (p *pass) lastSplit() Split {
	s := p.runSplit()
	if r := p.st.Run; r.Step >= 0 && r.Step < len(p.plan.Steps) {
		s.Mirror, s.Match = p.plan.Steps[r.Step].Mirror, p.plan.Steps[r.Step].Match
	}
	return s
}

// back is the weight that the canary is to have now on the way back. A pause freezes it, unless the canary is gone.
func (p *pass) back() Weight {
	r, by := p.st.Run, p.spec.StepWeightPromotion
	_, held := p.held()
	switch {
	case p.obs.Workload.Canary.Ready == 0:
		return 0
	case held:
		return r.Weight
	case by <= 0 || !p.spec.Traffic.Weights:
		return 0
	case r.Acked.IsZero() || p.now.Before(r.Acked.Add(p.spec.Interval)):
		return r.Weight
	default:
		return max(0, r.Weight-by)
	}
}
