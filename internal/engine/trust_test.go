package engine_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// TestEveryChangeFollowsItsSavedState is S14: when a change reaches the world, the state of its pass is in the store,
// through a whole release.
func TestEveryChangeFollowsItsSavedState(t *testing.T) {
	t.Parallel()
	in(t, func(h *house) {
		// What was stored when each change of the pass in progress reached the world.
		var stored []string
		promoted := 0
		h.at = func(_ int, after bool) error {
			if !after {
				stored = append(stored, encoded(h.t, h.state()))
			}
			return nil
		}
		e, err := engine.New(h, h.store, engine.Options{Inbox: h.store, Journal: h.store, Observe: func(trace engine.Trace) {
			h.observe(trace)
			for _, a := range trace.Actions {
				if _, ok := a.(rollout.PromoteTo); ok {
					promoted++
				}
			}
			for _, s := range stored {
				if diff := cmp.Diff(encoded(h.t, trace.After), s); diff != "" {
					h.t.Errorf("a change was made before its state was saved (-decided +stored):\n%s", diff)
				}
			}
			stored = nil
		}})
		if err != nil {
			h.t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(h.t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		h.born(e)
		h.until("succeeded", succeeded)
		cancel()
		if err := <-done; err != nil || promoted < 2 {
			h.t.Errorf("%d promotions, %v", promoted, err)
		}
	})
}

func encoded(t *testing.T, s rollout.State) string {
	t.Helper()
	data, err := rollout.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestNothingIsTrustedAfterAPanic: the store has taken a state and panicked before it could say so. The next pass reads
// anew instead of writing over it from memory.
func TestNothingIsTrustedAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		var panicked atomic.Bool
		w.afterSave = func(engine.Key) {
			if panicked.CompareAndSwap(false, true) {
				panic("store")
			}
		}
		count := func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
			s = resting(s)
			s.Runs++
			return s, nil
		}
		w.run(t, engine.Options{Step: count})
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, trace := range w.passes() {
			for _, err := range trace.Errors {
				if fault.KindOf(err) == fault.Conflict {
					t.Errorf("it wrote over what it had not read: %v", err)
				}
			}
		}
		if got := w.stored(t, k).Runs; got != 2 {
			t.Errorf("%d passes are on record, want the one before the panic and the one after it", got)
		}
	})
}

// TestReadThatIgnoresItsDeadlineIsNoFact: while it hangs nothing is known, and what it brings at last, when a later
// pass has begun, is too old.
func TestReadThatIgnoresItsDeadlineIsNoFact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		free := make(chan struct{})
		seen := rollout.Workload{Target: rollout.Target{Exists: true, Revision: "v1"}}
		w.add("a", script{workload: func(context.Context) rollout.Workload {
			<-free
			return seen
		}})
		w.run(t, engine.Options{Step: at(), Deadlines: engine.Deadlines{Observe: 2 * time.Second}})
		// The first pass gives up, and the next one waits for the same read.
		for len(w.passes()) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := len(w.passes())
		close(free)
		synctest.Wait()
		passes := w.passes()
		if len(passes) <= before {
			t.Fatalf("no pass was waiting for the read: %d of %d", before, len(passes))
		}
		for i, trace := range passes[:before+1] {
			if o := trace.Observation.Workload; o.Problem == nil || o.Target.Exists {
				t.Errorf("pass %d acted upon %+v", i, o)
			}
		}
		time.Sleep(time.Minute)
		passes = w.passes()
		if last := passes[len(passes)-1].Observation.Workload; last.Problem != nil || !last.Target.Exists {
			t.Errorf("nothing is read after it returned: %+v", last)
		}
	})
}

// TestReleaseMovesTrafficBeforePods: what has the traffic goes last.
func TestReleaseMovesTrafficBeforePods(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add("a", script{})
		w.run(t, engine.Options{Step: once(rollout.Release{Revert: true})})
		synctest.Wait()
		want := []string{"a: save", "a: restore, revert true", "a: release, revert true"}
		if diff := cmp.Diff(want, w.lines()); diff != "" {
			t.Errorf("order of a release (-want +got):\n%s", diff)
		}
	})
}

// TestStateStaysUntilItsLastEventIsTold: a receiver that fails for a while still hears how a canary ended.
func TestStateStaysUntilItsLastEventIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var tries atomic.Int32
		told := telling(1)
		k := w.add("a", script{notify: func(context.Context, rollout.Event) error {
			if tries.Add(1) < 3 {
				return fault.Errorf(fault.Unavailable, "not now")
			}
			return nil
		}})
		w.edit(k, func(c *engine.Canary) { c.Deleting = true })
		gone := func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
			s, actions := told(spec, s, obs)
			if s.Since.IsZero() {
				s.Since = obs.Now
			}
			s.Phase = rollout.Terminated
			return s, actions
		}
		w.run(t, engine.Options{Step: gone})
		time.Sleep(20 * time.Second)
		synctest.Wait()
		log := w.lines()
		deleted := slices.Index(log, "a: delete state")
		if n := w.count("a: notify e0"); n != 3 || deleted < 0 || slices.Contains(log[deleted:], "a: notify e0") {
			t.Errorf("told %d times: %q", n, log)
		}
	})
}

// TestCanaryOnItsWayIsLookedAt: a canary that waits for the world is looked at again and again, although no pass of it
// does or asks for anything.
func TestCanaryOnItsWayIsLookedAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add("a", script{})
		waits := func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
			s.Version, s.Phase, s.Run = rollout.StateVersion, rollout.Progressing, &rollout.Run{Name: "v2-1", Revision: "v2", Stage: rollout.Scaling}
			s.Promoted = "v1"
			return s, nil
		}
		w.run(t, engine.Options{Step: waits})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(w.passes()); n < 3 {
			t.Errorf("%d passes in a minute", n)
		}
	})
}
