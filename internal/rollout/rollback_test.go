package rollout_test

import (
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestRollbackComesBeforeRepairs: a failed canary loses its users in the very pass that sees it, also where the primary
// has to be mended at the same time.
func TestRollbackComesBeforeRepairs(t *testing.T) {
	t.Parallel()
	half := rollout.Split{Primary: 60 * rollout.Percent, Canary: 40 * rollout.Percent, Revision: "v2"}
	obs := rollout.Observation{
		Now: epoch().Add(time.Minute),
		Workload: rollout.Workload{
			Target: rollout.Target{Exists: true, Revision: "v2", Replicas: 2, Pinned: []string{"v1", "v2"}},
			// Somebody has given the primary another revision.
			Primary: rollout.Side{Exists: true, Revision: "v0", Replicas: 2, Ready: 2, Serving: 2},
			Canary:  rollout.Side{Exists: true, Revision: "v2", Replicas: 2, Ready: 2, Serving: 2},
		},
		Traffic: rollout.Traffic{Exists: true, Split: half, Acked: half},
	}
	state := rollout.State{
		Version: rollout.StateVersion, Phase: rollout.Failed, Since: epoch(), Promoted: "v1", Tried: "v2", Runs: 1,
		Run: &rollout.Run{
			Name: "v2-1", Revision: "v2", Started: epoch(), Stage: rollout.Retreating, Step: 1, Weight: 40 * rollout.Percent,
			Outcome: rollout.OutcomeFailed, Reason: "ChecksFailed", Message: "too many",
		},
	}
	spec := newWorld(t).spec
	after, actions := rollout.Step(spec, state, obs)
	for _, broken := range rollout.Verify(spec, state, obs, after, actions) {
		t.Error(broken)
	}
	for _, a := range actions {
		if s, ok := a.(rollout.SetSplit); ok && s.Split == (rollout.Split{Primary: rollout.Whole}) {
			return
		}
	}
	t.Errorf("the canary keeps its users: %+v", actions)
}
