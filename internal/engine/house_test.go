package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/memrouter"
	"github.com/serin-dev/serin/internal/workload"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// house is one canary with the real core, the real portable types and drivers that keep everything in memory. It
// outlives the engines that run in it. Its third parties can hang, and each change of the world can be the last that
// an engine makes.
type house struct {
	t      *testing.T
	key    engine.Key
	target *memworkload.Target
	plane  *memrouter.Plane
	store  *memstore.Store
	spec   rollout.Spec

	mu sync.Mutex
	// hung are the parties that do not answer: ask, measure, notify, route, pods.
	hung map[string]bool
	// changes counts the changes of the world; at is called before and after each of them.
	changes int
	at      func(k int, after bool) error
	// reads counts the observations, told lists the ids of the events as the notifier got them.
	reads int
	told  []string
	// splits are the weights that were written, with their times.
	splits []written
	traces int
}

type written struct {
	at     time.Time
	canary rollout.Weight
}

func newHouse(t *testing.T) *house {
	t.Helper()
	lowest := 99.0
	h := &house{t: t, key: key("cart"), hung: map[string]bool{}, store: memstore.New(memstore.Options{})}
	h.spec = rollout.Spec{
		Interval: 10 * time.Second, Drain: 5 * time.Second, StepWeights: []rollout.Weight{20_000, 50_000},
		Metrics: []analysis.Metric{{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &lowest}},
		Hooks:   []rollout.Hook{{Name: "load", Type: rollout.DuringRollout}, {Name: "undo", Type: rollout.RollbackHook}},
		Traffic: rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true},
	}
	h.target = memworkload.New(memworkload.Options{
		Before: func(ctx context.Context, c memworkload.Call) error {
			return h.before(ctx, c.Method == memworkload.Observe, "pods")
		},
		After: func(_ context.Context, c memworkload.Call) error { return h.after(c.Method == memworkload.Observe) },
	})
	h.plane = memrouter.NewPlane(memrouter.Options{
		Before: func(ctx context.Context, c memrouter.Call) error {
			return h.before(ctx, c.Method == memrouter.Read, "route")
		},
		After: func(_ context.Context, c memrouter.Call) error {
			if c.Method == memrouter.Write {
				h.mu.Lock()
				h.splits = append(h.splits, written{time.Now(), c.Split.Canary})
				h.mu.Unlock()
			}
			return h.after(c.Method == memrouter.Read)
		},
	})
	h.plane.Add("cart")
	h.target.Apply(memworkload.Manifest{Revision: "v1", Replicas: 2})
	return h
}

func (h *house) before(ctx context.Context, reads bool, party string) error {
	if reads {
		h.mu.Lock()
		h.reads++
		h.mu.Unlock()
		return h.answer(ctx, party)
	}
	h.mu.Lock()
	h.changes++
	k, at := h.changes, h.at
	h.mu.Unlock()
	if at == nil {
		return nil
	}
	return at(k, false)
}

func (h *house) after(reads bool) error {
	h.mu.Lock()
	k, at := h.changes, h.at
	h.mu.Unlock()
	if reads || at == nil {
		return nil
	}
	return at(k, true)
}

// answer waits for the end of the call where a party hangs.
func (h *house) answer(ctx context.Context, party string) error {
	h.mu.Lock()
	hangs := h.hung[party]
	h.mu.Unlock()
	if !hangs {
		return nil
	}
	<-ctx.Done()
	return fault.Errorf(fault.Unavailable, "%s hangs", party)
}

func (h *house) hang(parties ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, party := range parties {
		h.hung[party] = true
	}
}

// Canary is part of engine.Source.
func (h *house) Canary(k engine.Key) (*engine.Canary, error) {
	pods, err := workload.New(h.target.Driver(), workload.Options{})
	if err != nil {
		return nil, err
	}
	return &engine.Canary{
		Key: k, Spec: h.spec, Workload: pods, Router: router.New(h.plane.Driver("cart"), router.Options{}),
		Meter: h, Gate: h, Notifier: h,
	}, nil
}

// Keys is part of engine.Source.
func (h *house) Keys() []engine.Key { return []engine.Key{h.key} }

// Gone is part of engine.Source.
func (*house) Gone(engine.Key) {}

// Measure is part of engine.Meter.
func (h *house) Measure(ctx context.Context, m rollout.Measure) analysis.Evidence {
	if err := h.answer(ctx, "measure"); err != nil {
		return analysis.Evidence{BatchProblem: fault.ProblemOf(err)}
	}
	return analysis.Evidence{Batch: &analysis.Batch{From: m.From, To: m.To, Canary: analysis.Counts{Requests: 1000}}}
}

// Ask is part of engine.Gate.
func (h *house) Ask(ctx context.Context, a rollout.Ask) rollout.Answer {
	return rollout.Answer{OK: h.answer(ctx, "ask") == nil && a.Type != rollout.RollbackHook}
}

// Notify is part of engine.Notifier.
func (h *house) Notify(ctx context.Context, e rollout.Event) error {
	h.mu.Lock()
	h.told = append(h.told, e.ID)
	h.mu.Unlock()
	return h.answer(ctx, "notify")
}

// observe asserts the laws of the core after every pass.
func (h *house) observe(t engine.Trace) {
	h.mu.Lock()
	h.traces++
	h.mu.Unlock()
	if !t.Stepped {
		return
	}
	for _, broken := range rollout.Verify(t.Spec, t.Before, t.Observation, t.After, t.Actions) {
		h.t.Errorf("%s\nbefore %+v\nafter %+v\nactions %+v", broken, t.Before, t.After, t.Actions)
	}
	if len(t.Performed) > 0 && !t.Saved {
		h.t.Errorf("performed %+v without a saved state", t.Performed)
	}
}

// run starts an engine; stop ends it and waits for it.
func (h *house) run() (e *engine.Engine, stop func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	return h.runUntil(ctx, cancel)
}

func (h *house) runUntil(ctx context.Context, cancel func()) (e *engine.Engine, stop func()) {
	h.t.Helper()
	e, err := engine.New(h, h.store, engine.Options{Observe: h.observe, Inbox: h.store, Journal: h.store})
	if err != nil {
		h.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			h.t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	h.t.Cleanup(stop)
	return e, stop
}

func (h *house) state() rollout.State {
	h.t.Helper()
	// The engine's own accesses are counted, and may fail.
	data, _, err := h.store.Clone(memstore.Options{}).Load(h.t.Context(), h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := rollout.Decode(data)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// born lets the first revision get its primary; release gives the target the next one.
func (h *house) born(e *engine.Engine) {
	h.t.Helper()
	h.until("initialized", func(s rollout.State) bool { return s.Phase == rollout.Initialized })
	h.target.Apply(memworkload.Manifest{Revision: "v2", Replicas: 2})
	e.Wake(h.key)
}

func succeeded(s rollout.State) bool { return s.Phase == rollout.Succeeded }

// firstSplit returns when the canary was first written to have a weight, after a time.
func (h *house) firstSplit(after time.Time, canary rollout.Weight) (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.splits, func(w written) bool { return !w.at.Before(after) && w.canary == canary })
	if i < 0 {
		return time.Time{}, false
	}
	return h.splits[i].at, true
}

func (h *house) abort(e *engine.Engine) {
	h.t.Helper()
	if _, err := h.store.Give(h.t.Context(), h.key, rollout.Command{Verb: rollout.Abort, Intent: rollout.Intent{By: "ann"}}); err != nil {
		h.t.Fatal(err)
	}
	e.Wake(h.key)
}
