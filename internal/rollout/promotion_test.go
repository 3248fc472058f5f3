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
