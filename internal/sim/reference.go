package sim

import (
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// plain are releases that end well.
func plain() []*Scenario {
	gates := with(weighted(), func(s *rollout.Spec) {
		s.StepWeights = s.StepWeights[:2]
		s.Hooks = []rollout.Hook{
			{Name: "start", Type: rollout.ConfirmRollout}, {Name: "smoke", Type: rollout.PreRollout}, {Name: "load", Type: rollout.DuringRollout},
			{Name: "raise", Type: rollout.ConfirmTrafficIncrease}, {Name: "finish", Type: rollout.ConfirmPromotion}, {Name: "undo", Type: rollout.RollbackHook},
		}
	})
	return []*Scenario{
		{Name: "linear promote", Group: "linear promote", Spec: weighted(), Acts: []Act{release()}, Ending: promotedV2},
		{
			Name: "linear promote, back by steps", Group: "linear promote", Acts: []Act{release()}, Ending: promotedV2, Replicas: 3,
			Spec: with(weighted(), func(s *rollout.Spec) {
				s.StepWeights, s.StepWeightPromotion, s.Sticky = s.StepWeights[2:], 40*rollout.Percent, true
			}),
		},
		{
			Name: "promote with gate", Group: "promote with gate", Spec: gates, Ending: promotedV2,
			Acts: []Act{
				{What: "close gates", When: always, Do: func(w *World) {
					w.party.Close("undo", "no need to go back")
					w.party.Close("start", "not before lunch")
					w.party.Close("finish", "ann has not looked yet")
				}},
				release(),
				{What: "open start", When: phase(rollout.Waiting), After: 7 * time.Second, Do: func(w *World) { w.party.Open("start") }},
				{What: "open finish", When: phase(rollout.WaitingPromotion), After: 7 * time.Second, Do: func(w *World) { w.party.Open("finish") }},
			},
		},
	}
}

// unlucky are releases that have to go back by themselves.
func unlucky() []*Scenario {
	return []*Scenario{
		{
			Name: "metric fails", Group: "metric fails", Spec: weighted(), Acts: []Act{release()}, Ending: failed("ChecksFailed"),
			Errors: map[string]float64{"v2": 0.2}, Never: []string{"v2"},
		},
		{
			Name: "canary never ready", Group: "canary never ready", Spec: weighted(), Acts: []Act{release()}, Ending: failed("ProgressDeadline"),
			Broken: func(_ rollout.SideName, revision string) bool { return revision == "v2" }, Never: []string{"v2"},
		},
		{
			Name: "primary not ready", Group: "primary not ready after promotion", Spec: weighted(), Acts: []Act{release()}, Ending: failed("PromotionFailed"),
			Broken: func(side rollout.SideName, revision string) bool {
				return side == rollout.PrimarySide && revision == "v2"
			},
		},
		{
			Name: "primary not ready, abrupt", Group: "primary not ready after promotion", Spec: weighted(), Acts: []Act{release()}, Ending: failed("PromotionFailed"),
			Broken: func(side rollout.SideName, revision string) bool {
				return side == rollout.PrimarySide && revision == "v2"
			}, Abrupt: true,
		},
	}
}

// ordered are releases that people stop, hurry and hold.
func ordered() []*Scenario {
	hold := with(weighted(), func(s *rollout.Spec) { s.Hooks = []rollout.Hook{{Name: "finish", Type: rollout.ConfirmPromotion}} })
	shut := Act{What: "close finish", When: always, Do: func(w *World) { w.party.Close("finish", "not yet") }}
	aborts := func(name string, when func(*rollout.State) bool, after time.Duration, endings ...string) *Scenario {
		return &Scenario{
			Name: "abort " + name, Group: "abort at each step", Spec: weighted(),
			Acts: []Act{release(), says(rollout.Abort, when, after)}, Ending: aborted, Endings: endings,
		}
	}
	all := []*Scenario{aborts("while scaling", stage(rollout.Scaling), 300*time.Millisecond)}
	for i := range 3 {
		all = append(all, aborts(fmt.Sprintf("at step %d", i), step(i), 2*time.Second))
	}
	all = append(all,
		aborts("while promoting", stage(rollout.Replacing), 800*time.Millisecond, promotedV2),
		&Scenario{
			Name: "abort at the gate", Group: "abort at each step", Spec: hold, Ending: aborted,
			Acts: []Act{shut, release(), says(rollout.Abort, phase(rollout.WaitingPromotion), 3*time.Second)},
		},
		&Scenario{
			Name: "promote now", Group: "promote now", Spec: weighted(), Ending: promotedV2,
			Acts: []Act{release(), says(rollout.Promote, step(0), 2*time.Second)},
		},
		&Scenario{
			Name: "pause and resume", Group: "pause and resume", Spec: weighted(), Ending: promotedV2,
			Acts: []Act{
				release(), says(rollout.Pause, step(1), time.Second),
				says(rollout.Resume, func(s *rollout.State) bool { return s.Paused != nil }, 25*time.Second),
			},
		},
	)
	return all
}

// changed are releases in which what is wanted changes.
func changed() []*Scenario {
	return []*Scenario{
		{
			Name: "new revision mid-run", Group: "new revision mid-run", Spec: weighted(), Ending: promotedV3,
			Acts: []Act{release(), deploys("v3", step(1), 2*time.Second)},
		},
		{
			Name: "new revision while promoting", Group: "new revision mid-run", Spec: weighted(), Ending: promotedV3,
			Acts: []Act{release(), deploys("v3", stage(rollout.Replacing), 800*time.Millisecond)},
		},
		{
			Name: "revert mid-run", Group: "revert mid-run", Spec: weighted(), Ending: reverted,
			Acts: []Act{release(), deploys("v1", step(1), 2*time.Second)},
		},
		{
			Name: "delete mid-run", Group: "delete mid-run", Spec: weighted(), Ending: "released, the target serves v2",
			Acts: []Act{release(), deletes(step(1), 2*time.Second)},
		},
		{
			Name: "delete mid-run with revert", Group: "delete mid-run", Ending: "released, the target serves v2",
			Spec: with(weighted(), func(s *rollout.Spec) { s.RevertOnDeletion = true }),
			Acts: []Act{release(), deletes(step(1), 2*time.Second)},
		},
		{
			Name: "delete with target gone", Group: "delete with target gone", Spec: weighted(), Ending: "released, nothing runs",
			Acts: []Act{
				release(),
				{What: "delete the target", When: step(1), After: 2 * time.Second, Do: func(w *World) { w.removeTarget() }},
				deletes(phase(rollout.Failed), 3*time.Second),
			},
		},
	}
}

// shapes are the other strategies, and a primary that somebody else scales.
func shapes() []*Scenario {
	iterations := func(n int, f func(*rollout.Spec)) rollout.Spec {
		return with(weighted(), func(s *rollout.Spec) {
			s.StepWeights, s.Iterations = nil, n
			f(s)
		})
	}
	nothing := func(*rollout.Spec) {}
	load := func(replicas int, when func(*rollout.State) bool, after time.Duration) Act {
		return Act{What: fmt.Sprintf("load for %d pods", replicas), When: when, After: after, Do: func(w *World) {
			w.target.Load(replicas)
			w.movePods()
		}}
	}
	return []*Scenario{
		{Name: "blue/green", Group: "blue/green", Spec: iterations(3, nothing), Acts: []Act{release()}, Ending: promotedV2},
		{Name: "blue/green, abrupt", Group: "blue/green", Spec: iterations(2, nothing), Acts: []Act{release()}, Ending: promotedV2, Abrupt: true},
		{
			Name: "blue/green without weights", Group: "blue/green", Acts: []Act{release()}, Ending: promotedV2,
			Spec: iterations(2, func(s *rollout.Spec) { s.Traffic = rollout.Capabilities{} }),
		},
		{Name: "header A/B", Group: "header A/B", Spec: iterations(3, func(s *rollout.Spec) { s.Match = true }), Acts: []Act{release()}, Ending: promotedV2},
		{
			Name: "mirror", Group: "mirror", Acts: []Act{release()}, Ending: promotedV2,
			Spec: with(weighted(), func(s *rollout.Spec) {
				s.Mirror, s.MirrorWeight, s.StepWeights = true, 50*rollout.Percent, s.StepWeights[:2]
			}),
		},
		{
			Name: "HPA active", Group: "HPA active", Spec: weighted(), Autoscaled: 2, Ending: promotedV2,
			Acts: []Act{load(4, born, 300*time.Millisecond), release(), load(1, step(0), time.Second), load(5, step(2), time.Second), load(2, phase(rollout.Succeeded), 0)},
		},
	}
}
