package rollout_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// step is one pass of a canary, for a defect to be put into.
type step struct {
	spec          rollout.Spec
	before, after rollout.State
	obs           rollout.Observation
	actions       []rollout.Action
}

func (s *step) verify() []string {
	return rollout.Verify(s.spec, s.before, s.obs, s.after, s.actions)
}

func (s *step) run() *rollout.Run { return s.after.Run }

func (s *step) do(a rollout.Action) { s.actions = append(s.actions, a) }

// route writes a split.
func (s *step) route(canary rollout.Weight) {
	s.do(rollout.SetSplit{Split: rollout.Split{Primary: rollout.Whole - canary, Canary: canary, Revision: "v2"}})
}

// defects are cores that break one law each. from says where the canary stands when they do.
func defects() map[string]struct {
	law, from string
	make      func(*step)
} {
	type defect = struct {
		law, from string
		make      func(*step)
	}
	half := 50 * rollout.Percent
	return map[string]defect{
		"sends 110 % away": {"S1", "stepping", func(s *step) {
			s.do(rollout.SetSplit{Split: rollout.Split{Primary: 80_000, Canary: 30_000}})
		}},
		"asks for weights where there are none": {"S1", "stepping", func(s *step) {
			s.spec.Traffic.Weights = false
			s.route(half)
		}},
		"sends users to a canary without pods": {"S2", "stepping", func(s *step) {
			s.obs.Workload.Canary.Ready, s.obs.Workload.Canary.Serving = 0, 0
			s.route(half)
		}},
		"sends users back to a primary without pods": {"S2", "stepping", func(s *step) {
			s.obs.Workload.Primary.Ready, s.obs.Workload.Primary.Serving = 0, 0
			s.route(0)
		}},
		"raises with one of two pods ready": {"S3", "stepping", func(s *step) {
			s.obs.Workload.Canary.Ready = 1
			s.route(half)
		}},
		"returns to a primary with one of two pods": {"S3", "finalising", func(s *step) {
			s.obs.Workload.Primary.Serving, s.obs.Workload.Primary.Ready = 1, 1
			s.route(0)
		}},
		"scales down what still serves":         {"S4", "stepping", func(s *step) { s.do(rollout.Scale{Side: rollout.CanarySide, Revision: "v2"}) }},
		"replaces an abrupt primary in service": {"S4", "promoting", func(s *step) { s.obs.Workload.Primary.Abrupt = true }},
		"writes a weight that is not planned":   {"S5", "stepping", func(s *step) { s.route(half) }},
		"leaves a step out": {"S5", "passing", func(s *step) {
			s.run().Step, s.run().Weight = 2, 60*rollout.Percent
		}},
		"promotes from the first step": {"S5", "stepping", func(s *step) { s.run().Pass = true }},
		"begins before it may":         {"S5", "waiting", func(s *step) { s.route(half) }},
		"keeps the canary after a verdict": {"S6", "failed", func(s *step) {
			s.route(half)
		}},
		"promotes after a verdict": {"S6", "failed", func(s *step) {
			s.run().Pass, s.run().Written = true, true
			s.do(rollout.PromoteTo{Revision: "v2"})
		}},
		"forgets a verdict": {"S6", "back", func(s *step) { s.run().Outcome = "" }},
		"tries a failed revision again by itself": {"S6", "failed", func(s *step) {
			s.run().Name, s.run().Outcome = "v2-2", ""
		}},
		"forgives a failed check": {"7", "stepping", func(s *step) { s.before.Run.FailedChecks = 1 }},
		"counts one check twice":  {"7", "stepping", func(s *step) { s.run().FailedChecks = 2 }},
		"promotes what the target is now": {"S8", "promoting", func(s *step) {
			s.obs.Workload.Target.Revision = "v3"
			s.actions = []rollout.Action{rollout.PromoteTo{Revision: "v3"}}
		}},
		"promotes without a snapshot": {"S8", "promoting", func(s *step) { s.obs.Workload.Target.Pinned = nil }},
		"promotes without a verdict":  {"S8", "stepping", func(s *step) { s.do(rollout.PromoteTo{Revision: "v2"}) }},
		"restores what was never promoted": {"S8", "promoting", func(s *step) {
			s.do(rollout.PromoteTo{Revision: "v0", Restore: true})
		}},
		"creates a primary from what moves": {"S8", "born", func(s *step) { s.do(rollout.PromoteTo{Revision: "v1"}) }},
		"changes the revision of a run":     {"S9", "stepping", func(s *step) { s.run().Revision = "v3" }},
		"writes the primary before it passed": {"S9", "stepping", func(s *step) {
			s.run().Written = true
		}},
		"raises a revision that nobody wants": {"S10", "stepping", func(s *step) {
			s.obs.Workload.Target.Revision = "v3"
			s.route(half)
		}},
		"promotes a revision that nobody wants": {"S10", "promoting", func(s *step) { s.obs.Workload.Target.Revision = "v3" }},
		"acts though another owns the target":   {"S11", "stepping", func(s *step) { s.obs.Blocked = "the other"; s.route(0) }},
		"measures from before the acknowledgement": {"S12", "stepping", func(s *step) {
			s.do(rollout.Measure{From: s.run().Acked.Add(-time.Second), To: s.obs.Now})
		}},
		"goes on without evidence": {"S12", "stepping", func(s *step) {
			s.run().Step, s.run().Weight = 1, 40*rollout.Percent
		}},
		"goes on with bad evidence": {"S12", "passing", func(s *step) {
			for id, e := range s.obs.Measurements {
				b := *e.Batch
				b.Canary.Errors = 900
				s.obs.Measurements[id] = analysis.Evidence{Batch: &b}
			}
		}},
		"goes on with evidence of another weight": {"S12", "passing", func(s *step) {
			for id, e := range s.obs.Measurements {
				b := *e.Batch
				b.From = b.From.Add(-time.Second)
				s.obs.Measurements[id] = analysis.Evidence{Batch: &b}
			}
		}},
		"acts on a failed read of what runs": {"S13", "stepping", func(s *step) {
			s.obs.Workload.Problem = problem("Unavailable")
			s.route(0)
		}},
		"raises on a failed read of the route": {"S13", "stepping", func(s *step) {
			s.obs.Traffic = rollout.Traffic{Problem: problem("Unavailable")}
			s.route(half)
		}},
		"does what it did not decide": {"S14", "stepping", func(s *step) { s.do(rollout.Floor{Replicas: 7}) }},
		"decides what it does not do": {"S14", "failed", func(s *step) { s.actions = nil }},
		"raises while somebody holds it": {"S15", "stepping", func(s *step) {
			s.after.Paused, s.run().Reached, s.before.Run.Reached = &rollout.Intent{}, false, false
			s.route(half)
		}},
		"promotes while somebody holds it": {"S15", "promoting", func(s *step) { s.spec.Suspend = true }},
		"raises though the gate is closed": {"S15", "passing", func(s *step) { s.gate(rollout.ConfirmTrafficIncrease) }},
		"begins though the gate is closed": {"S15", "waiting", func(s *step) { s.after.Phase = rollout.Progressing }},
		"promotes though the gate is closed": {"S15", "promoting", func(s *step) {
			s.gate(rollout.ConfirmPromotion)
		}},
		"acts at rest":                   {"L1", "rest", func(s *step) { s.do(rollout.Pin{Revision: "v1"}) }},
		"waits for nothing":              {"L2", "stepping", func(s *step) { s.after.Wait = rollout.Wait{} }},
		"lets a deadline pass":           {"L2", "stepping", func(s *step) { s.after.Wait.Until = s.obs.Now }},
		"does not look at its deadline":  {"L2", "stepping", func(s *step) { s.actions = nil }},
		"says not what ends its waiting": {"L2", "stepping", func(s *step) { s.after.Wait.Ends = "" }},
	}
}

