package rollout

import "time"

// finalising moves the traffic back to the new primary, at once or by steps, and lets the canary's pods go.
func (p *pass) finalising() bool {
	p.quiet()
	r := p.st.Run
	if r.Stage == Closing {
		if !p.letGo() {
			return false
		}
		p.floor(0)
		p.endRun(OutcomeSucceeded, "Promoted", "revision "+short(r.Revision)+" is promoted")
		p.enter(Succeeded)
		return true
	}
	return p.returning()
}

// returning lowers the canary's weight step by step. A person's pause freezes it, unless the canary is gone.
func (p *pass) returning() bool {
	r := p.st.Run
	target := p.back()
	if target < r.Weight {
		r.Weight, r.Acked = target, time.Time{}
		p.tell(Event{Type: WeightWanted, Message: "The canary is to get " + target.String() + " of the requests"})
	}
	want := restSplit()
	if r.Weight > 0 {
		want = p.runSplit()
	} else if _, held := p.held(); held && p.frozen() {
		want = p.obs.Traffic.Split
	}
	if p.obs.Traffic.Split != want && !p.primaryReady() {
		p.waitForPrimary()
		return false
	}
	if !p.route(want) {
		return false
	}
	if r.Acked.IsZero() {
		r.Acked = p.now
	}
	if want.carries() {
		if !p.holds() {
			next := r.Acked.Add(p.spec.Interval)
			p.wait("Returning", "the traffic moves back step by step", next, "the next step")
		}
		return false
	}
	p.goTo(Closing)
	return true
}

// frozen says whether a pause keeps what matches or mirrors on a living canary.
func (p *pass) frozen() bool {
	return p.obs.Workload.Canary.Ready > 0 && p.obs.Traffic.Problem == nil && p.obs.Traffic.Split.carries()
}

// back is the weight that the canary is to have now on the way back.
func (p *pass) back() Weight {
	r := p.st.Run
	if p.obs.Workload.Canary.Ready == 0 {
		return 0
	}
	if _, held := p.held(); held {
		return r.Weight
	}
	by := p.spec.StepWeightPromotion
	if by <= 0 {
		return 0
	}
	if r.Acked.IsZero() || p.now.Before(r.Acked.Add(p.spec.Interval)) {
		return r.Weight
	}
	return max(0, r.Weight-by)
}
