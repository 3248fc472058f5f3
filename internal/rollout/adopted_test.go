package rollout_test

import (
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestAnAdoptedTargetIsDrainedFromTheFirstAcknowledgement: until a data plane has a split in force, the target's pods get
// requests by the user's own means, whatever is written.
func TestAnAdoptedTargetIsDrainedFromTheFirstAcknowledgement(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	side := rollout.Side{Exists: true, Revision: "v1", Replicas: 1, Ready: 1, Serving: 1}
	all := rollout.Split{Primary: rollout.Whole}
	state := rollout.State{Version: rollout.StateVersion, Phase: rollout.Initialized, Promoted: "v1", Tried: "v1"}
	look := func(after time.Duration, acked rollout.Split) []rollout.Action {
		t.Helper()
		var actions []rollout.Action
		state, actions = rollout.Step(rollout.Spec{StepWeight: rollout.Whole}, state, rollout.Observation{
			Now: now.Add(after),
			Workload: rollout.Workload{
				Target:  rollout.Target{Exists: true, Revision: "v1", Replicas: 1, Pinned: []string{"v1"}},
				Primary: side, Canary: side,
			},
			Traffic: rollout.Traffic{Exists: true, Split: all, Acked: acked},
		})
		return actions
	}
	scaled := func(actions []rollout.Action) bool {
		for _, a := range actions {
			if _, ok := a.(rollout.Scale); ok {
				return true
			}
		}
		return false
	}
	look(0, rollout.Split{})
	if scaled(look(time.Minute, rollout.Split{})) || scaled(look(time.Minute, all)) {
		t.Fatal("the pods end before the drain time after the acknowledgement")
	}
	if !scaled(look(2*time.Minute, all)) {
		t.Error("the pods stay for ever")
	}
}
