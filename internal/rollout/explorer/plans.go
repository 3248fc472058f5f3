package explorer

import (
	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// Plan is a small canary to walk: its spec, and what its world is like.
type Plan struct {
	Name string
	Spec rollout.Spec
	// Edited is what the manifest may be edited to and back at any time, or nil.
	Edited *rollout.Spec
	// Abrupt means that the primary loses all pods when it is replaced.
	Abrupt bool
	// Follows means that the canary's pods are those of the target, which change with it at once, as on Kubernetes.
	Follows bool
	// Adopted means that the target runs and serves before its canary is created.
	Adopted bool
	// Autoscaled means that an autoscaler sizes the primary.
	Autoscaled bool
	// Narrow leaves out what multiplies the states most: a third revision, sides that are partly ready, the brake, and
	// routes that are refused. Its walk ends after a few million transitions, that of the others after hundreds.
	Narrow bool
	// Vanishes means that the target may go and come back, and that somebody may edit the route.
	Vanishes bool
}

// Plans returns one small canary for each strategy and for each way in which the world around one can differ, and then
// each of them in a narrower world.
func Plans() []Plan {
	weighted := small()
	weighted.StepWeights = percents(20, 60)

	backwards := weighted
	backwards.StepWeights, backwards.StepWeightPromotion = percents(60), 40*rollout.Percent

	mirrored := weighted
	mirrored.StepWeights, mirrored.Mirror = percents(50), true

	sticky := weighted
	sticky.Sticky = true

	threshold := small()
	threshold.StepWeights, threshold.Threshold, threshold.Drain = percents(50), 2, 2*unit
	threshold.ProgressDeadline, threshold.UnavailableLimit = 2*unit, 3*unit

	abTest := small()
	abTest.Iterations, abTest.Match = 2, true

	blueGreen := small()
	blueGreen.Iterations = 2

	all := small()
	all.Iterations, all.Traffic.Weights = 1, false

	direct := small()
	direct.SkipAnalysis = true

	unmeasured := small()
	unmeasured.StepWeights, unmeasured.Metrics = percents(50), nil

	revert := small()
	revert.StepWeights, revert.RevertOnDeletion = percents(50), true

	one := small()
	one.StepWeights = percents(50)
	undo := one
	undo.Hooks = []rollout.Hook{{Name: "undo", Type: rollout.RollbackHook}}
	return narrowed([]Plan{
		{Name: "weighted", Spec: weighted},
		{Name: "back by steps", Spec: backwards},
		{Name: "mirrored", Spec: mirrored},
		{Name: "sticky sessions", Spec: sticky},
		{Name: "two failed checks", Spec: threshold},
		{Name: "a/b test", Spec: abTest},
		{Name: "blue/green", Spec: blueGreen},
		{Name: "provider without weights", Spec: all},
		{Name: "no analysis", Spec: direct},
		{Name: "readiness alone", Spec: unmeasured, Autoscaled: true},
		{Name: "gates", Spec: gated()},
		{Name: "hooks", Spec: hooked()},
		{Name: "rollback hook", Spec: undo},
		{Name: "abrupt primary", Spec: one, Abrupt: true},
		{Name: "follows the target", Spec: one, Follows: true, Adopted: true},
		{Name: "given back on deletion", Spec: revert, Adopted: true},
		{Name: "edited plan", Spec: weighted, Edited: &blueGreen},
		{Name: "target gone, route edited", Spec: one, Vanishes: true},
	})
}

// narrowed adds each plan once more in its narrower world.
func narrowed(plans []Plan) []Plan {
	for _, p := range plans {
		p.Name, p.Narrow = p.Name+", narrow", true
		plans = append(plans, p)
	}
	return plans
}

// small is what all plans share. Every duration is a whole number of units.
func small() rollout.Spec {
	lowest := 99.0
	return rollout.Spec{
		Interval: unit, Drain: unit, ProgressDeadline: unit, UnavailableLimit: unit, Threshold: 1,
		Metrics: []analysis.Metric{{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &lowest}},
		Traffic: rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true},
	}
}

// gated asks before it begins, before each increase and before it promotes; one gate has a deadline.
func gated() rollout.Spec {
	s := small()
	s.StepWeights, s.Metrics = percents(50), nil
	s.Hooks = []rollout.Hook{
		{Name: "begin", Type: rollout.ConfirmRollout},
		{Name: "raise", Type: rollout.ConfirmTrafficIncrease},
		{Name: "promote", Type: rollout.ConfirmPromotion, Deadline: 2 * unit},
	}
	return s
}

// hooked asks third parties during the analysis.
func hooked() rollout.Spec {
	s := small()
	s.StepWeights, s.Metrics, s.Threshold = percents(50), nil, 2
	s.Hooks = []rollout.Hook{
		{Name: "prepare", Type: rollout.PreRollout},
		{Name: "load", Type: rollout.DuringRollout},
	}
	return s
}

func percents(values ...rollout.Weight) []rollout.Weight {
	weights := make([]rollout.Weight, 0, len(values))
	for _, v := range values {
		weights = append(weights, v*rollout.Percent)
	}
	return weights
}
