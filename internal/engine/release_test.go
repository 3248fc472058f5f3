package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// in runs a test with a house in virtual time.
func in(t *testing.T, test func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newHouse(t)) })
}

// until lets virtual time pass until the state is as wanted.
func (h *house) until(what string, is func(rollout.State) bool) rollout.State {
	h.t.Helper()
	for range 36_000 {
		if s := h.state(); is(s) {
			return s
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.t.Fatalf("never %s: %+v", what, h.state())
	return rollout.State{}
}

func TestReleaseIsPromoted(t *testing.T) {
	t.Parallel()
	in(t, func(h *house) {
		e, _ := h.run()
		h.born(e)
		s := h.until("succeeded", succeeded)
		if s.Promoted != "v2" || s.Run.Outcome != rollout.OutcomeSucceeded {
			h.t.Errorf("state = %+v", s)
		}
		var weights []rollout.Weight
		for _, w := range h.splits {
			weights = append(weights, w.canary)
		}
		if want := []rollout.Weight{0, 0, 20_000, 50_000, 0}; !slices.Equal(weights, want) {
			h.t.Errorf("weights = %v, want %v", weights, want)
		}
	})
}

// TestRollbackIsBounded is L3: whatever hangs, an abort takes the traffic back at once. Only a hung read of the route
// costs its deadline, for nothing else in the pass can wait.
func TestRollbackIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hung  []string
		limit time.Duration
	}{
		"nothing hangs":         {nil, 2 * time.Second},
		"hooks":                 {[]string{"ask"}, 2 * time.Second},
		"meter":                 {[]string{"measure"}, 2 * time.Second},
		"notifier":              {[]string{"notify"}, 2 * time.Second},
		"every third party":     {[]string{"ask", "measure", "notify"}, 2 * time.Second},
		"the read of the route": {[]string{"ask", "measure", "notify", "route"}, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(h *house) {
				e, _ := h.run()
				h.born(e)
				h.until("at 20 %", func(s rollout.State) bool { return s.Run != nil && s.Run.Reached })
				h.hang(c.hung...)
				// Long enough for every question of the step to be on its way.
				time.Sleep(12 * time.Second)
				at := time.Now()
				h.abort(e)
				time.Sleep(c.limit)
				back, ok := h.firstSplit(at, 0)
				if !ok || back.Sub(at) > c.limit {
					h.t.Errorf("the traffic was not back %s after the abort", c.limit)
				}
			})
		})
	}
}

// TestHungReadOfPodsEndsWithItsDeadline: what runs cannot be read, so nothing can be decided for this canary (S13), and the pass
// that waits keeps no other from its work.
func TestHungReadOfPodsEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	in(t, func(h *house) {
		e, _ := h.run()
		h.born(e)
		h.until("at 20 %", func(s rollout.State) bool { return s.Run != nil && s.Run.Reached })
		h.hang("pods")
		at := time.Now()
		h.abort(e)
		time.Sleep(20 * time.Second)
		if _, ok := h.firstSplit(at, 0); ok {
			h.t.Error("the traffic was moved without a look at what runs")
		}
		if s := h.until("unreadable", func(s rollout.State) bool { return s.Wait.Reason == "Unreadable" }); s.Run.Outcome != "" {
			h.t.Errorf("decided without a read: %+v", s.Run)
		}
		h.mu.Lock()
		h.hung = map[string]bool{}
		h.mu.Unlock()
		healed := time.Now()
		time.Sleep(31 * time.Second)
		if back, ok := h.firstSplit(at, 0); !ok {
			h.t.Errorf("the abort was lost; state %+v", h.state())
		} else {
			h.t.Logf("back %s after the pods could be read again", back.Sub(healed))
		}
	})
}

// TestEngineThatDiesAtAnyChange kills the engine before and after each change of the world, and its successor finishes.
func TestEngineThatDiesAtAnyChange(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for k := 1; k <= 12; k++ {
			t.Run(fmt.Sprintf("change %d, after it %t", k, after), func(t *testing.T) {
				t.Parallel()
				in(t, func(h *house) { h.dieAt(k, after) })
			})
		}
	}
}

func (h *house) dieAt(k int, after bool) {
	ctx, cancel := context.WithCancel(h.t.Context())
	h.at = func(n int, done bool) error {
		if n != k || done != after {
			return nil
		}
		cancel()
		return context.Canceled
	}
	e, stop := h.runUntil(ctx, cancel)
	for range 600 {
		time.Sleep(100 * time.Millisecond)
		if ctx.Err() != nil {
			break
		}
		if h.state().Phase == rollout.Initialized {
			h.target.Apply(memworkload.Manifest{Revision: "v2", Replicas: 2})
			e.Wake(h.key)
		}
	}
	stop()
	if h.changes < k {
		h.t.Skipf("a release makes only %d changes", h.changes)
	}
	h.at = nil
	e, _ = h.run()
	if h.state().Promoted == "" {
		h.born(e)
	} else {
		h.target.Apply(memworkload.Manifest{Revision: "v2", Replicas: 2})
		e.Wake(h.key)
	}
	if s := h.until("succeeded", succeeded); s.Promoted != "v2" || s.Runs != 1 {
		h.t.Errorf("promoted %s in %d runs, want v2 in 1", s.Promoted, s.Runs)
	}
	if got := h.plane.Traffic("cart").Acked; got != (rollout.Split{Primary: rollout.Whole}) {
		h.t.Errorf("the traffic is at %+v", got)
	}
}

