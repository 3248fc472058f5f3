package rollout

import "fmt"

// Verify returns the sentences of the safety laws that one Step broke, with the laws' numbers; none is what a
// correct core gives. Tests, the simulated world and the explorer assert it after every step.
func Verify(spec Spec, before State, obs Observation, after State, actions []Action) []string {
	v := verifier{spec: spec.Default(), before: &before, after: &after, obs: &obs}
	if v.after.Run == nil {
		v.after.Run = &Run{}
	}
	for _, a := range actions {
		v.action(a)
	}
	v.decision()
	return v.broken
}

type verifier struct {
	spec          Spec
	before, after *State
	obs           *Observation
	broken        []string
}

func (v *verifier) mustf(ok bool, law, format string, args ...any) {
	if !ok {
		v.broken = append(v.broken, law+": "+fmt.Sprintf(format, args...))
	}
}

func (v *verifier) action(a Action) {
	switch a := a.(type) {
	case SetSplit:
		v.effect("SetSplit")
		v.split(a.Split)
	case Scale:
		v.effect("Scale")
		v.scale(a)
	case PromoteTo:
		v.effect("PromoteTo")
		v.promotion(a)
	case Floor, Pin, Release:
		v.mustf(v.obs.Blocked == "", "S11", "a blocked canary acted")
	case Measure:
		v.mustf(!a.From.Before(v.after.Run.Acked) && !v.after.Run.Acked.IsZero(), "S12", "measured from before the acknowledgement")
	case Ask, Emit, Wake:
	}
}

func (v *verifier) effect(what string) {
	v.mustf(v.obs.Blocked == "", "S11", "a blocked canary acted: %s", what)
	v.mustf(v.obs.Workload.Problem == nil, "S13", "%s after a failed read", what)
}

// raises says whether a split gives the canary more than it has.
func (v *verifier) raises(s Split) bool {
	return s.Canary > v.obs.Traffic.Split.Canary || (s.Match && !v.obs.Traffic.Split.Match)
}

func (v *verifier) split(s Split) {
	v.mustf(s.sound(), "S1", "weights %d and %d, mirror %d", s.Primary, s.Canary, s.Mirror)
	w := &v.obs.Workload
	v.mustf(!s.serves() || w.Canary.Serving > 0, "S2", "traffic to a canary without a ready pod")
	v.mustf(s.Primary == 0 || w.Primary.Serving > 0 || !v.couldStay(), "S2", "traffic to a primary without a ready pod")
	v.mustf(v.obs.Traffic.Problem == nil || !s.carries(), "S13", "raised after a failed read of the route")
	if v.raises(s) {
		v.raised(s)
	}
	r := v.after.Run
	if s.Primary > v.obs.Traffic.Split.Primary && v.after.Phase == Finalising {
		v.mustf(w.Primary.Serving >= need(w.Primary.Replicas, v.spec.PrimaryReady), "S3", "the primary lacks the capacity")
	}
	v.mustf(v.after.Phase != Failed || s.Canary == 0 && !s.Match, "S6", "run %s failed and still gets %d", r.Name, s.Canary)
}

// sound says whether the weights can be those of a route.
func (s Split) sound() bool {
	return s.Primary >= 0 && s.Canary >= 0 && s.Primary+s.Canary == Whole && s.Mirror >= 0 && s.Mirror <= Whole
}

// couldStay says whether the requests are known to be with a canary that answers.
func (v *verifier) couldStay() bool {
	return v.obs.Workload.Canary.Serving > 0 && v.obs.Traffic.Split.serves() && v.obs.Traffic.Problem == nil
}

