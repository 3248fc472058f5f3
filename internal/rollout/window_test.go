package rollout_test

import (
	"slices"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// stepped returns a world whose canary has its first weight in force, and whose metrics are silent.
func stepped(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	lowest := 99.0
	w.spec.Metrics = []analysis.Metric{{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &lowest}}
	w.evidence = nil
	w.run(10 * time.Second)
	w.obs.Workload.Target.Revision = "v2"
	// The run begins some time before its first weight is in force.
	w.canaryUp = false
	w.run(8 * time.Second)
	w.canaryUp = true
	w.run(12 * time.Second)
	if r := w.state.Run; r == nil || r.Acked.IsZero() || r.Step != 0 || r.Acked.Sub(r.Started) < 5*time.Second || len(w.obs.Measurements) > 0 {
		t.Fatalf("not at the first step: %s, %+v", w.state.Phase, w.state.Run)
	}
	return w
}

// TestEvidenceIsOfTheWeightInForce: counts of a window that began before the weight was in force are no evidence,
// however good they are.
func TestEvidenceIsOfTheWeightInForce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		early  time.Duration
		passes int
	}{"from when it was": {0, 1}, "from a second before": {time.Second, 0}} {
		w := stepped(t)
		w.obs.Now = w.now
		_, actions := rollout.Step(w.spec, w.state, w.obs)
		for _, a := range actions {
			if m, ok := a.(rollout.Measure); ok {
				m.From = m.From.Add(-c.early)
				w.obs.Measurements[m.ID] = measured(healthy(), m)
			}
		}
		if len(w.obs.Measurements) != 1 {
			t.Fatalf("%s: nothing is measured: %+v", name, actions)
		}
		after, _ := rollout.Step(w.spec, w.state, w.obs)
		// A passed check takes the run to its second step.
		if got := after.Run.Step; got != c.passes {
			t.Errorf("%s: at step %d, want %d; results %+v", name, got, c.passes, after.Run.Results)
		}
	}
}

// TestEditedPlanGoesOnAtItsWeight: where an edited plan still has the weight that users have, the run goes on there,
// with no step more.
func TestEditedPlanGoesOnAtItsWeight(t *testing.T) {
	t.Parallel()
	w := stepped(t)
	w.spec.StepWeight, w.spec.StepWeights = 0, []rollout.Weight{10 * rollout.Percent, 20 * rollout.Percent, 80 * rollout.Percent}
	w.pass()
	if r := w.state.Run; r.Step != 1 || r.Weight != 20*rollout.Percent {
		t.Errorf("step %d at %s, want step 1 at 20%%", r.Step, r.Weight)
	}
}

// TestNothingRisesWithoutCapacity: between the decision to raise a weight and its write the canary may lose a pod, and the
// process may die; the write waits for the pod.
func TestNothingRisesWithoutCapacity(t *testing.T) {
	t.Parallel()
	w := stepped(t)
	w.evidence = healthy()
	for len(w.obs.Measurements) == 0 {
		w.pass()
		w.now = w.now.Add(time.Second)
	}
	// The process dies before it can write what it has decided.
	w.crash = 1
	w.pass()
	if w.state.Run.Step != 1 || w.obs.Traffic.Split.Canary != 20*rollout.Percent {
		t.Fatalf("at step %d with %s", w.state.Run.Step, w.obs.Traffic.Split.Canary)
	}
	for ready, want := range map[int]bool{1: false, 2: true} {
		obs := w.obs
		obs.Now = w.now
		obs.Workload.Canary.Ready, obs.Workload.Canary.Serving = ready, ready
		after, actions := rollout.Step(w.spec, w.state, obs)
		raised := slices.ContainsFunc(actions, func(a rollout.Action) bool {
			s, ok := a.(rollout.SetSplit)
			return ok && s.Split.Canary > w.obs.Traffic.Split.Canary
		})
		if raised != want {
			t.Errorf("%d of 2 pods: raised %t, want %t; waits for %+v", ready, raised, want, after.Wait)
		}
	}
}
