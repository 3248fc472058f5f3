package engine_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// corpus is where the states that earlier engines have saved are kept; the core's own test says what is in it.
const corpus = "../rollout/testdata/states"

// saved is one state with the world that it was saved in.
type saved struct {
	Ends struct {
		Phase    rollout.Phase   `json:"phase"`
		Promoted string          `json:"promoted"`
		Outcome  rollout.Outcome `json:"outcome"`
	} `json:"ends"`
	Gated bool `json:"gated"`
	World struct {
		Now      time.Time `json:"now"`
		Deleting bool      `json:"deleting"`
		Released bool      `json:"released"`
		Target   string    `json:"target"`
		Pinned   []string  `json:"pinned"`
		Primary  pods      `json:"primary"`
		Canary   pods      `json:"canary"`
		Abrupt   bool      `json:"abrupt"`
		Route    *struct {
			rollout.Split
		} `json:"route"`
	} `json:"world"`
	State json.RawMessage `json:"state"`
}

type pods struct {
	Revision string `json:"revision"`
	Replicas int    `json:"replicas"`
}

// TestEngineGoesOnFromEarlierStates gives an engine the bytes that an earlier one has stored, in the world that it left:
// it takes the canary to the end on record, with no law broken on the way.
func TestEngineGoesOnFromEarlierStates(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus, "v*", "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no states: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(file, filepath.FromSlash(corpus)+"/")), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s saved
			var specs map[string]rollout.Spec
			read(t, file, &s)
			read(t, filepath.Join(corpus, "manifests.json"), &specs)
			in(t, func(h *house) { h.succeed(&s, specs[filepath.Base(filepath.Dir(file))]) })
		})
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heir is a house with a canary that may be in the middle of its deletion.
type heir struct {
	*house

	deleting bool
}

// Canary is part of engine.Source.
func (h heir) Canary(k engine.Key) (*engine.Canary, error) {
	c, err := h.house.Canary(k)
	if err == nil {
		c.Deleting = h.deleting
	}
	return c, err
}