// gate gives the spec a gate that nobody has asked.
func (s *step) gate(t rollout.HookType) {
	s.spec.Hooks = append(s.spec.Hooks, rollout.Hook{Name: "gate", Type: t})
}

// standing drives a world until its next pass is the one that a name stands for, and makes that pass.
func standing(t *testing.T, name string) *step {
	t.Helper()
	w := newWorld(t)
	lowest := 99.0
	w.spec.Metrics = []analysis.Metric{{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &lowest}}
	if name == "waiting" {
		w.spec.Hooks = []rollout.Hook{{Name: "start", Type: rollout.ConfirmRollout}}
	}
	reached := map[string]func(*step) bool{
		"born":     func(*step) bool { return true },
		"rest":     func(s *step) bool { return s.before.Phase == rollout.Initialized && s.after.Phase == s.before.Phase },
		"waiting":  func(s *step) bool { return s.before.Phase == rollout.Waiting },
		"stepping": func(s *step) bool { return s.before.Run != nil && s.before.Run.Reached && len(s.actions) == 1 },
		"passing": func(s *step) bool {
			return s.before.Run != nil && s.before.Run.Reached && s.run().Step == s.before.Run.Step+1
		},
		"promoting":  func(s *step) bool { return s.before.Phase == rollout.Progressing && s.after.Phase == rollout.Promoting },
		"finalising": func(s *step) bool { return s.after.Phase == rollout.Finalising },
		"back":       func(s *step) bool { return s.before.Phase == rollout.Failed },
		"failed":     func(s *step) bool { return s.before.Phase == rollout.Progressing && s.after.Phase == rollout.Failed },
	}[name]
	for range 1000 {
		if w.state.Phase == rollout.Initialized && name != "rest" {
			w.obs.Workload.Target.Revision = "v2"
		}
		if (name == "failed" || name == "back") && w.state.Run != nil && w.state.Run.Step == 1 {
			w.evidence.Batch.Canary.Errors = 500
		}
		s := &step{spec: w.spec, before: copyOf(t, w.state)}
		w.obs.Now = w.now
		w.settle()
		s.obs = copyFacts(&w.obs)
		s.after, s.actions = rollout.Step(s.spec, s.before, s.obs)
		if reached(s) {
			return s
		}
		if !w.pass() {
			w.now = w.now.Add(time.Second)
		}
	}
	t.Fatalf("the world never came to %s", name)
	return nil
}

