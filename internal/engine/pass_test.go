package engine_test

import (
	"context"
	"errors"
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

// once returns a core that wants the actions in its first pass only: the state remembers that it did.
func once(actions ...rollout.Action) step {
	return func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
		s = resting(s)
		if s.Runs > 0 {
			return s, nil
		}
		s.Runs = 1
		return s, actions
	}
}

func TestPassSavesBeforeItPerformsAndMovesTrafficFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add("a", script{})
		w.run(t, engine.Options{Step: once(
			rollout.Pin{Revision: "r1"}, rollout.Scale{Side: rollout.CanarySide, Replicas: 2}, rollout.Floor{Replicas: 3},
			split(0), rollout.PromoteTo{Revision: "r1"},
		)})
		synctest.Wait()
		want := []string{
			"a: save", "a: split 0", "a: pin r1", "a: scale canary to 2", "a: floor 3", "a: promote r1",
		}
		if diff := cmp.Diff(want, w.lines()); diff != "" {
			t.Errorf("order of a pass (-want +got):\n%s", diff)
		}
	})
}

func TestPassThatCannotSavePerformsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		var healed atomic.Bool
		w.onSave = func(engine.Key) error {
			if !healed.Load() {
				return fault.Errorf(fault.Unavailable, "disk full")
			}
			return nil
		}
		e, _ := w.run(t, engine.Options{Step: once(
			split(10), rollout.Ask{ID: "q"}, rollout.Measure{ID: "m"}, rollout.Emit{Event: rollout.Event{ID: "e"}},
		)})
		synctest.Wait()
		if got := w.lines(); len(got) != 0 {
			t.Fatalf("a pass that could not save did %q", got)
		}
		s, ok := e.Status(k)
		if !ok || fault.KindOf(s.Err) != fault.Unavailable || s.Failures != 1 || s.Next.IsZero() {
			t.Errorf("status after a failed save = %+v, %t", s, ok)
		}
		healed.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if w.count("a: split 10") != 1 || w.count("a: ask q") != 1 {
			t.Errorf("after the store is back: %q", w.lines())
		}
	})
}

// TestPassAfterConflictReadsAnew: another writer has decided against the run in the meantime.
func TestPassAfterConflictReadsAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		advance := func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
			s = resting(s)
			if s.Promoted == "taken back" {
				return s, []rollout.Action{split(0)}
			}
			s.Runs++
			return s, []rollout.Action{split(rollout.Weight(s.Runs))}
		}
		e, stop := w.run(t, engine.Options{Step: advance, Pace: engine.Pace{Poll: time.Hour, PollMax: time.Hour}})
		synctest.Wait()
		w.overwrite(t, k, rollout.State{Phase: rollout.Succeeded, Promoted: "taken back", Runs: 7})
		e.Wake(k)
		synctest.Wait()
		if diff := cmp.Diff([]string{"a: save", "a: split 1", "a: split 0"}, w.lines()); diff != "" {
			t.Errorf("conflict (-want +got):\n%s", diff)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestPassWithoutSaveChecksTheFence: an engine that was replaced repeats an action whose state it saved long ago.
func TestPassWithoutSaveChecksTheFence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		repeat := func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
			s = resting(s)
			if s.Promoted == "taken back" {
				return s, nil
			}
			return s, []rollout.Action{split(20)}
		}
		e, _ := w.run(t, engine.Options{Step: repeat, Pace: engine.Pace{Poll: time.Hour, PollMax: time.Hour}})
		synctest.Wait()
		e.Wake(k)
		synctest.Wait()
		if got := w.count("a: split 20"); got != 2 {
			t.Fatalf("split was set %d times before the successor came, want 2", got)
		}
		successor := resting(rollout.State{Promoted: "taken back"})
		w.overwrite(t, k, successor)
		e.Wake(k)
		synctest.Wait()
		if got := w.count("a: split 20"); got != 2 {
			t.Errorf("split was set %d times, want 2: the successor's decision was overwritten", got)
		}
		if diff := cmp.Diff(successor, w.stored(t, k)); diff != "" {
			t.Errorf("state of the successor (-want +got):\n%s", diff)
		}
	})
}

