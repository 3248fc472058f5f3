package rollout

import "time"

// progressing brings the canary up and takes it through the plan's steps. WaitingPromotion is its last step with a
// gate that is still closed: checks go on there, so both phases share this file.
func (p *pass) progressing() bool {
	p.quiet()
	p.floor(p.st.Run.Replicas)
	if p.planless != nil {
		p.invalid()
		return false
	}
	if p.undone() || p.amended() {
		return true
	}
	switch p.st.Run.Stage {
	case Clearing:
		if !p.clear() {
			return p.stuck()
		}
		p.goTo(Scaling)
		return true
	case Scaling:
		return p.scaling()
	case Preparing:
		return p.preparing()
	default:
		return p.stepping()
	}
}

// amended maps the current step into a plan that was edited since the run began: to the last step that is not above
// the weight that users have now.
func (p *pass) amended() bool {
	r, now := p.st.Run, p.plan.fingerprint()
	if r.Steps == now {
		return false
	}
	r.Steps = now
	if r.Stage != Stepping {
		return false
	}
	p.tell(Event{Type: Warning, Reason: "PlanEdited", Message: "The plan was edited: it goes on from weight " + r.Weight.String()})
	step := p.plan.at(r.Weight)
	if p.plan.Strategy != Weighted {
		step = 0
	}
	if p.plan.Strategy == Direct {
		return p.promote(nil)
	}
	p.stepTo(step)
	return true
}

func (p *pass) scaling() bool {
	if !p.bringUp() {
		return p.stuck()
	}
	if !p.primaryReady() {
		p.waitForPrimary()
		return p.stuck()
	}
	if p.plan.Strategy == Direct {
		return p.promote(nil)
	}
	r := p.st.Run
	r.Round, r.Due = 0, p.now
	p.goTo(Preparing)
	return true
}

// preparing calls the pre-rollout hooks and, where the first step has a weight, asks for the increase.
func (p *pass) preparing() bool {
	r := p.st.Run
	if p.spec.has(PreRollout) && r.Skip == nil && !r.Fresh {
		return p.prepare()
	}
	if p.holds() {
		return false
	}
	if p.plan.Steps[0].Canary > 0 && r.Skip == nil && !p.open(ConfirmTrafficIncrease) {
		return p.closedTooLong(ConfirmTrafficIncrease)
	}
	p.goTo(Stepping)
	p.stepTo(0)
	return true
}

// prepare asks all pre-rollout hooks; a refusal is a failed check, and the next round comes an interval later.
func (p *pass) prepare() bool {
	r := p.st.Run
	if !p.reached(r.Due) {
		p.wait("Preparing", "a hook refused; it is asked again", time.Time{}, "its agreement, or the threshold of failed checks")
		return false
	}
	for i := range p.spec.Hooks {
		h := &p.spec.Hooks[i]
		if h.Type != PreRollout {
			continue
		}
		answer, ok := p.ask(h, "prepare", r.Round)
		if !ok {
			p.wait("Preparing", "hook "+h.Name+" is being asked", time.Time{}, "its answer or its time-out")
			return false
		}
		if !answer.OK {
			r.Round++
			r.Due = p.now.Add(p.spec.Interval)
			v := refused(h, answer)
			r.Results = v.Results
			p.wakeAt(r.Due)
			p.wait("Preparing", "hook "+h.Name+" refused; it is asked again", time.Time{}, "its agreement, or the threshold of failed checks")
			return p.count(v)
		}
	}
	r.Fresh = true
	return true
}

// stepTo makes a step the current one; -1 keeps the weight that users have.
func (p *pass) stepTo(step int) {
	r := p.st.Run
	r.Step = step
	if step >= 0 {
		r.Weight = p.plan.Steps[step].Canary
	}
	r.Acked, r.Due = time.Time{}, time.Time{}
	r.Round, r.Passes, r.Fresh, r.Skip = 0, 0, false, nil
	r.NoData, r.Unavailable = time.Time{}, time.Time{}
	r.Gate = Poll{}
	p.moved()
	p.tell(Event{Type: WeightWanted, Message: "The canary is to get " + describe(p.runSplit())})
}

func describe(s Split) string {
	switch {
	case s.Match:
		return "the requests that match"
	case s.Mirror > 0:
		return "copies of " + s.Mirror.String() + " of the requests"
	default:
		return s.Canary.String() + " of the requests"
	}
}

// step returns the current step.
func (p *pass) step() PlanStep {
	r := p.st.Run
	if r.Step < 0 || r.Step >= len(p.plan.Steps) {
		return PlanStep{Canary: r.Weight, Checks: 1}
	}
	return p.plan.Steps[r.Step]
}

// stepping holds the current step's split, checks it, and goes on once it has passed.
func (p *pass) stepping() bool {
	r := p.st.Run
	if p.lost() {
		return true
	}
	if !p.raise(p.runSplit()) {
		r.Acked = time.Time{}
		return p.stuck()
	}
	if r.Acked.IsZero() {
		r.Acked, r.Due = p.now, p.now.Add(p.spec.Interval)
		p.moved()
		p.tell(Event{Type: WeightAcked, Message: "The canary gets " + describe(p.runSplit())})
	}
	if p.check() || p.blind() {
		return true
	}
	return p.advance()
}

// lost fails a run whose canary serves users without a single ready pod: holding would give them errors.
func (p *pass) lost() bool {
	c := &p.obs.Workload.Canary
	if c.Ready > 0 || p.obs.Traffic.Problem != nil || !p.obs.Traffic.Split.serves() {
		return false
	}
	p.fail(OutcomeFailed, "CanaryLost", "the canary served users and has no ready pod any more: "+ready("canary", c, p.obs.Workload.Target.Replicas))
	return true
}

// advance takes the next step once this one has passed, its gate is open, both sides are ready and nobody holds.
func (p *pass) advance() bool {
	r := p.st.Run
	passed := r.Skip != nil || (r.Fresh && r.Passes >= p.step().Checks)
	if !passed {
		p.wait("Analysing", "checks of this step", time.Time{}, "enough passed checks, or the threshold of failed ones")
		return false
	}
	if !p.canaryReady() {
		p.waitForCanary()
		return p.stuck()
	}
	if p.holds() {
		return false
	}
	if r.Step >= len(p.plan.Steps)-1 {
		return p.confirm()
	}
	if p.plan.Steps[r.Step+1].Canary > r.Weight && r.Skip == nil && !p.open(ConfirmTrafficIncrease) {
		return p.closedTooLong(ConfirmTrafficIncrease)
	}
	p.stepTo(r.Step + 1)
	return true
}

// confirm promotes after the last step, once confirm-promotion agrees.
func (p *pass) confirm() bool {
	r := p.st.Run
	if r.Skip == nil && p.spec.has(ConfirmPromotion) {
		p.enter(WaitingPromotion)
		if !p.open(ConfirmPromotion) {
			return p.closedTooLong(ConfirmPromotion)
		}
	}
	return p.promote(r.Skip)
}
