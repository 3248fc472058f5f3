package rollout

import "time"

// progressing brings the canary up and takes it through the plan's steps. WaitingPromotion is its last step with a
// gate that is still closed: checks go on there, so both phases share this file.
func (p *pass) progressing() bool {
	p.quiet()
	p.floor(p.st.Run.Replicas)
	if p.undone() || p.overThreshold() {
		return true
	}
	if !p.mend() {
		return p.stuck()
	}
	if p.planless != nil {
		return p.planlessly()
	}
	if p.amended() {
		return true
	}
	switch p.st.Run.Stage {
	case Clearing:
		if !p.clear() {
			return p.stuck()
		}
		if p.holds() {
			return false
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

// planlessly holds a run whose manifest has no plan any more, after an edit or because the data plane has lost an
// ability. Users stay where they are, so whatever takes a run back still does.
func (p *pass) planlessly() bool {
	r := p.st.Run
	if r.Stage == Stepping && (p.lost() || !r.Acked.IsZero() && (p.check() || p.blind())) {
		return true
	}
	p.waited = false
	p.invalid()
	return false
}

// amended maps the current step into a plan that was edited since the run began: to the last step that is not above
// the weight that users have now.
func (p *pass) amended() bool {
	r, now := p.st.Run, p.plan.fingerprint()
	if r.Steps == now && p.onPlan() {
		return false
	}
	r.Steps = now
	if r.Stage != Stepping {
		return false
	}
	p.enter(Progressing)
	p.tell(Event{Type: Warning, Reason: "PlanEdited", Message: "The plan was edited: it goes on from weight " + r.Weight.String()})
	step := p.plan.at(r.Weight)
	switch p.plan.Strategy {
	case Direct:
		p.goTo(Scaling)
		return true
	case ABTest, BlueGreen:
		step = 0
	case Weighted:
	}
	p.stepTo(step)
	return true
}

// onPlan says whether the weight is that of the step.
func (p *pass) onPlan() bool {
	r := p.st.Run
	return r.Stage != Stepping || r.Step < 0 || r.Step < len(p.plan.Steps) && p.plan.Steps[r.Step].Canary == r.Weight
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
	p.st.Run.Due = p.now
	p.goTo(Preparing)
	return true
}

// preparing calls the pre-rollout hooks and, where the first step has a weight, asks for the increase.
func (p *pass) preparing() bool {
	r := p.st.Run
	if p.plan.Strategy == Direct {
		return p.promote(nil)
	}
	if p.spec.has(PreRollout) && r.Skip == nil && !r.Fresh {
		return p.prepare()
	}
	if p.holds() {
		return false
	}
	if p.plan.Steps[0].Canary > 0 && !p.open(ConfirmTrafficIncrease) {
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
		p.wait("Preparing", "a hook refused; it is asked again", r.Due, "its agreement, or the threshold of failed checks")
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
			p.wait("Preparing", "hook "+h.Name+" refused; it is asked again", r.Due, "its agreement, or the threshold of failed checks")
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
	r.Acked, r.Reached, r.Due = time.Time{}, false, time.Time{}
	r.Passes, r.Fresh, r.Skip = 0, false, nil
	r.NoData, r.Unavailable = time.Time{}, time.Time{}
	r.Round++
	r.Gate.close()
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
	want := p.runSplit()
	if !r.Reached && want.exceeds(p.obs.Traffic.Split) && p.holds() {
		// The increase was decided before somebody held the canary, but never written.
		return false
	}
	if !p.raise(want) {
		p.interruptWindow()
		return p.stuck()
	}
	if r.Acked.IsZero() {
		r.Acked, r.Reached, r.Due = p.now, true, p.now.Add(p.spec.Interval)
		p.moved()
		p.tell(Event{Type: WeightAcked, Message: "The canary gets " + describe(want)})
	}
	p.resize()
	if p.idle() {
		return p.advance()
	}
	if p.check() || p.blind() {
		return true
	}
	return p.advance()
}

// interruptWindow ends the window of the checks when the split is seen not to be in force: what was measured until now
// says nothing about what comes, answers that are still on their way included.
func (p *pass) interruptWindow() {
	r := p.st.Run
	if p.obs.Traffic.Problem == nil && !r.Acked.IsZero() {
		r.Acked = time.Time{}
		r.Round++
	}
}

// idle says that the canary gets nothing at all, because an edit left no step at or below its weight of 0: then there is
// nothing to look at before the first step.
func (p *pass) idle() bool { return p.st.Run.Step < 0 && p.st.Run.Weight == 0 }

// lost fails a run whose canary serves users without a single ready pod: holding would give them errors.
func (p *pass) lost() bool {
	c := &p.obs.Workload.Canary
	if c.Ready > 0 || p.obs.Traffic.Problem != nil || !p.obs.Traffic.Split.serves() {
		return false
	}
	p.fail(OutcomeFailed, "CanaryLost", "the canary served users and has no ready pod any more: "+ready("canary", c, p.size()))
	return true
}

// advance takes the next step once this one has passed, its gate is open, both sides are ready and nobody holds.
func (p *pass) advance() bool {
	r := p.st.Run
	passed := r.Skip != nil || p.idle() || (r.Fresh && r.Passes >= p.step().Checks)
	if !passed {
		p.wait("Analysing", "checks of this step", r.Due, "enough passed checks, or the threshold of failed ones")
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
	if p.plan.Steps[r.Step+1].Canary > r.Weight && !p.open(ConfirmTrafficIncrease) {
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
