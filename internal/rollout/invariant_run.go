package rollout

import (
	"slices"

	"github.com/serin-dev/serin/internal/analysis"
)

// decision checks what was decided and remembered.
func (v *verifier) decision() {
	before := v.before.Run
	switch {
	case before != nil && v.after.Run != nil && before.Name == v.run.Name:
		v.continued(before, v.run)
	case before != nil && v.after.Run != nil:
		retried := v.took(Retry)
		v.mustf(retried || v.run.Revision != v.before.Tried, "S6", "revision %s began again by itself", v.run.Revision)
	}
	v.waits()
	v.rests()
	v.replays()
}

// continued checks what one run may not unlearn, and what it may not do without evidence or approval.
func (v *verifier) continued(before, after *Run) {
	v.mustf(after.FailedChecks >= before.FailedChecks && after.FailedChecks <= before.FailedChecks+1, "7", "failed checks went from %d to %d", before.FailedChecks, after.FailedChecks)
	v.mustf(after.Revision == before.Revision, "S9", "the revision of run %s changed", after.Name)
	v.mustf(!after.Written || before.Written || after.Pass, "S9", "the primary was written without a verdict")
	v.mustf(before.Outcome == "" || after.Outcome != "", "S6", "a verdict was forgotten")
	v.mustf(before.Outcome == "" || before.Pass || !after.Pass, "S6", "run %s passed after the verdict %s", after.Name, before.Outcome)
	if before.Steps == after.Steps && !v.overruled(before) {
		v.advanced(before, after)
		v.gated(before, after)
	}
}

// overruled says that a person's word or the lack of an analysis stands for evidence and approvals in this pass.
func (v *verifier) overruled(before *Run) bool {
	return v.planless != nil || v.plan.Strategy == Direct || before.Skip != nil || v.took(Skip) || v.took(Promote)
}

// advanced checks that the run goes through its steps one by one, and leaves each with its checks passed.
func (v *verifier) advanced(before, after *Run) {
	stepped := before.Stage == Stepping && after.Stage == Stepping && after.Step != before.Step
	passed := after.Pass && !before.Pass
	if stepped {
		v.mustf(after.Step == before.Step+1, "S5", "went from step %d to step %d", before.Step, after.Step)
	}
	if passed {
		v.mustf(before.Stage == Stepping && before.Step >= len(v.plan.Steps)-1, "S5", "promoted from step %d of %d", before.Step, len(v.plan.Steps))
	}
	if stepped || passed && before.Stage == Stepping {
		v.mustf(v.checked(before), "S12", "step %d was left without a passed check", before.Step)
	}
}

// gated checks that nothing goes on which its gate has not agreed to.
func (v *verifier) gated(before, after *Run) {
	if after.Pass && !before.Pass {
		v.mustf(v.approved(before, ConfirmPromotion), "S15", "promoted though confirm-promotion did not agree")
	}
	if after.Stage == Stepping && after.Weight > before.Weight {
		v.mustf(v.approved(before, ConfirmTrafficIncrease), "S15", "raised though confirm-traffic-increase did not agree")
	}
	if v.before.Phase == Waiting && v.after.Phase == Progressing {
		v.mustf(v.approved(before, ConfirmRollout), "S15", "began though confirm-rollout did not agree")
	}
}

// took says whether a command with the verb was taken in this pass.
func (v *verifier) took(verb Verb) bool {
	return slices.ContainsFunc(v.obs.Commands, func(c Command) bool {
		return c.Verb == verb && slices.Contains(v.after.Consumed, c.UID) && !slices.Contains(v.before.Consumed, c.UID)
	})
}

// checked says whether the step had its passed checks: those that were saved, or the one that this pass saw.
func (v *verifier) checked(r *Run) bool {
	checks := 1
	if r.Step >= 0 && r.Step < len(v.plan.Steps) {
		checks = v.plan.Steps[r.Step].Checks
	}
	if r.Step < 0 && r.Weight == 0 || r.Fresh && r.Passes >= checks {
		return true
	}
	return r.Passes+1 >= checks && (v.evident(r, r.Round) || v.evident(r, r.Round+1))
}

