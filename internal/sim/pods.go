package sim

import (
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// pace is how long pods take from one round to the next: to start, to get ready, to be gone.
const pace = 700 * time.Millisecond

// podReady says whether a pod can serve now. It is called under mu.
func (w *World) podReady(p memworkload.Pod) bool {
	broken := w.scenario.Broken
	return p.Rounds > 0 && !w.down[p.Side] && (broken == nil || !broken(p.Side, p.Revision))
}

// movePods lets the pods follow what is written, round by round, until nothing moves. The caller holds mu.
func (w *World) movePods() {
	if w.stepping {
		return
	}
	w.stepping = true
	w.after(pace, "pods", func() {
		w.stepping = false
		if w.round() {
			w.wake()
			w.movePods()
		}
	})
}

// round lets pods start, get ready, end and be gone, and says whether any did. The caller holds mu.
func (w *World) round() bool {
	w.touch()
	before := w.target.Pods()
	moved := w.target.Step()
	after := w.target.Pods()
	w.laws.podsEnd(w, before, after)
	w.laws.podsRun(w, after)
	w.reflow()
	return moved
}

// look is what the target is, in truth.
func (w *World) look() rollout.Workload {
	seen, err := w.sight()
	if err != nil {
		w.laws.breakf("sim", "the target cannot be seen: %v", err)
	}
	return seen
}

// truth is one side as it is.
type truth struct {
	revision string
	replicas int
	floor    int
	// ready are ready pods, pods all pods, those that end included.
	ready, pods int
}

func (w *World) side(name rollout.SideName) truth {
	seen := w.look()
	s := seen.Primary
	if name == rollout.CanarySide {
		s = seen.Canary
	}
	t := truth{revision: s.Revision, replicas: s.Replicas, floor: s.Floor, ready: s.Serving}
	for _, p := range w.target.Pods() {
		if p.Side == name {
			t.pods++
		}
	}
	return t
}

// deploy is a team's new revision. The caller holds mu.
func (w *World) deploy(revision string) {
	m := memworkload.Manifest{
		Revision: revision, Template: "image: shop/cart:" + revision, Replicas: w.scenario.replicas(), Abrupt: w.scenario.Abrupt,
	}
	w.templates[revision] = m.Template
	w.manifest = &m
	w.target.Apply(m)
	if w.scenario.Autoscaled > 0 {
		w.target.Autoscale(w.scenario.Autoscaled)
	}
	w.movePods()
	w.wake()
}
