package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// TestPassesOfOneCanaryNeverOverlap wakes two canaries from everywhere while their passes take time.
func TestPassesOfOneCanaryNeverOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var busy [2]atomic.Int32
		var together atomic.Bool
		keys := make([]engine.Key, 2)
		for i := range keys {
			keys[i] = w.add(fmt.Sprint("c", i), script{workload: func(context.Context) rollout.Workload {
				if busy[i].Add(1) > 1 {
					t.Errorf("two passes of canary %d at the same time", i)
				}
				together.Store(together.Load() || busy[1-i].Load() > 0)
				time.Sleep(10 * time.Millisecond)
				busy[i].Add(-1)
				return rollout.Workload{}
			}})
		}
		e, _ := w.run(t, engine.Options{Step: at()})
		var wakers sync.WaitGroup
		for range 20 {
			wakers.Go(func() {
				for range 50 {
					e.Wake(keys[0])
					e.Wake(keys[1])
					time.Sleep(3 * time.Millisecond)
				}
			})
		}
		wakers.Wait()
		time.Sleep(time.Second)
		if !together.Load() {
			t.Error("the passes of two canaries never ran side by side")
		}
		// 150 ms of wakes make 15 passes each, one more for the first and one for a wake during the last.
		if n := len(w.passes()); n < 20 || n > 40 {
			t.Errorf("%d passes, want about 30: wakes are coalesced", n)
		}
	})
}

// TestPanicStaysInItsPass: one canary's driver, another's core panics; the third is looked after as ever.
func TestPanicStaysInItsPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var healed atomic.Bool
		reads := w.add("reads", script{workload: func(context.Context) rollout.Workload {
			if !healed.Load() {
				panic("driver")
			}
			return rollout.Workload{}
		}})
		acts := w.add("acts", script{act: func(context.Context, string) error {
			if !healed.Load() {
				panic("driver")
			}
			return nil
		}})
		thinks := w.add("thinks", script{})
		w.edit(thinks, func(c *engine.Canary) { c.Spec.Threshold = 13 })
		fine := w.add("fine", script{})
		core := func(spec rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
			if spec.Threshold == 13 && !healed.Load() {
				panic("core")
			}
			return resting(s), []rollout.Action{split(10)}
		}
		e, _ := w.run(t, engine.Options{Step: core})
		synctest.Wait()
		for _, k := range []engine.Key{reads, acts, thinks} {
			if s, _ := e.Status(k); !strings.HasPrefix(s.Degraded, "internal error: ") || s.Next.IsZero() {
				t.Errorf("%s: status %+v", k, s)
			}
		}
		if s, _ := e.Status(fine); s.Degraded != "" || w.count("fine: split 10") != 1 {
			t.Errorf("the others: %+v, %q", s, w.lines())
		}
		healed.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, k := range []engine.Key{reads, acts, thinks} {
			if s, _ := e.Status(k); s.Degraded != "" || w.count(k.Name+": split 10") == 0 {
				t.Errorf("%s was not looked after again: %+v", k, s)
			}
		}
	})
}

// TestHungReadOfOneCanaryKeepsNoOther: the only worker goes on, though a driver ignores its deadline.
func TestHungReadOfOneCanaryKeepsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		free := make(chan struct{})
		hung := w.add("hung", script{act: func(context.Context, string) error {
			<-free
			return nil
		}})
		k := w.add("other", script{})
		e, _ := w.run(t, engine.Options{Step: at(split(10)), Workers: 1})
		time.Sleep(16 * time.Second)
		e.Wake(k)
		e.Wake(hung)
		synctest.Wait()
		if w.count("other: split 10") == 0 {
			t.Errorf("a hung call kept the worker: %q", w.lines())
		}
		if w.count("hung: split 10") != 0 {
			t.Error("a pass began while another one of the same canary hangs")
		}
		close(free)
		synctest.Wait()
		if w.count("hung: split 10") == 0 {
			t.Error("the canary is not looked after once the call has returned")
		}
	})
}

func TestShutdownWaitsForCallsThatEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		slow := func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(3 * time.Second)
		}
		w.add("a", script{
			ask: func(ctx context.Context, _ rollout.Ask) rollout.Answer {
				slow(ctx)
				return rollout.Answer{}
			},
			notify: func(ctx context.Context, _ rollout.Event) error {
				slow(ctx)
				return ctx.Err()
			},
		})
		_, stop := w.run(t, engine.Options{Step: at(rollout.Ask{ID: "q"}, rollout.Emit{Event: rollout.Event{ID: "e"}})})
		synctest.Wait()
		start := time.Now()
		if err := stop(); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("shutdown took %s: %v", time.Since(start), err)
		}
	})
}

func TestShutdownLeavesCallsThatIgnoreTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		free := make(chan struct{})
		defer close(free)
		hang := func() { <-free }
		w.add("a", script{ask: func(context.Context, rollout.Ask) rollout.Answer {
			hang()
			return rollout.Answer{}
		}})
		w.add("b", script{act: func(context.Context, string) error {
			hang()
			return nil
		}})
		_, stop := w.run(t, engine.Options{
			Step: at(split(10), rollout.Ask{ID: "q"}), Deadlines: engine.Deadlines{Stop: 4 * time.Second},
		})
		synctest.Wait()
		start := time.Now()
		err := stop()
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "2 calls did not return within 4s") {
			t.Errorf("shutdown: %v", err)
		}
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("shutdown took %s, want 4s", took)
		}
	})
}

// TestFailuresAreTriedAgainAtTheirPace: what may pass soon, soon; what does not pass by itself, slowly.
func TestFailuresAreTriedAgainAtTheirPace(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind][]int64{
		fault.Unavailable: {200, 600, 1400, 3000},
		fault.Unknown:     {200, 600, 1400, 3000},
		fault.Denied:      {15_000, 45_000, 105_000, 225_000},
		fault.Invalid:     {15_000, 45_000, 105_000, 225_000},
		fault.Conflict:    {0, 200, 600, 1400},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				start := time.Now()
				var tries []int64
				w.add("a", script{act: func(context.Context, string) error {
					tries = append(tries, time.Since(start).Milliseconds())
					return fault.Errorf(kind, "no")
				}})
				w.run(t, engine.Options{Step: at(split(10)), Jitter: func() float64 { return 1 }})
				time.Sleep(time.Duration(want[3]+1) * time.Millisecond)
				synctest.Wait()
				for i, d := range want {
					if len(tries) <= i+1 || tries[i+1] != d {
						t.Fatalf("tries after %v ms, want %v", tries, want)
					}
				}
			})
		})
	}
}

// TestReleasedCanaryIsForgotten: once everything is given back and told, the state goes, and the source hears of it.
func TestReleasedCanaryIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		w.edit(k, func(c *engine.Canary) { c.Deleting = true })
		e, _ := w.run(t, engine.Options{})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(w.gone) != 1 || len(w.records) != 0 {
			t.Errorf("gone %v, records %v, log %q", w.gone, w.records, w.lines())
		}
		if _, ok := e.Status(k); ok {
			t.Error("a canary that is gone has a status")
		}
		if w.count("a: restore, revert false") == 0 || w.count("a: release, revert false") == 0 {
			t.Errorf("log = %q", w.lines())
		}
	})
}
