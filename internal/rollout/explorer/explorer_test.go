package explorer_test

import (
	"os"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/serin-dev/serin/internal/rollout/explorer"
)

// budget is how many transitions of each plan are walked: enough for a minute or so, less under the race detector,
// which looks at the same code ten times as slowly. SERIN_EXPLORE is another number, or "all" for the whole walk.
func budget(t *testing.T) int {
	t.Helper()
	switch v := os.Getenv("SERIN_EXPLORE"); v {
	case "all":
		return 0
	case "":
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			t.Fatalf("SERIN_EXPLORE is %q: want a number of transitions, or all", v)
		}
		return n
	}
	if raced() {
		return 60_000
	}
	return 800_000
}

// raced says whether this test was built with the race detector.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// TestPlans walks every plan: no law may break on any transition, and rest must be reached from every state.
func TestPlans(t *testing.T) {
	t.Parallel()
	limit := budget(t)
	for _, plan := range explorer.Plans() {
		t.Run(plan.Name, func(t *testing.T) {
			t.Parallel()
			r, err := explorer.Explore(plan, explorer.Options{Budget: limit, Most: 3})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r)
			for _, v := range r.Violations {
				t.Errorf("%d laws are broken by this scenario:\n\n%s", len(v.Laws), v.Script)
			}
			if r.States == 0 || r.Steps == 0 || r.Rests == 0 {
				t.Errorf("nothing was walked: %+v", r)
			}
		})
	}
}
