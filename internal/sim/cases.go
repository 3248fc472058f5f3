package sim

import (
	"slices"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
)

// count notes which laws of the core a pass could have broken. What is no case proves nothing, whatever Verify says.
func (l *laws) count(t *engine.Trace) {
	effects := 0
	for _, a := range t.Actions {
		if l.countAction(t, a) {
			effects++
		}
	}
	before, after := t.Before.Run, t.After.Run
	if t.Observation.Workload.Problem != nil || t.Observation.Traffic.Problem != nil {
		l.case1("S13")
	}
	if t.After.Paused != nil || t.Observation.Brake != nil || t.Spec.Suspend {
		if after != nil && after.Stage != rollout.Done {
			l.case1("S15")
		}
	}
	if !t.After.Wait.Until.IsZero() || t.After.Wait.Reason != "" {
		l.case1("L2")
	}
	if effects > 0 {
		l.case1("S14")
	}
	if before == nil || after == nil || before.Name != after.Name {
		return
	}
	if after.Step > before.Step || after.Pass && !before.Pass {
		l.case1("S12")
		l.case1("S5")
	}
	if after.Outcome != "" && effects > 0 {
		l.case1("S6")
	}
	if after.FailedChecks > before.FailedChecks {
		l.case1("7")
	}
}

// countAction does so for one action, and says whether it changes the world.
func (l *laws) countAction(t *engine.Trace, a rollout.Action) bool {
	o := &t.Observation
	r := t.After.Run
	switch a := a.(type) {
	case rollout.SetSplit:
		l.case1("S1")
		if r != nil && r.Revision != o.Workload.Target.Revision {
			l.case1("S10")
		}
		return true
	case rollout.Scale:
		if a.Side == rollout.CanarySide && o.Workload.Canary.Replicas > 0 && a.Replicas == 0 {
			l.case1("S4")
		}
		return true
	case rollout.PromoteTo:
		l.case1("S8")
		return true
	case rollout.Measure:
		l.case1("S12")
	case rollout.Ask:
		if slices.Contains([]rollout.HookType{rollout.ConfirmPromotion, rollout.ConfirmRollout, rollout.ConfirmTrafficIncrease}, a.Type) {
			l.case1("S15")
		}
	case rollout.Pin, rollout.Floor, rollout.Release:
		return true
	case rollout.Emit, rollout.Wake:
	}
	return false
}
