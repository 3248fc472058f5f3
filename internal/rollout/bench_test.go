package rollout_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// moment is what one Step was given.
type moment struct {
	spec  rollout.Spec
	state rollout.State
	obs   rollout.Observation
}

// release plays a whole release of ten steps and returns what every Step of it was given.
func release(t tester) []moment {
	w := newWorld(t)
	w.spec.StepWeight, w.spec.MaxWeight = 10*rollout.Percent, rollout.Whole
	least, most := 99.0, 500.0
	w.spec.Metrics = []analysis.Metric{
		{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &least},
		{Name: "request-duration", Source: analysis.Duration, Max: &most},
	}
	w.run(20 * time.Second)
	w.obs.Workload.Target.Revision = "v2"
	var moments []moment
	for range 300 {
		for range 8 {
			w.obs.Now = w.now
			w.settle()
			moments = append(moments, moment{w.spec, w.state, kept(w.obs)})
			if !w.pass() {
				break
			}
		}
		w.now = w.now.Add(time.Second)
	}
	if w.state.Promoted != "v2" {
		t.Fatalf("the release did not succeed: %s", stateText(w.state))
	}
	return moments
}

// kept is an observation that the world does not change any more.
func kept(obs rollout.Observation) rollout.Observation {
	obs.Answers, obs.Measurements = maps.Clone(obs.Answers), maps.Clone(obs.Measurements)
	obs.Commands, obs.Delivered = slices.Clone(obs.Commands), slices.Clone(obs.Delivered)
	obs.Workload.Target.Pinned = slices.Clone(obs.Workload.Target.Pinned)
	return obs
}

// BenchmarkStep is the mean of all Steps of a release of ten steps.
func BenchmarkStep(b *testing.B) {
	moments := release(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := &moments[i%len(moments)]
		rollout.Step(m.spec, m.state, m.obs)
	}
}

// BenchmarkStepInPhase is the mean of the Steps that began in one phase of a release of ten steps.
func BenchmarkStepInPhase(b *testing.B) {
	phases := map[rollout.Phase][]moment{}
	for _, m := range release(b) {
		phases[m.state.Phase] = append(phases[m.state.Phase], m)
	}
	for _, phase := range slices.Sorted(maps.Keys(phases)) {
		b.Run(string(phase), func(b *testing.B) {
			moments := phases[phase]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m := &moments[i%len(moments)]
				rollout.Step(m.spec, m.state, m.obs)
			}
		})
	}
}

// BenchmarkStepThatTellsMost is the Step of a release of ten steps that allocates most: the one of the verdict.
func BenchmarkStepThatTellsMost(b *testing.B) {
	moments := release(b)
	m := &moments[0]
	most := 0.0
	for i := range moments {
		if n := allocations(&moments[i]); n > most {
			m, most = &moments[i], n
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		rollout.Step(m.spec, m.state, m.obs)
	}
}

func allocations(m *moment) float64 {
	return testing.AllocsPerRun(1, func() { rollout.Step(m.spec, m.state, m.obs) })
}

// BenchmarkSave encodes a state in the middle of a release, as every pass does.
func BenchmarkSave(b *testing.B) {
	moments := release(b)
	state := moments[len(moments)/2].state
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rollout.Encode(state); err != nil {
			b.Fatal(err)
		}
	}
}

const (
	// meanAllocations is how often a Step of a release may allocate memory at the mean.
	meanAllocations = 20
	// mostAllocations is the same for the Steps that decide and therefore have most to tell.
	mostAllocations = 50
)

//nolint:paralleltest // What other tests allocate would be counted.
func TestStepAllocatesLittle(t *testing.T) {
	moments := release(t)
	var total, most float64
	var where string
	for i := range moments {
		m := &moments[i]
		n := allocations(m)
		total += n
		if n > most {
			most, where = n, fmt.Sprintf("%s, %+v", m.obs.Now.Sub(epoch()), stateText(m.state))
		}
	}
	mean := total / float64(len(moments))
	t.Logf("%d Steps allocate %.1f times at the mean and %.0f times at most, in %s", len(moments), mean, most, where)
	if mean > meanAllocations || most > mostAllocations {
		t.Errorf("want at most %d and %d", meanAllocations, mostAllocations)
	}
}
