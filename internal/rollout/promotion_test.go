package rollout_test

import (
	"slices"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// promoting returns a world in which v2 has passed and the write of the primary is decided and saved, but not made.
func promoting(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.run(10 * time.Second)
	w.obs.Workload.Target.Revision = "v2"
	for range 500 {
		// The process dies in each pass before it has any effect that comes after a verdict.
		before, crash := w.state, 0
		if r := before.Run; r != nil && r.Step == 2 && r.Reached {
			crash = 1
		}
		w.crash = crash
		if !w.pass() || crash > 0 {
			w.now = w.now.Add(time.Second)
		}
		if w.state.Phase == rollout.Promoting && w.state.Run.Written {
			w.crash = 0
			return w
		}
	}
	t.Fatalf("never promoted: %s, %+v", w.state.Phase, w.state.Wait)
	return nil
}

// promotions returns the revisions that a pass writes into the primary.
func promotions(w *world) []string {
	w.obs.Now = w.now
	_, actions := rollout.Step(w.spec, w.state, w.obs)
	var revisions []string
	for _, a := range actions {
		if p, ok := a.(rollout.PromoteTo); ok {
			revisions = append(revisions, p.Revision)
		}
	}
	return revisions
}

// TestPromotionIsOfTheAnalysedRevision: between the verdict and the write the target may move on, and the process may
// die; the primary gets what was analysed.
func TestPromotionIsOfTheAnalysedRevision(t *testing.T) {
	t.Parallel()
	w := promoting(t)
	w.obs.Workload.Target.Revision = "v3"
	if got := promotions(w); !slices.Equal(got, []string{"v2"}) {
		t.Errorf("the primary gets %v, want v2", got)
	}
}

// TestPromotionNeedsItsSnapshot: a revision whose snapshot is gone is kept again before it is written.
func TestPromotionNeedsItsSnapshot(t *testing.T) {
	t.Parallel()
	w := promoting(t)
	w.obs.Workload.Target.Pinned = []string{"v1"}
	if got := promotions(w); len(got) > 0 {
		t.Errorf("%v is promoted without a snapshot", got)
	}
	w.pass()
	if !slices.Contains(w.obs.Workload.Target.Pinned, "v2") {
		t.Errorf("v2 was not kept: %v", w.obs.Workload.Target.Pinned)
	}
}

// TestNoPodsAreNeverReady: a primary that somebody has scaled to nothing has not taken the new revision.
func TestNoPodsAreNeverReady(t *testing.T) {
	t.Parallel()
	w := promoting(t)
	w.pass()
	w.obs.Workload.Primary.Replicas = 0
	w.run(5 * time.Second)
	if w.state.Phase != rollout.Promoting || w.state.Promoted != "v1" || w.state.Wait.Reason != "PrimaryNotReady" {
		t.Errorf("phase %s, promoted %s, waits for %+v", w.state.Phase, w.state.Promoted, w.state.Wait)
	}
}

// TestTrafficReturnsToCapacity: a primary that has lost pods after its promotion gets its traffic back when it has enough
// of them again.
func TestTrafficReturnsToCapacity(t *testing.T) {
	t.Parallel()
	most := rollout.Split{Primary: 40 * rollout.Percent, Canary: 60 * rollout.Percent, Revision: "v2"}
	state := rollout.State{
		Version: rollout.StateVersion, Phase: rollout.Finalising, Since: epoch(), Promoted: "v2", Tried: "v2", Runs: 1,
		Run: &rollout.Run{
			Name: "v2-1", Revision: "v2", Started: epoch(), Stage: rollout.Returning, Step: 2, Weight: 60 * rollout.Percent,
			Acked: epoch(), Pass: true, Written: true,
		},
	}
	for serving, want := range map[int]bool{1: false, 2: true} {
		obs := rollout.Observation{
			Now: epoch().Add(time.Minute),
			Workload: rollout.Workload{
				Target:  rollout.Target{Exists: true, Revision: "v2", Replicas: 2, Pinned: []string{"v1", "v2"}},
				Primary: rollout.Side{Exists: true, Revision: "v2", Replicas: 2, Ready: serving, Serving: serving},
				Canary:  rollout.Side{Exists: true, Revision: "v2", Replicas: 2, Ready: 2, Serving: 2},
			},
			Traffic: rollout.Traffic{Exists: true, Split: most, Acked: most},
		}
		after, actions := rollout.Step(newWorld(t).spec, state, obs)
		moved := slices.ContainsFunc(actions, func(a rollout.Action) bool {
			_, ok := a.(rollout.SetSplit)
			return ok
		})
		if moved != want {
			t.Errorf("%d of 2 pods: moved %t, want %t; waits for %+v", serving, moved, want, after.Wait)
		}
	}
}
