package rollout_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// TestRandomWalks drives canaries of every strategy through random facts, commands and faults. Verify is asserted
// after every step; afterwards the world behaves, and the canary has to come to rest and stay there (L1).
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r)
		w.spec = drawSpec(r)
		for range rapid.IntRange(1, 40).Draw(r, "length") {
			w.disturb(r)
			w.run(time.Duration(rapid.IntRange(0, 12).Draw(r, "seconds")) * time.Second)
		}
		w.behave()
		for end := w.now.Add(20 * time.Minute); w.now.Before(end) && !w.rests(); {
			w.run(10 * time.Second)
		}
		if !resting(w.state.Phase) {
			r.Fatalf("no rest: phase %s, wait %+v, run %+v", w.state.Phase, w.state.Wait, w.state.Run)
		}
		before := w.effects
		w.run(time.Minute)
		if w.effects != before {
			r.Fatalf("%d effects at rest", w.effects-before)
		}
	})
}

// rests says whether the world's revision is settled: what the canary left undone comes in the next pass.
func (w *world) rests() bool {
	effects := w.effects
	w.run(10 * time.Second)
	return resting(w.state.Phase) && w.effects == effects
}

func resting(p rollout.Phase) bool {
	switch p {
	case rollout.Initialized, rollout.Succeeded, rollout.Failed, rollout.Terminated:
		return true
	default:
		return false
	}
}

func drawSpec(r *rapid.T) rollout.Spec {
	lowest := 99.0
	s := rollout.Spec{
		Interval: 2 * time.Second, Drain: 3 * time.Second, ProgressDeadline: 30 * time.Second, UnavailableLimit: 30 * time.Second,
		Threshold: rapid.IntRange(1, 3).Draw(r, "threshold"),
		Metrics:   []analysis.Metric{{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &lowest}},
		Traffic:   rollout.Capabilities{Weights: rapid.IntRange(0, 4).Draw(r, "weights") > 0, Mirror: true, Match: true, Sticky: true},
		Mirror:    rapid.Bool().Draw(r, "mirror"), Sticky: rapid.Bool().Draw(r, "sticky"),
		RevertOnDeletion: rapid.Bool().Draw(r, "revert"),
	}
	switch rapid.IntRange(0, 4).Draw(r, "strategy") {
	case 0:
		s.StepWeight, s.MaxWeight = 20*rollout.Percent, 60*rollout.Percent
		s.StepWeightPromotion = rollout.Weight(rapid.IntRange(0, 2).Draw(r, "back")) * 20 * rollout.Percent
	case 1:
		s.StepWeights = []rollout.Weight{rollout.Percent, 10 * rollout.Percent, 100 * rollout.Percent}
	case 2:
		s.Iterations, s.Match = 3, true
	case 3:
		s.Iterations = 2
	case 4:
		s.SkipAnalysis = true
	}
	for i, t := range []rollout.HookType{rollout.ConfirmRollout, rollout.PreRollout, rollout.DuringRollout, rollout.ConfirmTrafficIncrease, rollout.ConfirmPromotion, rollout.RollbackHook} {
		if rapid.IntRange(0, 3).Draw(r, "hook") == 0 {
			s.Hooks = append(s.Hooks, rollout.Hook{Name: string(rune('a' + i)), Type: t})
		}
	}
	return s
}