func TestCrashBetweenSaveAndPerform(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.add("a", script{})
		// As a core does, it wants the action until an observation shows it done; nothing here ever does.
		decided := func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
			s = resting(s)
			s.Runs = 1
			return s, []rollout.Action{split(0)}
		}
		ctx, cancel := context.WithCancel(t.Context())
		w.afterSave = func(engine.Key) { cancel() }
		_, stop := w.runUntil(ctx, t, cancel, engine.Options{Step: decided})
		synctest.Wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a: save"}, w.lines()); diff != "" {
			t.Fatalf("engine that ended after saving (-want +got):\n%s", diff)
		}
		w.afterSave = nil
		w.run(t, engine.Options{Step: decided})
		synctest.Wait()
		if diff := cmp.Diff([]string{"a: save", "a: split 0"}, w.lines()); diff != "" {
			t.Errorf("next engine (-want +got):\n%s", diff)
		}
	})
}

func TestNothingIsPerformedAfterCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.add("a", script{act: func(context.Context, string) error {
			cancel()
			return nil
		}})
		_, stop := w.runUntil(ctx, t, cancel, engine.Options{Step: once(
			split(10), rollout.Pin{Revision: "r"}, rollout.Ask{ID: "q"}, rollout.Emit{Event: rollout.Event{ID: "e"}},
		)})
		synctest.Wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a: save", "a: split 10"}, w.lines()); diff != "" {
			t.Errorf("deposed engine (-want +got):\n%s", diff)
		}
	})
}

func TestErrorOfAnActionStopsThoseThatFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var healed atomic.Bool
		k := w.add("a", script{act: func(_ context.Context, what string) error {
			if what == "split 10" && !healed.Load() {
				return fault.Errorf(fault.Unavailable, "no data plane")
			}
			return nil
		}})
		e, _ := w.run(t, engine.Options{
			Step: at(split(10), rollout.PromoteTo{Revision: "r"}, rollout.Ask{ID: "q"}),
			Pace: engine.Pace{Retry: time.Minute, RetryMax: time.Minute},
		})
		synctest.Wait()
		// The answer to the question woke the canary, so the split was tried twice; nothing else followed.
		got := slices.Compact(slices.DeleteFunc(w.lines(), func(l string) bool { return l == "a: ask q" }))
		if diff := cmp.Diff([]string{"a: save", "a: failed to split 10"}, got); diff != "" {
			t.Errorf("after a failed action (-want +got):\n%s", diff)
		}
		if w.count("a: ask q") != 1 {
			t.Errorf("questions do not wait for changes of the world: %q", w.lines())
		}
		s, _ := e.Status(k)
		if s.Err == nil || fault.KindOf(s.Err) != fault.Unavailable {
			t.Errorf("status error = %v", s.Err)
		}
		healed.Store(true)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if w.count("a: split 10") == 0 || w.count("a: promote r") == 0 {
			t.Errorf("after the data plane is back: %q", w.lines())
		}
		if s, _ := e.Status(k); s.Err != nil || s.Failures != 0 {
			t.Errorf("status after recovery = %v, %d failures", s.Err, s.Failures)
		}
	})
}

func TestFailedReadIsAProblemAndIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var healed atomic.Bool
		k := w.add("a", script{
			workload: func(context.Context) rollout.Workload {
				if healed.Load() {
					return rollout.Workload{Target: rollout.Target{Exists: true}}
				}
				return rollout.Workload{Problem: &fault.Problem{Kind: fault.Unavailable, Message: "no answer"}}
			},
			traffic: func(context.Context) rollout.Traffic { return rollout.Traffic{Exists: true} },
		})
		e, _ := w.run(t, engine.Options{Step: at()})
		synctest.Wait()
		s, _ := e.Status(k)
		if s.Observation.Workload.Problem == nil || !s.Observation.Traffic.Exists || s.Err == nil || s.Failures != 1 {
			t.Fatalf("status with an unreadable workload = %+v", s)
		}
		healed.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if s, _ := e.Status(k); !s.Observation.Workload.Target.Exists || s.Err != nil {
			t.Errorf("status once the workload can be read = %+v", s)
		}
	})
}

