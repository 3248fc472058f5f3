package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestStepIsAFunction looks at each pass of random walks: the same input gives the same output, Step changes nothing of
// what it was given, and what was observed already has no second effect.
func TestStepIsAFunction(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r)
		w.spec = drawSpec(r)
		for range rapid.IntRange(1, 30).Draw(r, "length") {
			w.disturb(r)
			w.obs.Now = w.now
			w.settle()
			w.checkFunction(r)
			w.run(time.Duration(rapid.IntRange(0, 5).Draw(r, "seconds")) * time.Second)
		}
	})
}

func (w *world) checkFunction(r *rapid.T) {
	state, facts := stateText(w.state), cmp.Diff(nil, w.obs)
	after, actions := rollout.Step(w.spec, w.state, w.obs)
	if now := stateText(w.state); now != state {
		r.Fatalf("Step changed the state it was given from\n%s\nto\n%s", state, now)
	}
	if now := cmp.Diff(nil, w.obs); now != facts {
		r.Fatalf("Step changed the observation it was given")
	}
	again, same := rollout.Step(w.spec, w.state, w.obs)
	if diff := cmp.Diff(after, again) + cmp.Diff(actions, same); diff != "" {
		r.Fatalf("Step is not a function:\n%s", diff)
	}
	next, repeated := rollout.Step(w.spec, after, w.obs)
	if a, b := stateText(after), stateText(next); a != b {
		r.Fatalf("the same observation moved the canary twice, from\n%s\nto\n%s", a, b)
	}
	// A phase that the first pass went through may have wanted to be woken earlier; later would be too late.
	if a, b := wakeOf(actions), wakeOf(repeated); !b.IsZero() && (a.IsZero() || a.After(b)) {
		r.Fatalf("the first pass is woken at %s, the second at %s", a, b)
	}
	if diff := cmp.Diff(essence(actions), essence(repeated)); diff != "" {
		r.Fatalf("the same observation had another effect (-first +second):\n%s", diff)
	}
}

// essence is what has to be the same: a question that is put before the pass decides on a weight tells the old one, and
// is put once nevertheless.
func essence(actions []rollout.Action) []rollout.Action {
	var kept []rollout.Action
	for _, action := range actions {
		switch a := action.(type) {
		case rollout.Wake:
		case rollout.Ask:
			a.Weight = 0
			kept = append(kept, a)
		case rollout.SetSplit, rollout.Pin, rollout.Scale, rollout.Floor, rollout.PromoteTo, rollout.Measure, rollout.Emit, rollout.Release:
			kept = append(kept, action)
		}
	}
	return kept
}

func wakeOf(actions []rollout.Action) time.Time {
	for _, a := range actions {
		if w, ok := a.(rollout.Wake); ok {
			return w.At
		}
	}
	return time.Time{}
}

func TestOutboxIsBoundedAndItsLossIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spec.Iterations, w.spec.StepWeight, w.spec.Threshold = 300, 0, 500
	w.spec.Interval = time.Second
	w.spec.Hooks = []rollout.Hook{{Name: "check", Type: rollout.DuringRollout}}
	w.hooks["check"] = false
	w.run(5 * time.Second)
	w.deaf = true
	w.obs.Workload.Target.Revision = "v2"
	w.run(90 * time.Second)
	if n := len(w.state.Outbox); n != 64 || w.state.Dropped == 0 {
		t.Fatalf("%d events wait and %d were dropped", n, w.state.Dropped)
	}
	w.deaf, w.log = false, nil
	w.run(time.Second)
	if n := len(w.state.Outbox); n != 0 || w.state.Dropped != 0 {
		t.Errorf("%d events wait and %d were dropped after deliveries work again", n, w.state.Dropped)
	}
	if got := w.take(); !strings.Contains(got, "events were dropped, because too many waited for delivery") {
		t.Errorf("the loss is not told:\n%s", got)
	}
}

// TestCommandsAreObeyedOnce shows an inbox that drops nothing: what was taken is never taken again, and what finds no
// room waits.
func TestCommandsAreObeyedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(5 * time.Second)
	for i := range 50 {
		verb := rollout.Pause
		if i%2 == 1 {
			verb = rollout.Resume
		}
		w.obs.Commands = append(w.obs.Commands, rollout.Command{UID: fmt.Sprint("c", i), Verb: verb})
	}
	w.run(5 * time.Second)
	if seq := w.state.Seq; len(w.state.Consumed) != 32 || w.taken() != 32 {
		t.Fatalf("%d commands were taken in %d events, want 32", w.taken(), seq)
	}
	w.obs.Commands = w.obs.Commands[20:]
	w.run(5 * time.Second)
	if w.taken() != 50 || w.state.Paused != nil {
		t.Errorf("%d commands were taken, paused by %v; want each of 50 once", w.taken(), w.state.Paused)
	}
}

// TestRetryIsRefusedWithoutAPlan keeps a run from starting that could only wait.
func TestRetryIsRefusedWithoutAPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(5 * time.Second)
	w.obs.Workload.Target.Revision = "v2"
	w.run(2 * time.Second)
	w.command(rollout.Abort)
	w.run(20 * time.Second)
	w.spec.Iterations = 3
	w.command(rollout.Retry)
	w.run(time.Second)
	want := "retry by ann is refused: the manifest cannot be served: analysis has both iterations and step weights: keep one of iterations, stepWeight, stepWeights"
	if diff := cmp.Diff(want, w.lastMessage()); diff != "" {
		t.Errorf("last event (-want +got):\n%s", diff)
	}
}

// TestAGateTellsWhoHeldIt demands the name of the hook on both events, by which notifiers mute them.
func TestAGateTellsWhoHeldIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf = true
	w.spec.Hooks = []rollout.Hook{{Name: "first", Type: rollout.ConfirmRollout}, {Name: "second", Type: rollout.ConfirmRollout}}
	w.hooks["first"], w.hooks["second"] = true, false
	w.run(5 * time.Second)
	w.obs.Workload.Target.Revision = "v2"
	w.run(15 * time.Second)
	w.hooks["second"] = true
	w.run(15 * time.Second)
	var told []string
	for _, e := range w.state.Outbox {
		if e.Type == rollout.GateClosed || e.Type == rollout.GateOpened {
			told = append(told, string(e.Type)+" "+e.Reason)
		}
	}
	if want := []string{"GateClosed second", "GateOpened second"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