// disturb changes one fact, or lets a person say something.
func (w *world) disturb(r *rapid.T) {
	yes := rapid.Bool().Draw(r, "yes")
	switch rapid.IntRange(0, 15).Draw(r, "fact") {
	case 0:
		w.obs.Workload.Target.Revision = rapid.SampledFrom([]string{"v1", "v2", "v3"}).Draw(r, "revision")
	case 1:
		w.canaryUp = yes
	case 2:
		w.primaryUp = yes
	case 3:
		w.acks = yes
	case 4:
		w.evidence = healthy()
		if !yes {
			w.evidence.Batch.Canary.Errors = 900
		}
	case 5:
		w.evidence = &analysis.Evidence{}
	case 6:
		w.evidence = &analysis.Evidence{BatchProblem: problem("Unavailable")}
	case 7:
		w.obs.Workload.Problem = nil
		if yes {
			w.obs.Workload.Problem = problem("Unavailable")
		}
	case 8:
		w.obs.Traffic.Problem = nil
		if yes {
			w.obs.Traffic.Problem = problem("Unavailable")
		}
	case 9:
		w.obs.Brake = nil
		if yes {
			w.obs.Brake = &rollout.Intent{By: "ops", At: w.now}
		}
	case 10:
		w.spec.Suspend = yes
	case 11:
		w.obs.Workload.Primary.Abrupt = yes
	case 12, 13:
		verb := rapid.SampledFrom([]rollout.Verb{rollout.Promote, rollout.Abort, rollout.Pause, rollout.Resume, rollout.Retry, rollout.Skip}).Draw(r, "verb")
		w.command(verb)
	case 14:
		for _, h := range w.spec.Hooks {
			w.hooks[h.Name] = rapid.Bool().Draw(r, "answer") == (h.Type != rollout.RollbackHook)
		}
	case 15:
		w.obs.Deleting = w.obs.Deleting || rapid.IntRange(0, 9).Draw(r, "delete") == 0
	}
}

// behave ends every fault: pods come up, the data plane follows, metrics are good and gates are open.
func (w *world) behave() {
	w.canaryUp, w.primaryUp, w.acks, w.evidence = true, true, true, healthy()
	w.obs.Workload.Problem, w.obs.Traffic.Problem, w.obs.Brake, w.spec.Suspend = nil, nil, nil, false
	for _, h := range w.spec.Hooks {
		w.hooks[h.Name] = h.Type != rollout.RollbackHook
	}
	w.command(rollout.Resume)
}

// FuzzState feeds Step any state that Decode accepts. It must not panic, and must not break a law.
func FuzzState(f *testing.F) {
	for _, s := range seedStates() {
		data, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint16(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, facts uint16) {
		state, err := rollout.Decode(data)
		if err != nil {
			return
		}
		w := newWorld(t)
		w.state = state
		w.canaryUp, w.primaryUp, w.acks = facts&1 == 0, facts&2 == 0, facts&4 == 0
		w.obs.Workload.Primary = rollout.Side{Exists: facts&8 == 0, Revision: "v1", Replicas: 2, Abrupt: facts&16 > 0}
		w.obs.Workload.Canary = rollout.Side{Exists: facts&32 == 0, Revision: "v2", Replicas: int(facts>>6) % 4}
		w.obs.Workload.Target.Revision = []string{"v1", "v2", "v3", ""}[int(facts>>8)%4]
		for range 4 {
			w.pass()
			w.now = w.now.Add(time.Duration(facts>>10) * time.Second)
		}
	})
}

// seedStates are the states that a release goes through.
func seedStates() []rollout.State {
	run := rollout.Run{Name: "v2-1", Revision: "v2", Started: epoch(), Progress: epoch(), Step: -1}
	var states []rollout.State
	for phase, stages := range map[rollout.Phase][]rollout.Stage{
		rollout.Waiting: {rollout.Clearing, rollout.Confirming}, rollout.Progressing: {rollout.Scaling, rollout.Preparing, rollout.Stepping},
		rollout.WaitingPromotion: {rollout.Stepping}, rollout.Promoting: {rollout.Opening, rollout.Replacing, rollout.Restoring},
		rollout.Finalising: {rollout.Returning, rollout.Closing}, rollout.Failed: {rollout.Retreating, rollout.Closing, rollout.Done},
	} {
		for _, stage := range stages {
			r := run
			r.Stage = stage
			states = append(states, rollout.State{Version: 1, Phase: phase, Since: epoch(), Promoted: "v1", Tried: "v2", Runs: 1, Run: &r})
		}
	}
	return append(states, rollout.State{}, rollout.State{Version: 1, Phase: rollout.Initialized, Promoted: "v1", Tried: "v1"})
}
