package sim

import (
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// Scenario is a release from the adoption of a target on, with the people who take part in it.
type Scenario struct {
	Name string
	// Group is the reference scenario that it belongs to.
	Group string
	Spec  rollout.Spec
	Acts  []Act
	// Ending is how it ends when nothing goes wrong; Endings are what else is allowed when something does.
	Ending  string
	Endings []string

	// Replicas is the size of the target. Default 2.
	Replicas int
	// Autoscaled is the minimum of the primary's autoscaler, or 0 without one.
	Autoscaled int
	// Abrupt means that the target's old pods end before new ones start.
	Abrupt bool
	// Errors is the share of requests that a revision answers badly, Never the revisions that must not be promoted.
	Errors map[string]float64
	Never  []string
	// Broken says which pods never get ready.
	Broken func(side rollout.SideName, revision string) bool
}

func (s *Scenario) replicas() int {
	if s.Replicas == 0 {
		return 2
	}
	return s.Replicas
}

func (s *Scenario) never(revision string) bool {
	return slices.Contains(s.Never, revision)
}

// The endings.
const (
	promotedV2 = "Succeeded, the primary serves v2, run of v2 succeeded (Promoted)"
	promotedV3 = "Succeeded, the primary serves v3, run of v3 succeeded (Promoted)"
	reverted   = "Succeeded, the primary serves v1, run of v2 reverted (Reverted)"
	aborted    = "Failed, the primary serves v1, run of v2 aborted (Aborted)"
)

func failed(reason string) string {
	return "Failed, the primary serves v1, run of v2 failed (" + reason + ")"
}

// weighted is the spec from which most scenarios start: three steps, metrics of both kinds.
func weighted() rollout.Spec {
	least, most := 99.0, 10.0
	return rollout.Spec{
		Interval: 5 * time.Second, Drain: 3 * time.Second, ProgressDeadline: 90 * time.Second, UnavailableLimit: time.Minute,
		Threshold: 2, StepWeights: []rollout.Weight{20_000, 40_000, 60_000},
		Metrics: []analysis.Metric{
			{Name: "success", Source: analysis.SuccessRate, Min: &least}, {Name: "queue", Source: analysis.Query, Max: &most},
		},
		Traffic: rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true},
	}
}

// with returns a spec changed by f.
func with(s rollout.Spec, f func(*rollout.Spec)) rollout.Spec {
	f(&s)
	return s
}

// release is the act with which every scenario begins: a team deploys another revision.
func release() Act { return deploys("v2", born, 900*time.Millisecond) }

func deploys(revision string, when func(*rollout.State) bool, after time.Duration) Act {
	return Act{What: "deploy " + revision, When: when, After: after, Do: func(w *World) { w.deploy(revision) }}
}

func says(verb rollout.Verb, when func(*rollout.State) bool, after time.Duration) Act {
	return Act{What: string(verb), When: when, After: after, Do: func(w *World) { w.tell(verb) }}
}

func deletes(when func(*rollout.State) bool, after time.Duration) Act {
	return Act{What: "delete the canary", When: when, After: after, Do: func(w *World) { w.remove() }}
}

func born(s *rollout.State) bool { return s.Phase == rollout.Initialized && len(s.Outbox) == 0 }

// stage says that the run of a revision is in a stage.
func stage(want rollout.Stage) func(*rollout.State) bool {
	return func(s *rollout.State) bool { return s.Run != nil && s.Run.Stage == want }
}

// step says that the run's split of a step is in force.
func step(n int) func(*rollout.State) bool {
	return func(s *rollout.State) bool {
		return s.Run != nil && s.Run.Stage == rollout.Stepping && s.Run.Step >= n && !s.Run.Acked.IsZero()
	}
}

func phase(want rollout.Phase) func(*rollout.State) bool {
	return func(s *rollout.State) bool { return s.Phase == want }
}

func always(*rollout.State) bool { return true }

// Scenarios are the reference scenarios, some of them in several variants.
func Scenarios() []*Scenario {
	all := append(plain(), unlucky()...)
	all = append(all, ordered()...)
	all = append(all, changed()...)
	all = append(all, shapes()...)
	return all
}

// Find returns the scenario of a name, or nil.
func Find(name string) *Scenario {
	for _, s := range Scenarios() {
		if s.Name == name {
			return s
		}
	}
	return nil
}