// succeed lets a new engine take the place of the one that saved a state.
func (h *house) succeed(s *saved, spec rollout.Spec) {
	h.t.Helper()
	h.spec = spec
	if s.Gated {
		for _, hook := range []rollout.HookType{
			rollout.ConfirmRollout, rollout.PreRollout, rollout.DuringRollout, rollout.ConfirmTrafficIncrease, rollout.ConfirmPromotion, rollout.RollbackHook,
		} {
			h.spec.Hooks = append(h.spec.Hooks, rollout.Hook{Name: string(hook), Type: hook})
		}
	}
	// The clock of a bubble begins long before the state was saved.
	time.Sleep(time.Until(s.World.Now.Add(7 * time.Second)))
	h.restore(s)
	if _, err := h.store.Save(h.t.Context(), h.key, s.State, 0); err != nil {
		h.t.Fatal(err)
	}
	e, err := engine.New(heir{h, s.World.Deleting}, h.store, engine.Options{Observe: h.observe, Inbox: h.store, Journal: h.store})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	if h.state().Paused != nil {
		if _, err := h.store.Give(ctx, h.key, rollout.Command{Verb: rollout.Resume, Intent: rollout.Intent{By: "ann"}}); err != nil {
			h.t.Error(err)
		}
		e.Wake(h.key)
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	cancel()
	if err := <-done; err != nil {
		h.t.Error(err)
	}
	h.ends(s)
}

// restore brings the world to where the earlier engine has left it.
func (h *house) restore(s *saved) {
	h.t.Helper()
	ctx, w, pods := h.t.Context(), &s.World, h.target.Driver()
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	at := func(revision string) {
		h.target.Apply(memworkload.Manifest{Revision: revision, Replicas: 2, Abrupt: w.Abrupt})
	}
	for _, revision := range w.Pinned {
		at(revision)
		must(pods.Pin(ctx, revision))
	}
	if w.Primary.Revision != "" {
		must(pods.Promote(ctx, rollout.PromoteTo{Revision: w.Primary.Revision}))
	}
	if c := w.Canary; c.Replicas > 0 {
		at(c.Revision)
		must(pods.Resize(ctx, rollout.Scale{Side: rollout.CanarySide, Revision: c.Revision, Replicas: c.Replicas}))
	}
	at(w.Target)
	if w.Route != nil {
		split := w.Route.Split
		split.Primary = rollout.Whole - split.Canary
		must(h.plane.Driver("cart").Write(ctx, split))
	}
	if w.Released {
		must(h.plane.Driver("cart").Restore(ctx, false))
		must(pods.Release(ctx, false))
	}
}

// ends checks that the canary has come to the end on record, and that nothing is left over.
func (h *house) ends(s *saved) {
	h.t.Helper()
	state := h.state()
	if s.Ends.Phase == rollout.Terminated {
		if state.Phase != "" || h.plane.Traffic("cart").Exists {
			h.t.Errorf("the canary was not released: phase %s, waits for %+v", state.Phase, state.Wait)
		}
		return
	}
	outcome := rollout.Outcome("")
	if state.Run != nil {
		outcome = state.Run.Outcome
	}
	if state.Phase != s.Ends.Phase || state.Promoted != s.Ends.Promoted || outcome != s.Ends.Outcome {
		h.t.Errorf("ends as %s, %s promoted, run %s; want %+v; waits for %+v", state.Phase, state.Promoted, outcome, s.Ends, state.Wait)
	}
	if split := h.plane.Traffic("cart").Acked; split != (rollout.Split{Primary: rollout.Whole}) {
		h.t.Errorf("the traffic is at %+v", split)
	}
	if len(state.Outbox) > 0 {
		h.t.Errorf("%d events were not told", len(state.Outbox))
	}
}

// TestEngineReplacedAfterAnySave replaces the engine after each state that it has saved, before it could act on it: the
// release writes the same weights and ends the same way as without.
func TestEngineReplacedAfterAnySave(t *testing.T) {
	t.Parallel()
	var saves int
	var want []rollout.Weight
	in(t, func(h *house) { saves, want = h.releaseReplacedAt(0) })
	if saves < 10 {
		t.Fatalf("a release saves only %d states", saves)
	}
	for k := 1; k <= saves; k++ {
		in(t, func(h *house) {
			if _, got := h.releaseReplacedAt(k); !slices.Equal(got, want) {
				t.Errorf("replaced after save %d: weights = %v, want %v", k, got, want)
			}
		})
	}
}

// releaseReplacedAt releases v2 with an engine that is replaced after its k-th save, and returns how many states were
// saved and the weights that were written, each once.
func (h *house) releaseReplacedAt(k int) (saves int, weights []rollout.Weight) {
	h.t.Helper()
	first, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	h.store = memstore.New(memstore.Options{Fate: func(op memstore.Op, n int, _ engine.Key) memstore.Fate {
		if op == memstore.Save && n == k {
			cancel()
		}
		return memstore.Works
	}})
	if k > 0 {
		e, stop := h.runUntil(first, cancel)
		h.releaseOnce(first.Done(), e)
		stop()
	}
	e, stop := h.run()
	h.releaseOnce(nil, e)
	stop()
	if s := h.state(); s.Phase != rollout.Succeeded || s.Promoted != "v2" || s.Runs != 1 {
		h.t.Errorf("replaced after save %d: %s with %s promoted in %d runs", k, s.Phase, s.Promoted, s.Runs)
	}
	for _, w := range h.splits {
		weights = append(weights, w.canary)
	}
	return h.store.Calls(memstore.Save), slices.Compact(weights)
}

// releaseOnce gives the target its second revision once the first one serves, and lets the release take its time, unless
// its engine has ended.
func (h *house) releaseOnce(ended <-chan struct{}, e *engine.Engine) {
	for range 1500 {
		select {
		case <-ended:
			return
		case <-time.After(100 * time.Millisecond):
		}
		if h.state().Phase == rollout.Initialized {
			h.target.Apply(memworkload.Manifest{Revision: "v2", Replicas: 2})
			e.Wake(h.key)
		}
	}
}
