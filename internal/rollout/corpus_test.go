package rollout_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/rollout"
)

// collect adds to the corpus what it lacks. A file that is there is never written again: it stands for a state that some
// engine has saved and that every later one has to read.
var collect = flag.Bool("collect", false, "add the missing saved states to testdata/states") //nolint:gochecknoglobals // Flags are global.

const corpus = "testdata/states"

// saved is one file of the corpus: a state as an engine of some version wrote it, and the world that it was saved in.
type saved struct {
	// Ends is how it ends in a world that behaves.
	Ends ending `json:"ends"`
	// Gated says that the manifest has a hook of every type.
	Gated bool            `json:"gated,omitempty"`
	World facts           `json:"world"`
	State json.RawMessage `json:"state"`
}

type ending struct {
	Phase    rollout.Phase   `json:"phase"`
	Promoted string          `json:"promoted,omitempty"`
	Outcome  rollout.Outcome `json:"outcome,omitempty"`
}

// facts are what runs when an engine is replaced. They are a format of their own, which does not follow the core's.
type facts struct {
	Now      time.Time `json:"now"`
	Deleting bool      `json:"deleting,omitempty"`
	Released bool      `json:"released,omitempty"`
	Target   string    `json:"target"`
	Pinned   []string  `json:"pinned,omitempty"`
	Primary  pods      `json:"primary"`
	Canary   pods      `json:"canary"`
	// Abrupt says that the primary cannot be replaced gradually.
	Abrupt bool `json:"abrupt,omitempty"`
	Route  *way `json:"route,omitempty"`
}

type pods struct {
	Revision string `json:"revision,omitempty"`
	Replicas int    `json:"replicas,omitempty"`
}

type way struct {
	Canary         int    `json:"canary,omitempty"`
	Mirror         int    `json:"mirror,omitempty"`
	Match          bool   `json:"match,omitempty"`
	CanarySession  string `json:"canarySession,omitempty"`
	PrimarySession string `json:"primarySession,omitempty"`
	Revision       string `json:"revision,omitempty"`
}

// manifests returns those of the corpus by the names of their strategies; each of them is played with and without hooks.
func manifests(t *testing.T) map[string]rollout.Spec {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, "manifests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var specs map[string]rollout.Spec
	unmarshal(t, data, &specs)
	return specs
}

// specOf is the manifest of a strategy.
func specOf(t *testing.T, strategy string, gated bool) rollout.Spec {
	t.Helper()
	s, ok := manifests(t)[strategy]
	if !ok {
		t.Fatalf("there is no manifest of %s", strategy)
	}
	if !gated {
		return s
	}
	for _, h := range []rollout.HookType{
		rollout.ConfirmRollout, rollout.PreRollout, rollout.DuringRollout, rollout.ConfirmTrafficIncrease, rollout.ConfirmPromotion, rollout.RollbackHook,
	} {
		s.Hooks = append(s.Hooks, rollout.Hook{Name: string(h), Type: h})
	}
	return s
}

// TestStatesOfEarlierEngines reads every state of the corpus as this engine does after an update, compares what it has
// understood, and lets the canary go on in a world that behaves: by no law broken it has to come to the end on record.
func TestStatesOfEarlierEngines(t *testing.T) {
	t.Parallel()
	if *collect {
		collectStates(t)
	}
	files, err := filepath.Glob(filepath.Join(corpus, "v*", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no states: %v", err)
	}
	for _, file := range files {
		name, _ := strings.CutPrefix(filepath.ToSlash(file), corpus+"/")
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			t.Parallel()
			checkSaved(t, file, filepath.Base(filepath.Dir(file)))
		})
	}
}

func checkSaved(t *testing.T, file, strategy string) {
	t.Helper()
	s := readSaved(t, file)
	state, err := rollout.Decode(s.State)
	if err != nil {
		t.Fatalf("an earlier engine's state cannot be read: %v", err)
	}
	if place := placeOf(&state); !strings.HasPrefix(filepath.Base(file), place) {
		t.Errorf("read as %s", place)
	}
	var was, is map[string]any
	unmarshal(t, s.State, &was)
	unmarshal(t, []byte(stateText(state)), &is)
	// What a later version writes in another way is checked by its own files.
	if was["version"] == is["version"] {
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("something of the state was not understood (-saved +read):\n%s", diff)
		}
	}
	w := s.world(t, strategy)
	w.state = state
	if got := w.end(); got != s.Ends {
		t.Errorf("ends as %+v, want %+v; waits for %+v", got, s.Ends, w.state.Wait)
	}
}

// TestCorpusOfStatesIsComplete: each phase and stage that a strategy goes through is there, as this version writes it.
func TestCorpusOfStatesIsComplete(t *testing.T) {
	t.Parallel()
	// A release without analysis has no steps.
	never := []place{
		{rollout.Progressing, rollout.Preparing}, {rollout.Progressing, rollout.Stepping}, {rollout.WaitingPromotion, rollout.Stepping},
		{rollout.Terminating, rollout.Stepping},
	}
	for strategy := range manifests(t) {
		all := append(places(), place{phase: rollout.Initializing}, place{phase: rollout.Initialized}, place{rollout.Succeeded, rollout.Done}, place{phase: rollout.Terminated})
		for _, p := range all {
			if p.phase == "Unheard" || strategy == "no-analysis" && slices.Contains(never, p) {
				continue
			}
			name := string(p.phase)
			if p.stage != "" {
				name += "-" + string(p.stage)
			}
			pattern := filepath.Join(corpus, fmt.Sprintf("v%d", rollout.StateVersion), strategy, name+"*.json")
			if found, err := filepath.Glob(pattern); err != nil || len(found) == 0 {
				t.Errorf("%s has no state of %s: add it with go test ./internal/rollout -run Earlier -collect (%v)", strategy, name, err)
			}
		}
	}
}