func (v *verifier) raised(s Split) {
	r, w := v.after.Run, &v.obs.Workload
	if v.after.Phase == Terminating {
		return
	}
	saves := w.Primary.Serving == 0
	v.mustf(w.Canary.Ready >= need(w.Target.Replicas, v.spec.CanaryReady), "S3", "the canary lacks the capacity: %d ready", w.Canary.Ready)
	v.mustf(saves || r.Outcome == "" || r.Stage == Done, "S6", "raised after the verdict %s", r.Outcome)
	v.mustf(saves || w.Target.Revision == r.Revision || r.Written, "S10", "raised for a revision that is not wanted any more")
	v.mustf(saves || !v.held(), "S15", "raised while somebody holds the canary")
	if r.Stage == Stepping {
		plan, _, err := Compile(v.spec)
		v.mustf(err == nil && (r.Step < 0 || s.Canary == plan.Steps[r.Step].Canary), "S5", "weight %d is not in the plan at step %d", s.Canary, r.Step)
	}
}

// held reports a hold that was there before this pass as well: the write of an earlier pass may be repeated.
func (v *verifier) held() bool {
	wanted := v.before.Run != nil && v.before.Run.Weight == v.after.Run.Weight && v.before.Run.Step == v.after.Run.Step
	return !wanted && v.stopped()
}

func (v *verifier) stopped() bool {
	return v.after.Paused != nil || v.obs.Brake != nil || v.spec.Suspend
}

func (v *verifier) scale(a Scale) {
	c := &v.obs.Workload.Canary
	if a.Side != CanarySide || c.Replicas == 0 || v.after.Phase == Terminating {
		return
	}
	shrinks := a.Replicas < c.Replicas && a.Replicas == 0 || a.Revision != c.Revision
	if !shrinks {
		return
	}
	quiet := v.after.Quiet
	v.mustf(!v.obs.Traffic.Acked.carries() && !quiet.IsZero() && !v.obs.Now.Before(quiet.Add(v.spec.Drain)), "S4", "the canary was shrunk before it was drained")
}

func (v *verifier) promotion(a PromoteTo) {
	r := v.after.Run
	switch {
	case a.Restore:
		v.mustf(a.Revision == v.after.Promoted, "S8", "restored %s instead of %s", a.Revision, v.after.Promoted)
		return
	case v.after.Promoted == "":
		return
	}
	v.mustf(r.Pass && r.Written && a.Revision == r.Revision, "S8", "%s was promoted without a saved verdict", a.Revision)
	v.mustf(r.Outcome == "", "S6", "promoted after the verdict %s", r.Outcome)
	before := v.before.Run
	repeated := before != nil && before.Name == r.Name && before.Written
	v.mustf(repeated || v.obs.Workload.Target.Revision == r.Revision, "S10", "promoted a revision that is not wanted any more")
	v.mustf(repeated || !v.stopped(), "S15", "promoted while somebody holds the canary")
	if v.obs.Workload.Primary.Abrupt && v.obs.Workload.Primary.Serving > 0 {
		v.mustf(v.obs.Traffic.Acked.Primary == 0, "S4", "the primary was replaced at once while it served")
	}
}

func (v *verifier) decision() {
	if before := v.before.Run; before != nil && before.Name == v.after.Run.Name {
		v.continued(before, v.after.Run)
	}
	switch v.after.Phase {
	case Initialized, Succeeded, Failed, Terminated:
	default:
		v.mustf(v.after.Wait.Reason != "", "L2", "phase %s waits for nothing", v.after.Phase)
	}
}

// continued checks what one run may not unlearn.
func (v *verifier) continued(before, after *Run) {
	v.mustf(after.FailedChecks >= before.FailedChecks && after.FailedChecks <= before.FailedChecks+1, "7", "failed checks went from %d to %d", before.FailedChecks, after.FailedChecks)
	v.mustf(!before.Written || after.Revision == before.Revision, "S9", "the promoted revision changed")
	if before.Steps == after.Steps && before.Stage == Stepping && after.Stage == Stepping {
		v.mustf(after.Step <= before.Step+1, "S5", "a step was left out")
	}
	v.mustf(before.Outcome == "" || after.Outcome != "", "S6", "a verdict was forgotten")
}
