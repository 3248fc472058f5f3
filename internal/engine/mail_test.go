package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// telling is a core that tells n events once and keeps them in its outbox until they are delivered.
func telling(n int) step {
	return func(_ rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
		s = resting(s)
		for ; s.Seq < n; s.Seq++ {
			s.Outbox = append(s.Outbox, rollout.Event{ID: fmt.Sprint("e", s.Seq)})
		}
		var left []rollout.Event
		for _, e := range s.Outbox {
			delivered := false
			for _, id := range obs.Delivered {
				delivered = delivered || id == e.ID
			}
			if !delivered {
				left = append(left, e)
			}
		}
		s.Outbox = left
		var actions []rollout.Action
		for i := range left {
			actions = append(actions, rollout.Emit{Event: left[i]})
		}
		return s, actions
	}
}

func TestEventsAreJournaledAndToldInOrderUntilTheOutboxIsEmpty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		e, _ := w.run(t, engine.Options{Step: telling(3)})
		synctest.Wait()
		want := map[string][]string{
			"journal": {"a: journal e0", "a: journal e1", "a: journal e2"},
			"notify":  {"a: notify e0", "a: notify e1", "a: notify e2"},
		}
		for who, order := range want {
			got := slices.DeleteFunc(w.lines(), func(line string) bool { return !strings.Contains(line, who) })
			if diff := cmp.Diff(order, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", who, diff)
			}
		}
		if s := w.stored(t, k); len(s.Outbox) != 0 {
			t.Errorf("outbox = %v", s.Outbox)
		}
		e.Wake(k)
		synctest.Wait()
		if s, _ := e.Status(k); len(s.Observation.Delivered) != 0 {
			t.Errorf("delivered = %v, want them forgotten with the outbox", s.Observation.Delivered)
		}
	})
}

func TestNotifierIsTriedABoundedNumberOfTimesWithTheDelayItNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		start := time.Now()
		var tries []time.Duration
		k := w.add("a", script{notify: func(context.Context, rollout.Event) error {
			tries = append(tries, time.Since(start))
			if len(tries) == 1 {
				return &fault.Error{Kind: fault.Unavailable, RetryAfter: time.Minute, Err: errors.New("slow down")}
			}
			return errors.New("no")
		}})
		w.run(t, engine.Options{
			Step: telling(1), Jitter: func() float64 { return 1 },
			Pace: engine.Pace{Deliveries: 4, Retry: time.Second, RetryMax: 3 * time.Second},
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []time.Duration{0, time.Minute, time.Minute + 2*time.Second, time.Minute + 5*time.Second}
		if diff := cmp.Diff(want, tries); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
		if w.count("a: journal e0") != 1 || len(w.stored(t, k).Outbox) != 0 {
			t.Errorf("a given up event stays: %q", w.lines())
		}
	})
}

func TestJournalThatFailsKeepsNobodyFromBeingTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var healed atomic.Bool
		w.onAppend = func(context.Context, rollout.Event) error {
			if !healed.Load() {
				return fault.Errorf(fault.Unavailable, "disk full")
			}
			return nil
		}
		k := w.add("a", script{})
		w.run(t, engine.Options{Step: telling(1)})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if w.count("a: notify e0") != 1 || len(w.stored(t, k).Outbox) != 1 {
			t.Fatalf("while the journal fails: %q", w.lines())
		}
		healed.Store(true)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if w.count("a: journal e0") != 1 || w.count("a: notify e0") != 1 || len(w.stored(t, k).Outbox) != 0 {
			t.Errorf("once the journal works: %q", w.lines())
		}
	})
}

func TestHungNotifierOfOneCanaryLeavesTheOthersTelling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add("hung", script{notify: func(ctx context.Context, _ rollout.Event) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		for i := range 5 {
			w.add(fmt.Sprint("x", i), script{})
		}
		w.run(t, engine.Options{Step: telling(20), Background: 2})
		synctest.Wait()
		for i := range 5 {
			if got := w.count(fmt.Sprintf("x%d: notify e19", i)); got != 1 {
				t.Errorf("canary x%d told its last event %d times, want 1", i, got)
			}
		}
	})
}

// TestEditedNotifierGetsTheEvent: the receiver was wrong and its manifest is mended.
func TestEditedNotifierGetsTheEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{notify: func(context.Context, rollout.Event) error { return errors.New("wrong address") }})
		e, _ := w.run(t, engine.Options{Step: telling(1)})
		synctest.Wait()
		mended := &ports{world: w, name: "mended"}
		w.edit(k, func(c *engine.Canary) { c.Notifier = mended })
		e.Wake(k)
		time.Sleep(time.Second)
		synctest.Wait()
		if w.count("mended: notify e0") != 1 {
			t.Errorf("log = %q", w.lines())
		}
		w.edit(k, func(c *engine.Canary) { c.Notifier = nil })
		e.Wake(k)
		synctest.Wait()
		if len(w.stored(t, k).Outbox) != 0 {
			t.Errorf("outbox = %v", w.stored(t, k).Outbox)
		}
	})
}

func TestAReceiverThatHangsKeepsNothingFromTheJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add("a", script{notify: func(ctx context.Context, _ rollout.Event) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		w.run(t, engine.Options{Step: telling(3)})
		synctest.Wait()
		for _, id := range []string{"e0", "e1", "e2"} {
			if w.count("a: journal "+id) != 1 {
				t.Errorf("%s is not in the journal while the receiver of e0 hangs: %q", id, w.lines())
			}
		}
	})
}
