package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

func TestQuestionInFlightIsAskedOnceAndItsAnswerWakesTheCanary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		answer := make(chan rollout.Answer)
		k := w.add("a", script{
			ask: func(context.Context, rollout.Ask) rollout.Answer { return <-answer },
			measure: func(context.Context, rollout.Measure) analysis.Evidence {
				return analysis.Evidence{Batch: &analysis.Batch{}}
			},
		})
		e, _ := w.run(t, engine.Options{Step: at(rollout.Ask{ID: "q"}, rollout.Measure{ID: "m"})})
		for range 5 {
			e.Wake(k)
			synctest.Wait()
		}
		if w.count("a: ask q") != 1 || w.count("a: measure m") != 1 {
			t.Fatalf("calls = %q", w.lines())
		}
		before := len(w.passes())
		answer <- rollout.Answer{OK: true, Message: "go"}
		synctest.Wait()
		passes := w.passes()
		if len(passes) != before+1 {
			t.Fatalf("%d passes after the answer, want 1", len(passes)-before)
		}
		obs := passes[len(passes)-1].Observation
		want := map[string]rollout.Answer{"q": {OK: true, Message: "go", At: time.Now()}}
		if diff := cmp.Diff(want, obs.Answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		if obs.Measurements["m"].Batch == nil {
			t.Errorf("measurements = %v", obs.Measurements)
		}
		if w.count("a: ask q") != 1 {
			t.Errorf("an answered question was asked again: %q", w.lines())
		}
	})
}

// TestResultsAreForgotten drives two kinds of core: one that asks until its state has moved on, and one that
// asks only for what has no answer yet.
func TestResultsAreForgotten(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason   string
		insists  bool
		unseeing bool
	}{
		"asks until it moved on":  {reason: "an answer that is asked for stays", insists: true},
		"asks for what is open":   {reason: "an answer stays while another of the same check is open"},
		"cannot see what runs":    {reason: "a pass that decides nothing forgets nothing", unseeing: true},
		"cannot see, and insists": {reason: "both", insists: true, unseeing: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { checkForgetting(t, newWorld(), tc.insists, tc.unseeing, tc.reason) })
		})
	}
}

func checkForgetting(t *testing.T, w *world, insists, unseeing bool, reason string) {
	t.Helper()
	slow := make(chan struct{})
	var blind atomic.Bool
	k := w.add("a", script{
		ask: func(_ context.Context, a rollout.Ask) rollout.Answer {
			if a.ID == "slow" {
				<-slow
			}
			return rollout.Answer{OK: true}
		},
		workload: func(context.Context) rollout.Workload {
			if blind.Load() {
				return rollout.Workload{Problem: &fault.Problem{Kind: fault.Unavailable, Message: "blind"}}
			}
			return rollout.Workload{}
		},
	})
	core := func(_ rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
		s = resting(s)
		if s.Runs > 0 || obs.Workload.Problem != nil {
			return s, nil
		}
		var actions []rollout.Action
		for _, id := range []string{"fast", "slow"} {
			if _, ok := obs.Answers[id]; insists || !ok {
				actions = append(actions, rollout.Ask{ID: id})
			}
		}
		if _, ok := obs.Measurements["m"]; insists || !ok {
			actions = append(actions, rollout.Measure{ID: "m"})
		}
		if len(obs.Answers) == 2 && len(obs.Measurements) == 1 {
			s.Runs = 1
			return s, nil
		}
		return s, actions
	}
	e, _ := w.run(t, engine.Options{Step: core})
	synctest.Wait()
	if unseeing {
		blind.Store(true)
		e.Wake(k)
		synctest.Wait()
		blind.Store(false)
	}
	e.Wake(k)
	synctest.Wait()
	close(slow)
	synctest.Wait()
	e.Wake(k)
	synctest.Wait()
	for _, id := range []string{"ask fast", "ask slow", "measure m"} {
		if got := w.count("a: " + id); got != 1 {
			t.Errorf("%s %d times, want 1: %s", id, got, reason)
		}
	}
	passes := w.passes()
	last := passes[len(passes)-1].Observation
	if len(last.Answers) != 0 || len(last.Measurements) != 0 {
		t.Errorf("kept after the state moved on: %v, %v", last.Answers, last.Measurements)
	}
}

func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{ask: func(ctx context.Context, a rollout.Ask) rollout.Answer {
			if a.ID == "hangs" {
				<-ctx.Done()
			}
			return rollout.Answer{OK: true}
		}})
		// Every second has its question, and the one that hangs keeps all answers from being forgotten.
		core := func(_ rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
			return resting(s), []rollout.Action{rollout.Ask{ID: "hangs"}, rollout.Ask{ID: obs.Now.String()}}
		}
		e, _ := w.run(t, engine.Options{Step: core})
		for range 200 {
			e.Wake(k)
			time.Sleep(time.Second)
		}
		passes := w.passes()
		if got := len(passes[len(passes)-1].Observation.Answers); got != 64 {
			t.Errorf("%d answers are kept, want 64", got)
		}
	})
}

// calls counts how many calls run at the same time.
type calls struct {
	mu        sync.Mutex
	now, most int
	free      chan struct{}
}

func (c *calls) enter() {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	<-c.free
	c.mu.Lock()
	c.now--
	c.mu.Unlock()
}

func TestBackgroundCallsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := &calls{free: make(chan struct{})}
		for i := range 10 {
			w.add(fmt.Sprint("c", i), script{ask: func(context.Context, rollout.Ask) rollout.Answer {
				c.enter()
				return rollout.Answer{OK: true}
			}})
		}
		var actions []rollout.Action
		for i := range 6 {
			actions = append(actions, rollout.Ask{ID: fmt.Sprint("q", i)})
		}
		w.run(t, engine.Options{Step: at(actions...), PerCanary: 2, Background: 7})
		synctest.Wait()
		if c.most != 7 {
			t.Errorf("%d calls at the same time, want 7", c.most)
		}
		close(c.free)
		time.Sleep(time.Second)
		synctest.Wait()
		asked := w.lines()
		asked = slices.DeleteFunc(asked, func(l string) bool { return l[len(l)-4:] == "save" })
		slices.Sort(asked)
		if len(asked) != 60 || len(slices.Compact(asked)) != 60 {
			t.Errorf("%d questions were asked, want each of 60 once", len(asked))
		}
		if c.most > 7 {
			t.Errorf("%d calls at the same time, want at most 7", c.most)
		}
	})
}

func TestPerCanaryBoundLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		hang := func(ctx context.Context, _ rollout.Ask) rollout.Answer {
			<-ctx.Done()
			return rollout.Answer{}
		}
		w.add("greedy", script{ask: hang})
		w.add("modest", script{})
		var many []rollout.Action
		for i := range 20 {
			many = append(many, rollout.Ask{ID: fmt.Sprint("q", i)})
		}
		w.run(t, engine.Options{Step: at(many...), PerCanary: 3, Background: 4})
		synctest.Wait()
		if got := w.count("modest: ask q19"); got != 1 {
			t.Errorf("the other canary's last question was asked %d times before the deadline of the hung ones, want 1", got)
		}
	})
}

// TestOverdueCallIsAMissingAnswer: the calls ignore their deadline, and the core hears of it nevertheless.
func TestOverdueCallIsAMissingAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		free := make(chan struct{})
		k := w.add("a", script{
			ask: func(context.Context, rollout.Ask) rollout.Answer {
				<-free
				return rollout.Answer{OK: true}
			},
			measure: func(context.Context, rollout.Measure) analysis.Evidence {
				<-free
				return analysis.Evidence{Batch: &analysis.Batch{}}
			},
		})
		w.edit(k, func(c *engine.Canary) {
			c.Spec.Metrics = []analysis.Metric{{Name: "errors", Source: analysis.SuccessRate}, {Name: "depth", Source: analysis.Query}}
		})
		e, _ := w.run(t, engine.Options{Step: at(rollout.Ask{ID: "q"}, rollout.Measure{ID: "m"})})
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		check := func(when string) {
			s, _ := e.Status(k)
			answer, answered := s.Observation.Answers["q"]
			if !answered || answer.OK || answer.Message != "no answer within 5m0s" {
				t.Errorf("%s: answer = %+v, %t", when, answer, answered)
			}
			evidence := s.Observation.Measurements["m"]
			verdict := analysis.Judge(s.Spec.Metrics, evidence)
			if verdict.Outcome != analysis.Unanswered {
				t.Errorf("%s: verdict = %+v", when, verdict)
			}
		}
		check("overdue")
		close(free)
		synctest.Wait()
		e.Wake(k)
		synctest.Wait()
		check("returned after all")
		if w.count("a: ask q") != 1 || w.count("a: measure m") != 1 {
			t.Errorf("calls = %q", w.lines())
		}
	})
}

func TestQuestionsInLineAreDroppedOnceNobodyWantsThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		free := make(chan struct{})
		w.add("first", script{ask: func(context.Context, rollout.Ask) rollout.Answer {
			<-free
			return rollout.Answer{OK: true}
		}})
		core := func(_ rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
			s = resting(s)
			if len(obs.Commands) > 0 {
				return s, nil
			}
			return s, []rollout.Action{rollout.Ask{ID: "q"}}
		}
		e, _ := w.run(t, engine.Options{Step: core, Background: 1})
		synctest.Wait()
		second := w.add("second", script{})
		e.Wake(second)
		synctest.Wait()
		w.tell(second, rollout.Command{UID: "c", Verb: rollout.Abort})
		e.Wake(second)
		synctest.Wait()
		close(free)
		synctest.Wait()
		if got := w.count("second: ask q"); got != 0 {
			t.Errorf("a hook was called %d times after the abort", got)
		}
	})
}

func TestPanicInABackgroundCallIsAMissingAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		k := w.add("a", script{
			ask:     func(context.Context, rollout.Ask) rollout.Answer { panic("hook driver") },
			measure: func(context.Context, rollout.Measure) analysis.Evidence { panic("meter driver") },
			notify:  func(context.Context, rollout.Event) error { panic("notify driver") },
		})
		e, _ := w.run(t, engine.Options{Step: at(
			rollout.Ask{ID: "q"}, rollout.Measure{ID: "m"}, rollout.Emit{Event: rollout.Event{ID: "e"}},
		)})
		time.Sleep(time.Hour)
		synctest.Wait()
		s, _ := e.Status(k)
		want := map[string]bool{"q": false}
		got := map[string]bool{}
		for id, a := range s.Observation.Answers {
			got[id] = a.OK
		}
		if !maps.Equal(want, got) || s.Observation.Measurements["m"].BatchProblem == nil {
			t.Errorf("observation = %+v", s.Observation)
		}
		if diff := cmp.Diff([]string{"e"}, s.Observation.Delivered); diff != "" {
			t.Errorf("given up (-want +got):\n%s", diff)
		}
	})
}
