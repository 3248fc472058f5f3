package rollout_test

import (
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
		w.checkRest(r)
	})
}

// checkRest looks at what a canary at rest has left behind.
func (w *world) checkRest(r *rapid.T) {
	o, s := &w.obs.Workload, &w.state
	if s.Phase == rollout.Terminated {
		return
	}
	switch {
	case o.Primary.Floor != 0:
		r.Fatalf("the primary's floor is still %d", o.Primary.Floor)
	case o.Canary.Replicas != 0:
		r.Fatalf("the canary still has %d pods\n%+v\n%s", o.Canary.Replicas, w.obs, stateText(w.state))
	case o.Primary.Revision != s.Promoted:
		r.Fatalf("the primary has %s, promoted is %s", o.Primary.Revision, s.Promoted)
	case w.obs.Traffic.Acked != (rollout.Split{Primary: rollout.Whole}):
		r.Fatalf("the traffic is at %+v", w.obs.Traffic.Acked)
	case s.Phase != rollout.Failed && s.Promoted != o.Target.Revision:
		r.Fatalf("phase %s, but %s is wanted and %s promoted", s.Phase, o.Target.Revision, s.Promoted)
	case s.Phase == rollout.Failed && s.Run != nil && s.Run.Revision != o.Target.Revision:
		r.Fatalf("revision %s was never tried", o.Target.Revision)
	}
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
	switch rapid.IntRange(0, 18).Draw(r, "fact") {
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
	case 16:
		w.edit(r)
	case 17:
		w.meddle(r)
	case 18:
		w.crash = rapid.IntRange(1, 4).Draw(r, "crash")
	}
}

// edit changes the manifest in the middle of whatever goes on.
func (w *world) edit(r *rapid.T) {
	s := &w.spec
	switch rapid.IntRange(0, 7).Draw(r, "edit") {
	case 0:
		s.Iterations, s.StepWeight, s.StepWeights = 0, 25*rollout.Percent, nil
	case 1:
		s.Iterations, s.StepWeight, s.StepWeights = 0, 0, []rollout.Weight{5 * rollout.Percent, 30 * rollout.Percent}
	case 2:
		s.Iterations, s.StepWeight, s.StepWeights = 2, 0, nil
		s.Match = rapid.Bool().Draw(r, "match")
	case 3:
		s.SkipAnalysis = !s.SkipAnalysis
	case 4:
		s.Threshold = rapid.IntRange(1, 3).Draw(r, "threshold")
	case 5:
		s.Traffic.Match = !s.Traffic.Match
	case 6:
		s.Traffic.Weights = !s.Traffic.Weights
	case 7:
		w.obs.Workload.Target.Replicas = rapid.IntRange(0, 3).Draw(r, "replicas")
	}
}

// meddle changes the world behind the canary's back.
func (w *world) meddle(r *rapid.T) {
	o := &w.obs.Workload
	switch rapid.IntRange(0, 7).Draw(r, "meddle") {
	case 0:
		o.Primary = rollout.Side{Abrupt: o.Primary.Abrupt}
	case 1:
		o.Target.Exists = !o.Target.Exists
	case 2:
		if n := rapid.IntRange(0, 2).Draw(r, "pods"); o.Canary.Exists {
			o.Canary.Replicas = n
		}
	case 3:
		canary := rollout.Weight(rapid.IntRange(0, 10).Draw(r, "drift")) * 10 * rollout.Percent
		w.obs.Traffic.Split.Canary, w.obs.Traffic.Split.Primary = canary, rollout.Whole-canary
	case 4:
		w.now = w.now.Add(-time.Duration(rapid.IntRange(1, 7200).Draw(r, "back")) * time.Second)
	case 5:
		w.now = w.now.Add(time.Duration(rapid.IntRange(1, 7200).Draw(r, "forth")) * time.Second)
	case 6:
		o.Primary.Autoscaled, o.Primary.Floor = !o.Primary.Autoscaled, 0
	case 7:
		if w.obs.Traffic.Rejected = "no"; w.acks {
			w.obs.Traffic.Rejected = ""
		}
	}
}

// behave ends every fault: pods come up, the data plane follows, metrics are good and gates are open.
func (w *world) behave() {
	w.canaryUp, w.primaryUp, w.acks, w.evidence = true, true, true, healthy()
	w.obs.Workload.Problem, w.obs.Traffic.Problem, w.obs.Brake, w.spec.Suspend = nil, nil, nil, false
	w.obs.Workload.Target.Exists, w.obs.Traffic.Rejected, w.spec.Traffic.Match = true, "", true
	if _, _, err := rollout.Compile(w.spec); err != nil {
		w.spec.Iterations, w.spec.StepWeights, w.spec.StepWeight = 0, nil, 30*rollout.Percent
	}
	for _, h := range w.spec.Hooks {
		w.hooks[h.Name] = h.Type != rollout.RollbackHook
	}
	w.command(rollout.Resume)
}
