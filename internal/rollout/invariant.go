package rollout

import (
	"fmt"
	"slices"
)

// Verify returns the sentences of the laws that one Step broke, with the laws' numbers; none is what a correct core
// gives. Tests, the simulated world and the explorer assert it after every step. This file looks at what is done to the
// world, invariant_run.go at what is decided.
func Verify(spec Spec, before State, obs Observation, after State, actions []Action) []string {
	v := verifier{spec: spec.Default(), before: &before, after: &after, obs: &obs, actions: actions}
	v.plan, _, v.planless = Compile(spec)
	v.run = after.Run
	if v.run == nil {
		v.run = &Run{}
	}
	for _, a := range actions {
		v.action(a)
	}
	v.decision()
	return v.broken
}

type verifier struct {
	spec          Spec
	plan          Plan
	planless      error
	before, after *State
	// run is that of after, never nil.
	run     *Run
	obs     *Observation
	actions []Action
	broken  []string
}

func (v *verifier) mustf(ok bool, law, format string, args ...any) {
	if !ok {
		v.broken = append(v.broken, law+": "+fmt.Sprintf(format, args...))
	}
}

func (v *verifier) action(a Action) {
	if effect(a) {
		v.mustf(v.obs.Blocked == "", "S11", "a blocked canary acted: %T", a)
		v.mustf(v.obs.Workload.Problem == nil, "S13", "%T after a failed read of what runs", a)
	}
	switch a := a.(type) {
	case SetSplit:
		v.split(a.Split)
	case Scale:
		v.scale(a)
	case PromoteTo:
		v.promotion(a)
	case Measure:
		acked := v.run.Acked
		v.mustf(!acked.IsZero() && !a.From.Before(acked) && a.To.After(a.From), "S12",
			"measured from %s to %s, acknowledged at %s", a.From, a.To, acked)
	case Floor, Pin, Release, Ask, Emit, Wake:
	}
}

// effect says whether an action changes the world.
func effect(a Action) bool {
	switch a.(type) {
	case SetSplit, Scale, Floor, PromoteTo, Pin, Release:
		return true
	case Measure, Ask, Emit, Wake:
		return false
	}
	return false
}

func (v *verifier) split(s Split) {
	v.mustf(s.sound(), "S1", "weights %d and %d, mirror %d", s.Primary, s.Canary, s.Mirror)
	v.mustf(v.possible(s), "S1", "the data plane cannot do %+v", s)
	w, t := &v.obs.Workload, &v.obs.Traffic
	v.answered(s)
	v.mustf(t.Problem == nil || !s.carries(), "S13", "raised after a failed read of the route")
	v.mustf(v.after.Quiet.IsZero() || !s.carries() && t.Problem == nil, "S4", "the canary counts as quiet and gets %+v", s)
	if s.exceeds(t.Split) {
		v.raised(s)
	}
	if s.Primary > t.Split.Primary && v.after.Phase == Finalising && w.Canary.Serving > 0 {
		v.mustf(w.Primary.Serving >= need(w.Primary.Replicas, v.spec.PrimaryReady), "S3", "the primary lacks the capacity")
	}
	v.mustf(v.after.Phase != Failed || !s.carries(), "S6", "run %s failed and its canary still gets %+v", v.run.Name, s)
	v.planned(s)
}

// answered checks that users are sent to pods that are ready.
func (v *verifier) answered(s Split) {
	w, t := &v.obs.Workload, &v.obs.Traffic
	v.mustf(!s.serves() || w.Canary.Serving > 0, "S2", "traffic to a canary without a ready pod")
	elsewhere := w.Canary.Serving > 0 && (t.Split.serves() || t.Problem != nil)
	v.mustf(s.Primary == 0 || w.Primary.Serving > 0 || !elsewhere, "S2", "traffic to a primary without a ready pod")
}

// sound says whether the weights can be those of a route.
func (s Split) sound() bool {
	return s.Primary >= 0 && s.Canary >= 0 && s.Primary+s.Canary == Whole && s.Mirror >= 0 && s.Mirror <= Whole
}

// possible says whether the data plane is able to do it.
func (v *verifier) possible(s Split) bool {
	can := v.spec.Traffic
	return (can.Weights || s.Canary == 0 || s.Primary == 0) && (can.Mirror || s.Mirror == 0) && (can.Match || !s.Match) &&
		(can.Sticky || s.CanarySession == "" && s.PrimarySession == "")
}