func copyOf(t *testing.T, s rollout.State) rollout.State {
	t.Helper()
	c, err := rollout.Decode(encoded(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// copyFacts returns facts that can be changed without a trace in the original.
func copyFacts(obs *rollout.Observation) rollout.Observation {
	c := *obs
	c.Measurements = maps.Clone(obs.Measurements)
	c.Workload.Target.Pinned = slices.Clone(obs.Workload.Target.Pinned)
	return c
}

// TestVerifyCatchesEveryBrokenLaw is the test of the tests: a law that no defect breaks would prove nothing.
func TestVerifyCatchesEveryBrokenLaw(t *testing.T) {
	t.Parallel()
	caught := map[string]int{}
	for name, d := range defects() {
		s := standing(t, d.from)
		if broken := s.verify(); len(broken) > 0 {
			t.Fatalf("%s: before it is broken, the step breaks %q", d.from, broken)
		}
		s.after = copyOf(t, s.after)
		d.make(s)
		broken := s.verify()
		if !slices.ContainsFunc(broken, func(sentence string) bool { return strings.HasPrefix(sentence, d.law+": ") }) {
			t.Errorf("a core that %s breaks %q, want %s", name, broken, d.law)
			continue
		}
		caught[d.law]++
	}
	for _, law := range []string{"S1", "S2", "S3", "S4", "S5", "S6", "7", "S8", "S9", "S10", "S11", "S12", "S13", "S14", "S15", "L1", "L2"} {
		if caught[law] == 0 {
			t.Errorf("no defect breaks %s", law)
		}
	}
}