// TestStoreThatFailsAtAnyCall fails or loses the answer of each access to the store: nothing is done twice, and the
// release ends as without.
func TestStoreThatFailsAtAnyCall(t *testing.T) {
	t.Parallel()
	for _, fate := range []memstore.Fate{memstore.Fails, memstore.Lost} {
		for _, op := range []memstore.Op{memstore.Save, memstore.Load, memstore.Append} {
			for k := 1; k <= 20; k += 3 {
				t.Run(fmt.Sprintf("%s %d, fate %d", op, k, fate), func(t *testing.T) {
					t.Parallel()
					in(t, func(h *house) {
						h.store = memstore.New(memstore.Options{Fate: func(o memstore.Op, n int, _ engine.Key) memstore.Fate {
							if o == op && n == k {
								return fate
							}
							return memstore.Works
						}})
						e, _ := h.run()
						h.untilLoaded()
						h.born(e)
						if s := h.until("succeeded", succeeded); s.Promoted != "v2" || s.Runs != 1 {
							h.t.Errorf("promoted %s in %d runs, want v2 in 1", s.Promoted, s.Runs)
						}
					})
				})
			}
		}
	}
}

// untilLoaded gives the engine time for its first accesses, so that a failure meant for them does not hit the test.
func (*house) untilLoaded() { time.Sleep(2 * time.Second) }

// TestIdleCanaryCostsNothing: at rest there is no pass, no read and no timer.
func TestIdleCanaryCostsNothing(t *testing.T) {
	t.Parallel()
	in(t, func(h *house) {
		e, _ := h.run()
		h.born(e)
		h.until("succeeded", succeeded)
		time.Sleep(time.Minute)
		synctest.Wait()
		loads, saves, reads, traces := h.store.Calls(memstore.Load), h.store.Calls(memstore.Save), h.reads, h.traces
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if h.reads != reads || h.traces != traces || h.store.Calls(memstore.Load) != loads || h.store.Calls(memstore.Save) != saves {
			h.t.Errorf("a day at rest cost %d reads and %d passes", h.reads-reads, h.traces-traces)
		}
		if s, ok := e.Status(h.key); !ok || !s.Next.IsZero() {
			h.t.Errorf("status = %+v", s)
		}
	})
}

// TestEventsAreToldAtLeastOnceOverRestarts kills engines in the middle of deliveries: every event is told, always with
// the id that the journal has.
func TestEventsAreToldAtLeastOnceOverRestarts(t *testing.T) {
	t.Parallel()
	in(t, func(h *house) {
		h.hang("notify")
		e, stop := h.run()
		h.born(e)
		time.Sleep(7 * time.Second)
		stop()
		before := len(h.told)
		h.mu.Lock()
		h.hung = map[string]bool{}
		h.mu.Unlock()
		h.run()
		h.until("succeeded, all told", func(s rollout.State) bool { return succeeded(s) && len(s.Outbox) == 0 })
		runs, err := h.store.Runs(h.t.Context(), h.key)
		if err != nil || len(runs) != 1 {
			h.t.Fatalf("%d runs, %v", len(runs), err)
		}
		told := slices.Clone(h.told)
		repeated := len(told)
		slices.Sort(told)
		told = slices.Compact(told)
		if before == 0 || repeated == len(told) {
			h.t.Errorf("nothing was told twice: %v", h.told)
		}
		if want := h.state().Seq; len(told) != want {
			h.t.Errorf("%d different events were told, want %d", len(told), want)
		}
	})
}

func TestOptionsAreValidated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := engine.New(nil, h.store, engine.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a source: %v", err)
	}
	if _, err := engine.New(h, nil, engine.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a store: %v", err)
	}
	for name, o := range map[string]engine.Options{
		"workers": {Workers: -1}, "background": {Background: -1}, "per canary": {PerCanary: -1},
		"observe": {Deadlines: engine.Deadlines{Observe: -1}}, "act": {Deadlines: engine.Deadlines{Act: -1}},
		"store": {Deadlines: engine.Deadlines{Store: -1}}, "ask": {Deadlines: engine.Deadlines{Ask: -1}},
		"measure": {Deadlines: engine.Deadlines{Measure: -1}}, "notify": {Deadlines: engine.Deadlines{Notify: -1}},
		"stop": {Deadlines: engine.Deadlines{Stop: -1}}, "poll": {Pace: engine.Pace{Poll: -1}}, "poll max": {Pace: engine.Pace{PollMax: -1}},
		"retry": {Pace: engine.Pace{Retry: -1}}, "retry max": {Pace: engine.Pace{RetryMax: -1}}, "slow": {Pace: engine.Pace{Slow: -1}},
		"slow max": {Pace: engine.Pace{SlowMax: -1}}, "deliveries": {Pace: engine.Pace{Deliveries: -1}}, "farewell": {Pace: engine.Pace{Farewell: -1}},
	} {
		if _, err := engine.New(h, h.store, o); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	e, err := engine.New(h, h.store, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := e.Run(ctx); err == nil {
		t.Error("an engine ran twice")
	}
}