// raised checks a write that gives the canary more than it has.
func (v *verifier) raised(s Split) {
	if v.after.Phase == Terminating {
		return
	}
	r, w := v.run, &v.obs.Workload
	saves := w.Primary.Serving == 0
	wanted := max(1, w.Target.Replicas)
	v.mustf(w.Canary.Ready >= need(wanted, v.spec.CanaryReady), "S3", "the canary lacks the capacity: %d of %d ready", w.Canary.Ready, wanted)
	// Users who have the revision already, from a primary that has to be restored, do not get more of it.
	moves := r.Stage == Restoring && w.Primary.Revision == r.Revision
	v.mustf(saves || moves || r.Outcome == "" || r.Stage == Done, "S6", "raised after the verdict %s", r.Outcome)
	v.mustf(saves || w.Target.Revision == r.Revision || r.Written, "S10", "raised for a revision that is not wanted any more")
	v.mustf(saves || !v.stopped() || v.repeats(), "S15", "raised to %s while somebody holds the canary", s.Canary)
}

// repeats says whether the step's split was in force before: it may be written again even while the canary is held.
func (v *verifier) repeats() bool {
	b := v.before.Run
	return b != nil && b.Name == v.run.Name && b.Reached && b.Step == v.run.Step && b.Weight == v.run.Weight
}

func (v *verifier) stopped() bool {
	return v.after.Paused != nil || v.obs.Brake != nil || v.spec.Suspend
}

// planned checks that what is written is what the stage of the run may write.
func (v *verifier) planned(s Split) {
	r := v.run
	switch v.after.Phase {
	case Waiting:
		v.mustf(!s.carries(), "S5", "the canary gets %+v before the run may begin", s)
	case Progressing, WaitingPromotion:
		v.mustf(v.onPlan(s), "S5", "%+v is not in the plan at step %d", s, r.Step)
	case Promoting:
		v.mustf(s.Canary == Whole || !s.carries(), "S5", "%+v is neither all nor nothing for the promotion", s)
	case Finalising:
		v.returned(s)
	case Initializing, Initialized, Succeeded:
		v.mustf(!s.carries(), "S5", "the canary gets %+v without a run", s)
	case Failed, Terminating, Terminated:
	}
}

// returned checks that nothing rises on the way back.
func (v *verifier) returned(s Split) {
	t := &v.obs.Traffic
	known := t.Exists && t.Problem == nil
	v.mustf(!known || s.Canary <= t.Split.Canary, "S5", "raised to %s on the way back", s.Canary)
	v.mustf(s.Canary <= v.run.Weight && (!known || !s.Match), "S5", "%+v on the way back from %s", s, v.run.Weight)
}

func (v *verifier) onPlan(s Split) bool {
	r := v.run
	switch {
	case r.Stage != Stepping:
		return !s.carries()
	case r.Step < 0:
		return s.Canary == r.Weight
	case v.planless != nil || r.Step >= len(v.plan.Steps):
		return false
	default:
		step := v.plan.Steps[r.Step]
		return s.Canary == step.Canary && s.Mirror == step.Mirror && s.Match == step.Match
	}
}

// wrote says whether an earlier pass wrote the primary in this run already: then the write may be repeated.
func (v *verifier) wrote() bool {
	b := v.before.Run
	return b != nil && b.Name == v.run.Name && b.Written
}

func (v *verifier) scale(a Scale) {
	c := &v.obs.Workload.Canary
	if a.Side != CanarySide || c.Replicas == 0 {
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
	r, w := v.run, &v.obs.Workload
	pinned := slices.Contains(w.Target.Pinned, a.Revision)
	switch {
	case a.Restore:
		v.restored(a)
		return
	case v.after.Promoted == "":
		v.mustf(pinned && a.Revision == w.Target.Revision, "S8", "the first primary gets %s, which is not pinned", a.Revision)
		return
	}
	v.mustf(pinned, "S8", "%s is promoted without a snapshot", a.Revision)
	v.mustf(r.Pass && r.Written && a.Revision == r.Revision, "S8", "%s was promoted without a saved verdict", a.Revision)
	v.mustf(r.Outcome == "", "S6", "promoted after the verdict %s", r.Outcome)
	repeated := v.wrote()
	v.mustf(repeated || w.Target.Revision == r.Revision, "S10", "promoted a revision that is not wanted any more")
	v.mustf(repeated || !v.stopped(), "S15", "promoted while somebody holds the canary")
	if w.Primary.Abrupt && w.Primary.Serving > 0 && !repeated {
		v.mustf(v.obs.Traffic.Acked.Primary == 0, "S4", "the primary was replaced at once while it served")
	}
}

// restored checks that the primary gets back what is promoted, and that users lose nothing by it.
func (v *verifier) restored(a PromoteTo) {
	p := &v.obs.Workload.Primary
	v.mustf(a.Revision == v.after.Promoted, "S8", "restored %s instead of %s", a.Revision, v.after.Promoted)
	t := &v.obs.Traffic
	emptied := t.Problem == nil && t.Acked.Primary == 0 && t.Split.Primary == 0
	v.mustf(!p.Abrupt || p.Serving == 0 || emptied, "S4", "the primary was restored at once while it served")
}
