package sim_test

import (
	"os"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/sim"
)

// command is what plays a run again.
func command(r *sim.Result) string {
	return "SERIN_SIM='" + r.Scenario + "|" + sim.Join(r.Faults) + "' go test ./internal/sim -run 'TestReplay$' -v"
}

// check fails the test where a run broke a law.
func check(t *testing.T, r *sim.Result) {
	t.Helper()
	if len(r.Violations) > 0 {
		t.Errorf("%s with %s: %s\nplay it again: %s", r.Scenario, sim.Join(r.Faults), strings.Join(r.Violations, "\n"), command(r))
	}
}

// TestReplay plays the run that SERIN_SIM names, SCENARIO|FAULTS, and prints all of it.
func TestReplay(t *testing.T) {
	t.Parallel()
	name, list, _ := strings.Cut(os.Getenv("SERIN_SIM"), "|")
	if name == "" {
		t.Skip("SERIN_SIM names no run")
	}
	s := sim.Find(name)
	if s == nil {
		t.Fatalf("there is no scenario %q", name)
	}
	faults, err := sim.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	r := play(t, s, sim.Options{Faults: faults})
	t.Logf("%s\n%s\nfired %v\n%s", r.Ending, strings.Join(r.Log, "\n"), r.Fired, strings.Join(r.Violations, "\n"))
	check(t, &r)
}
