package sim_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/sim"
)

// stride says that every n-th case of a scenario is played. The first scenario of a sweep is played as a whole, the
// others are when the random part is, too: as long as there is time.
func stride(first bool) int {
	switch {
	case os.Getenv("SERIN_FAULTS") != "":
		return 1
	case race:
		return 25
	case first:
		return 1
	default:
		return 5
	}
}

// sweep plays the cases of some scenarios. It asserts that each fault fired and that the laws were put to the test.
func sweep(t *testing.T, names []string, plan func(*sim.Scenario, []sim.Op) []sim.Case, laws ...string) {
	t.Helper()
	report := sim.NewReport()
	var mu sync.Mutex
	t.Run("scenarios", func(t *testing.T) {
		t.Parallel()
		for number, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := sim.Find(name)
				cases := plan(s, play(t, s, sim.Options{}).Calls)
				for i, c := range cases {
					if i%stride(number == 0) != 0 {
						continue
					}
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
		if report.Fired() != report.Planned() || report.Runs() == 0 {
			t.Errorf("%d of %d faults fired in %d runs", report.Fired(), report.Planned(), report.Runs())
		}
		if untried := report.Untried(laws...); len(untried) > 0 && !race {
			t.Errorf("no run has put these laws to the test: %v", untried)
		}
	})
}

// TestFailures lets every write fail in every way.
func TestFailures(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "metric fails", "delete mid-run", "blue/green, abrupt"}, sim.Failures, "S1", "S2", "S3", "S4", "S8", "S9", "S14", "L1")
}

// TestEdits edits every field of the manifest at every write.
func TestEdits(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "blue/green", "promote with gate"}, sim.Edits, "S5", "S12", "S15", "L1")
}

// TestTakeovers lets a second engine come at every save.
func TestTakeovers(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "abort at step 1", "primary not ready", "revert mid-run"}, sim.Takeovers, "S14", "S17", "L1")
}

// TestAnswers lets third parties answer wrongly, slowly and not at all.
func TestAnswers(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "promote with gate", "metric fails"}, sim.Answers, "S12", "S15", "L1", "L3", "7")
}

// TestReads lets reads fail, hang and show the past.
func TestReads(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "abort at step 1", "delete mid-run", "blue/green, abrupt"}, sim.Reads, "S13", "L1")
}

// TestPlanes lets the data plane refuse and be late.
func TestPlanes(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "linear promote, back by steps", "metric fails", "header A/B", "mirror", "delete mid-run", "blue/green, abrupt"}, sim.Planes, "S4", "L1")
}

// TestMoments sets clocks, takes pods down and lets people interfere.
func TestMoments(t *testing.T) {
	t.Parallel()
	sweep(t, []string{"linear promote", "metric fails", "primary not ready", "new revision mid-run", "blue/green, abrupt"}, sim.Moments, "S6", "S10", "S15", "L1")
}

// TestHungParties gives the word to go back while every third party hangs: the traffic is back in time all the same.
func TestHungParties(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"abort at step 0": "hang@query#1+9m,hang@notify#1+9m,hang@append#1+9m",
		"abort at step 2": "hang@query#5+9m,hang@notify#1+9m,hang@append#1+9m",
		"metric fails":    "hang@notify#1+9m,hang@append#1+9m",
		// The first answers open the first gates.
		"abort at the gate": "hang@ask#1+9m,hang@notify#1+9m,hang@append#1+9m",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults, err := sim.Parse(list)
			if err != nil {
				t.Fatal(err)
			}
			r := play(t, sim.Find(name), sim.Options{Faults: faults})
			check(t, &r)
			if r.Cases["L3"] == 0 {
				t.Errorf("nobody had to go back: %s\n%s", r.Ending, strings.Join(r.Log, "\n"))
			}
		})
	}
}

// TestSameAgain plays some runs twice: what happens depends on the scenario and its faults alone.
func TestSameAgain(t *testing.T) {
	t.Parallel()
	calls := baseline(t)
	for seed := range uint64(60) {
		c := sim.Random(seed, calls)
		one := play(t, c.Scenario, sim.Options{Faults: c.Faults})
		two := play(t, c.Scenario, sim.Options{Faults: c.Faults})
		if diff := cmp.Diff(one.Log, two.Log); diff != "" {
			t.Errorf("seed %d, %s with %s is not the same twice:\n%s", seed, c.Scenario.Name, sim.Join(c.Faults), diff)
		}
	}
}

// baseline is what the fault-free runs call.
func baseline(t *testing.T) map[string][]sim.Op {
	t.Helper()
	calls := map[string][]sim.Op{}
	for _, s := range sim.Scenarios() {
		calls[s.Name] = play(t, s, sim.Options{}).Calls
	}
	return calls
}

// TestSeeds plays random scenarios with random faults: 200, or as many as SERIN_FAULTS says.
func TestSeeds(t *testing.T) {
	t.Parallel()
	n := 200
	if race {
		n = 60
	}
	if text := os.Getenv("SERIN_FAULTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	calls := baseline(t)
	report := sim.NewReport()
	var mu sync.Mutex
	workers := runtime.GOMAXPROCS(0)
	t.Run("seeds", func(t *testing.T) {
		t.Parallel()
		for worker := range workers {
			t.Run(strconv.Itoa(worker), func(t *testing.T) {
				t.Parallel()
				for seed := worker; seed < n; seed += workers {
					c := sim.Random(uint64(seed), calls)
					r := play(t, c.Scenario, sim.Options{Faults: c.Faults})
					if len(r.Violations) > 0 {
						t.Errorf("seed %d", seed)
						r = smallest(t, c, r)
					}
					check(t, &r)
					mu.Lock()
					report.Add(&r)
					mu.Unlock()
				}
			})
		}
	})
	t.Cleanup(func() { t.Logf("%d seeds, %d of %d faults fired", report.Runs(), report.Fired(), report.Planned()) })
}

// smallest drops one fault after the other as long as a law is still broken.
func smallest(t *testing.T, c sim.Case, r sim.Result) sim.Result {
	t.Helper()
	for i := 0; i < len(r.Faults) && len(r.Faults) > 1; {
		fewer := append(append([]sim.Fault{}, r.Faults[:i]...), r.Faults[i+1:]...)
		if again := play(t, c.Scenario, sim.Options{Faults: fewer}); len(again.Violations) > 0 {
			r, i = again, 0
			continue
		}
		i++
	}
	return r
}
