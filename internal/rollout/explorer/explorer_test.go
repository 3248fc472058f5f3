package explorer_test

import (
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"

	"github.com/serin-dev/serin/internal/rollout/explorer"
)

// toTheEnd are the plans that every run of the tests walks to their end, three million transitions each and a quarter of
// a million in a second; of the others it walks the beginning.
func toTheEnd() []string {
	return []string{
		"weighted, narrow", "no analysis, narrow", "gates, narrow", "provider without weights, narrow", "abrupt primary, narrow",
	}
}

// budget is how many transitions of a plan are walked, 0 for all of them: a minute or so for all plans together, less
// under the race detector, which makes the same code ten times as slow. SERIN_EXPLORE is another number for each plan,
// or "all" for the whole walk of all, which takes hours and some gigabytes of memory.
func budget(t *testing.T, plan string) int {
	t.Helper()
	switch v := os.Getenv("SERIN_EXPLORE"); {
	case v == "all":
		return 0
	case v != "":
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			t.Fatalf("SERIN_EXPLORE is %q: want a number of transitions, or all", v)
		}
		return n
	case raced():
		return 15_000
	case slices.Contains(toTheEnd(), plan):
		return 0
	default:
		return 120_000
	}
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
	for _, plan := range explorer.Plans() {
		t.Run(plan.Name, func(t *testing.T) {
			t.Parallel()
			limit := budget(t, plan.Name)
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
			if limit == 0 && !r.Exhausted && len(r.Violations) == 0 {
				t.Error("the walk has no budget and did not come to its end")
			}
		})
	}
}
