package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// edits are the fields of a Spec with what somebody makes of them in the middle of a run: every field has one.
func edits() map[string]func(*rollout.Spec) {
	return map[string]func(*rollout.Spec){
		"Suspend":             func(s *rollout.Spec) { s.Suspend = true },
		"SkipAnalysis":        func(s *rollout.Spec) { s.SkipAnalysis = !s.SkipAnalysis },
		"RevertOnDeletion":    func(s *rollout.Spec) { s.RevertOnDeletion = !s.RevertOnDeletion },
		"ProgressDeadline":    func(s *rollout.Spec) { s.ProgressDeadline = 40 * time.Second },
		"Interval":            func(s *rollout.Spec) { s.Interval = 2 * time.Second },
		"Threshold":           func(s *rollout.Spec) { s.Threshold = 1 },
		"Iterations":          func(s *rollout.Spec) { s.Iterations = 3 - s.Iterations },
		"StepWeight":          func(s *rollout.Spec) { s.StepWeight = 30 * rollout.Percent },
		"MaxWeight":           func(s *rollout.Spec) { s.MaxWeight = 45 * rollout.Percent },
		"StepWeights":         func(s *rollout.Spec) { s.StepWeights = []rollout.Weight{10_000, 35_000} },
		"StepWeightPromotion": func(s *rollout.Spec) { s.StepWeightPromotion = 30 * rollout.Percent },
		"Mirror":              func(s *rollout.Spec) { s.Mirror = !s.Mirror },
		"MirrorWeight":        func(s *rollout.Spec) { s.MirrorWeight = 20 * rollout.Percent },
		"Match":               func(s *rollout.Spec) { s.Match = !s.Match },
		"Sticky":              func(s *rollout.Spec) { s.Sticky = !s.Sticky },
		"PrimaryReady":        func(s *rollout.Spec) { s.PrimaryReady = 50 },
		"CanaryReady":         func(s *rollout.Spec) { s.CanaryReady = 50 },
		"Metrics":             func(s *rollout.Spec) { s.Metrics = s.Metrics[:0:0] },
		"Hooks":               func(s *rollout.Spec) { s.Hooks = s.Hooks[:0:0] },
		"Drain":               func(s *rollout.Spec) { s.Drain = time.Second },
		"UnavailableLimit":    func(s *rollout.Spec) { s.UnavailableLimit = 20 * time.Second },
		"Traffic":             func(s *rollout.Spec) { s.Traffic = rollout.Capabilities{} },
	}
}

// edit makes one of the edits. The caller holds mu.
func (w *World) edit(field string) {
	change := edits()[field]
	if change == nil {
		w.laws.breakf("sim", "there is no edit of %q", field)
		return
	}
	w.respec(change)
}

// Fields lists the fields that edit changes, in their order.
func Fields() []string { return slices.Sorted(maps.Keys(edits())) }

// editOf is the edit of a field in a scenario at a call. One after which nothing could go on is taken back.
func editOf(s *Scenario, field string, op Op, k int) Fault {
	f := Fault{Kind: Edit, Arg: field, Op: op, K: k}
	edited := with(s.Spec, edits()[field])
	if _, _, err := rollout.Compile(edited); err != nil || field == "Suspend" || field == "Traffic" {
		f.For = 40 * time.Second
	}
	return f
}