// evident says whether the answers to one round of questions are there, and pass.
func (v *verifier) evident(r *Run, round int) bool {
	id := r.question("check", round)
	for i := range v.spec.Hooks {
		h := &v.spec.Hooks[i]
		if h.Type == DuringRollout && !v.obs.Answers[id+"/"+string(h.Type)+"/"+h.Name].OK {
			return false
		}
	}
	if len(v.spec.Metrics) == 0 {
		return !v.obs.Now.Before(r.Due)
	}
	e, ok := v.obs.Measurements[id]
	return ok && !r.Acked.IsZero() && analysis.Judge(v.spec.Metrics, e.Since(r.Acked)).Outcome == analysis.Passing
}

// approved says whether every hook of a gate agreed to one question of this run and step.
func (v *verifier) approved(r *Run, t HookType) bool {
	if !v.spec.has(t) {
		return true
	}
	// A gate that opened earlier in this pass has used up a round.
	for round := r.Gate.Round; round <= r.Gate.Round+1; round++ {
		agreed := true
		for i := range v.spec.Hooks {
			h := &v.spec.Hooks[i]
			agreed = agreed && (h.Type != t || v.obs.Answers[r.question("gate", round)+"/"+string(t)+"/"+h.Name].OK)
		}
		if agreed {
			return true
		}
	}
	return false
}

// waits checks that whoever waits says for what and until when, that somebody looks again then, and that no deadline
// passes in silence.
func (v *verifier) waits() {
	w := &v.after.Wait
	switch v.after.Phase {
	case Initialized, Succeeded, Failed, Terminated:
	default:
		v.mustf(w.Reason != "" && w.Ends != "", "L2", "phase %s waits for nothing", v.after.Phase)
	}
	if w.Until.IsZero() {
		return
	}
	v.mustf(v.obs.Now.Before(w.Until), "L2", "the deadline of %s has passed and nothing happened", w.Reason)
	v.mustf(slices.ContainsFunc(v.actions, func(a Action) bool {
		wake, ok := a.(Wake)
		return ok && !wake.At.After(w.Until)
	}), "L2", "nobody looks at the deadline of %s", w.Reason)
}

// rests checks that a canary with nothing left to do does nothing.
func (v *verifier) rests() {
	if v.before.Phase != v.after.Phase || !v.idle() {
		return
	}
	for _, a := range v.actions {
		v.mustf(!effect(a), "L1", "%T in an idle canary", a)
	}
}

// idle says whether the world is as a canary at rest wants it.
func (v *verifier) idle() bool {
	w, t := &v.obs.Workload, &v.obs.Traffic
	switch {
	case v.after.Phase != Initialized && v.after.Phase != Succeeded && v.after.Phase != Failed,
		v.after.Run != nil && v.after.Run.Stage != Done,
		v.obs.Deleting, v.obs.Blocked != "", w.Problem != nil, t.Problem != nil,
		!w.Target.Exists, !t.Exists, t.Split != restSplit(), t.Acked != restSplit(),
		w.Canary.Replicas > 0 || w.Canary.Serving > 0,
		!w.Primary.Exists || w.Primary.Revision != v.after.Promoted, w.Primary.Floor != 0,
		!slices.Contains(w.Target.Pinned, v.after.Promoted):
		return false
	default:
		return true
	}
}

// replays checks that a controller that was restarted after the save computes the same effects from what was saved.
func (v *verifier) replays() {
	_, again := Step(v.spec, *v.after, *v.obs)
	was, now := effects(v.actions), effects(again)
	v.mustf(slices.Equal(was, now), "S14", "did %+v, but after a restart %+v", was, now)
}

func effects(actions []Action) []Action {
	return slices.DeleteFunc(slices.Clone(actions), func(a Action) bool { return !effect(a) })
}
