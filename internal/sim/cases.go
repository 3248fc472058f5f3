package sim

import (
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
	l.caseIf(t.Observation.Workload.Problem != nil || t.Observation.Traffic.Problem != nil, "S13")
	l.caseIf(t.After.Wait.Reason != "", "L2")
	l.caseIf(effects > 0, "S14")
	if after == nil {
		return
	}
	held := t.After.Paused != nil || t.Observation.Brake != nil || t.Spec.Suspend
	l.caseIf(held && after.Stage != rollout.Done, "S15")
	if before != nil && before.Name == after.Name {
		l.countRun(before, after, effects > 0)
	}
}

// countRun does so for a run that goes on.
func (l *laws) countRun(before, after *rollout.Run, acts bool) {
	advanced := after.Step > before.Step || after.Pass && !before.Pass
	l.caseIf(advanced, "S12")
	l.caseIf(advanced, "S5")
	l.caseIf(after.Outcome != "" && acts, "S6")
	l.caseIf(after.FailedChecks > before.FailedChecks, "7")
}

// countAction does so for one action, and says whether it changes the world.
func (l *laws) countAction(t *engine.Trace, a rollout.Action) bool {
	o := &t.Observation
	r := t.Before.Run
	superseded := r != nil && r.Revision != o.Workload.Target.Revision
	switch a := a.(type) {
	case rollout.SetSplit:
		l.caseIf(true, "S1")
		l.caseIf(superseded, "S10")
		return true
	case rollout.Scale:
		l.caseIf(o.Workload.Canary.Replicas > 0 && a.Replicas == 0, "S4")
		return true
	case rollout.PromoteTo:
		l.caseIf(true, "S8")
		return true
	case rollout.Measure:
		l.caseIf(true, "S12")
	case rollout.Ask:
		l.caseIf(a.Type == rollout.ConfirmPromotion || a.Type == rollout.ConfirmRollout || a.Type == rollout.ConfirmTrafficIncrease, "S15")
	case rollout.Pin, rollout.Floor, rollout.Release:
		return true
	case rollout.Emit, rollout.Wake:
	}
	return false
}

// caseIf counts a case of a law where there is one.
func (l *laws) caseIf(tried bool, law string) {
	if tried {
		l.case1(law)
	}
}