func readSaved(t *testing.T, file string) saved {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s saved
	unmarshal(t, data, &s)
	return s
}

func unmarshal(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// placeOf names where a state stands, as the files are called.
func placeOf(s *rollout.State) string {
	name := string(s.Phase)
	if s.Run != nil {
		name += "-" + string(s.Run.Stage)
	}
	return name
}

// nameOf is placeOf with what else is special about the state.
func nameOf(s *rollout.State) string {
	name, r := placeOf(s), s.Run
	switch {
	case s.Paused != nil:
		name += "-paused"
	case r == nil || r.Stage == rollout.Done:
	case r.Gate.Closed != "":
		name += "-gate-closed"
	case !r.NoData.IsZero():
		name += "-no-data"
	case !r.Unavailable.IsZero():
		name += "-unavailable"
	case r.Override != nil:
		name += "-overridden"
	case r.Skip != nil:
		name += "-skipped"
	case r.FailedChecks > 0 && r.Outcome == "":
		name += "-failed-checks"
	case r.Full:
		name += "-full"
	case len(s.Outbox) == 0:
		name += "-told"
	}
	return name
}

// factsOf are those of a world now.
func factsOf(w *world) facts {
	o, t := &w.obs.Workload, &w.obs.Traffic
	f := facts{
		Now: w.now, Deleting: w.obs.Deleting, Released: w.obs.Released, Target: o.Target.Revision, Pinned: slices.Clone(o.Target.Pinned),
		Primary: pods{o.Primary.Revision, o.Primary.Replicas}, Canary: pods{o.Canary.Revision, o.Canary.Replicas}, Abrupt: o.Primary.Abrupt,
	}
	if s := t.Split; t.Exists {
		f.Route = &way{int(s.Canary), int(s.Mirror), s.Match, s.CanarySession, s.PrimarySession, s.Revision}
	}
	return f
}

// world makes a world of a saved one, in which everything behaves from now on.
func (s *saved) world(t *testing.T, strategy string) *world {
	t.Helper()
	f, w := &s.World, newWorld(t)
	w.spec = specOf(t, strategy, s.Gated)
	// An update takes a while.
	w.now = f.Now.Add(7 * time.Second)
	w.obs.Deleting, w.obs.Released = f.Deleting, f.Released
	o := &w.obs.Workload
	o.Target.Revision, o.Target.Pinned = f.Target, slices.Clone(f.Pinned)
	o.Primary = rollout.Side{Exists: f.Primary.Revision != "", Revision: f.Primary.Revision, Replicas: f.Primary.Replicas, Abrupt: f.Abrupt}
	o.Canary = rollout.Side{Exists: f.Canary.Revision != "", Revision: f.Canary.Revision, Replicas: f.Canary.Replicas}
	if r := f.Route; r != nil {
		canary := rollout.Weight(r.Canary)
		w.obs.Traffic.Exists, w.obs.Traffic.Split = true, rollout.Split{
			Primary: rollout.Whole - canary, Canary: canary, Mirror: rollout.Weight(r.Mirror), Match: r.Match,
			CanarySession: r.CanarySession, PrimarySession: r.PrimarySession, Revision: r.Revision,
		}
		w.obs.Traffic.Acked = w.obs.Traffic.Split
	}
	for _, h := range w.spec.Hooks {
		w.hooks[h.Name] = h.Type != rollout.RollbackHook
	}
	return w
}

// end goes on to a resting phase, with nothing left to be done, and says which.
func (w *world) end() ending {
	if w.state.Paused != nil {
		w.command(rollout.Resume)
	}
	for end := w.now.Add(time.Hour); w.now.Before(end) && !w.rests(); {
		w.run(time.Second)
	}
	s := &w.state
	e := ending{Phase: s.Phase, Promoted: s.Promoted}
	if s.Run != nil {
		e.Outcome = s.Run.Outcome
	}
	if c := w.obs.Workload.Canary; s.Phase != rollout.Terminated && (c.Replicas > 0 || w.obs.Traffic.Split.Primary != rollout.Whole) {
		w.t.Errorf("at rest the canary has %d pods and the split is %+v", c.Replicas, w.obs.Traffic.Split)
	}
	return e
}

// collectStates plays releases of every strategy, and writes down the states that the corpus does not have yet.
func collectStates(t *testing.T) {
	t.Helper()
	for strategy := range manifests(t) {
		found := map[string]saved{}
		for _, name := range slices.Sorted(maps.Keys(tales())) {
			gated := name != "plain"
			w := newWorld(t)
			w.spec = specOf(t, strategy, gated)
			tales()[name](&teller{world: w, gated: gated, found: found})
		}
		dir := filepath.Join(corpus, fmt.Sprintf("v%d", rollout.StateVersion), strategy)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		for name, s := range found {
			file := filepath.Join(dir, name+".json")
			if _, err := os.Stat(file); err == nil {
				continue
			}
			w := s.world(t, strategy)
			var err error
			if w.state, err = rollout.Decode(s.State); err != nil {
				t.Fatal(err)
			}
			s.Ends = w.end()
			data, err := json.MarshalIndent(s, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(data, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
