package sim_test

import (
	"sync"
	"testing"

	"github.com/serin-dev/serin/internal/sim"
)

// TestCrashes lets the engine die before and after every call of every scenario, and lets every answer get lost. Each
// of these runs has to end as its scenario lists it.
func TestCrashes(t *testing.T) {
	t.Parallel()
	wants := sim.Any
	if race {
		wants = sim.Essential
	}
	report := sim.NewReport()
	var mu sync.Mutex
	played := 0
	t.Run("scenarios", func(t *testing.T) {
		t.Parallel()
		for _, s := range sim.Scenarios() {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				mu.Lock()
				played++
				mu.Unlock()
				good := play(t, s, sim.Options{})
				for _, c := range sim.Crashes(s, good.Calls, wants) {
					r := play(t, c.Scenario, sim.Options{Faults: c.Faults})
					check(t, &r)
					mu.Lock()
					report.Add(&r)
					mu.Unlock()
				}
			})
		}
	})
	t.Cleanup(func() {
		t.Log("\n" + report.String())
		if played < len(sim.Scenarios()) {
			return // Somebody chose some of them with -run.
		}
		const least = 2100
		if report.Runs() < least || report.Fired() != report.Planned() {
			t.Errorf("%d runs of at least %d; %d of %d faults fired", report.Runs(), least, report.Fired(), report.Planned())
		}
		if untried := report.Untried("S1", "S2", "S3", "S4", "S5", "S6", "S8", "S9", "S10", "S12", "S14", "S15", "S17", "S21", "L1", "L2", "L3", "L4", "7"); len(untried) > 0 {
			t.Errorf("no run has put these laws to the test: %v", untried)
		}
	})
}
