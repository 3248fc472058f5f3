package sim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serin-dev/serin/internal/sim"
)

// bubble is the exact, virtual time of a synctest bubble.
type bubble struct{}

func (bubble) Now() time.Time { return time.Now() }

func (bubble) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

func (bubble) Settle() { synctest.Wait() }

// play plays one run in a bubble of its own.
func play(t *testing.T, s *sim.Scenario, o sim.Options) (r sim.Result) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { r = sim.New(bubble{}, s, o).Run() })
	return r
}

// TestScenarios plays every scenario without faults.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, s := range sim.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			r := play(t, s, sim.Options{})
			if len(r.Violations) > 0 {
				t.Errorf("%s\n%s", strings.Join(r.Violations, "\n"), strings.Join(r.Log, "\n"))
			}
			t.Logf("%s: %s after %s, %d calls, cases %v", s.Name, r.Ending, r.Took, len(r.Calls), r.Cases)
		})
	}
}