func TestObservationCarriesWhatPeopleWantAndConsumedCommandsAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		w.edit(k, func(c *engine.Canary) { c.Deleting, c.Blocked = true, "another canary owns the target" })
		w.brake = &rollout.Intent{By: "ann"}
		w.tell(k, rollout.Command{UID: "c1", Verb: rollout.Abort})
		w.tell(k, rollout.Command{UID: "c2", Verb: rollout.Pause})
		w.run(t, engine.Options{
			Step: func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
				s = resting(s)
				s.Consumed = []string{"c1"}
				return s, nil
			},
		})
		synctest.Wait()
		obs := w.passes()[0].Observation
		if !obs.Deleting || obs.Blocked == "" || obs.Brake == nil || obs.Brake.By != "ann" || len(obs.Commands) != 2 {
			t.Errorf("observation = %+v", obs)
		}
		if diff := cmp.Diff([]string{"a: save", "a: consumed [c1]"}, w.lines()); diff != "" {
			t.Errorf("commands (-want +got):\n%s", diff)
		}
	})
}

func TestIncompleteCanaryAndUnreadableSourceAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := key("bare")
		w.put(&engine.Canary{Key: k})
		e, _ := w.run(t, engine.Options{Step: at(split(10))})
		synctest.Wait()
		s, ok := e.Status(k)
		if !ok || fault.KindOf(s.Err) != fault.Invalid {
			t.Errorf("status of a canary without ports = %+v, %t", s, ok)
		}
		if len(w.lines()) != 0 {
			t.Errorf("a canary without ports did %q", w.lines())
		}
	})
}

func TestStateThatCannotBeReadTouchesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{})
		w.records[k] = record{data: []byte(`{"version": 1000000}`), version: 3}
		e, _ := w.run(t, engine.Options{Step: at(split(10))})
		time.Sleep(time.Hour)
		synctest.Wait()
		if s, _ := e.Status(k); s.Err == nil {
			t.Error("a state from a newer engine was taken")
		}
		if len(w.lines()) != 0 || string(w.records[k].data) != `{"version": 1000000}` {
			t.Errorf("a state from a newer engine was touched: %q", w.lines())
		}
	})
}

func TestTraceTellsTheWholePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		refused := errors.New("refused")
		k := w.add("a", script{act: func(_ context.Context, what string) error {
			if what == "pin r" {
				return refused
			}
			return nil
		}})
		w.edit(k, func(c *engine.Canary) { c.Spec.Threshold = 4 })
		w.run(t, engine.Options{Step: at(split(10), rollout.Pin{Revision: "r"}, rollout.Wake{At: time.Now().Add(time.Hour)})})
		synctest.Wait()
		trace := w.passes()[0]
		if trace.Key != k || trace.Spec.Threshold != 4 || !trace.Stepped || !trace.Saved || trace.Gone {
			t.Errorf("trace = %+v", trace)
		}
		if trace.Before.Phase != "" || trace.After.Phase != rollout.Succeeded {
			t.Errorf("states of the trace = %+v, %+v", trace.Before, trace.After)
		}
		if len(trace.Actions) != 3 || len(trace.Performed) != 1 {
			t.Errorf("actions = %v, performed = %v", trace.Actions, trace.Performed)
		}
		if len(trace.Errors) != 1 || !errors.Is(trace.Errors[0], refused) {
			t.Errorf("errors = %v", trace.Errors)
		}
	})
}
