package explorer

import (
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// size is how many pods each side has when it serves: none, some and all of them are ready are three cases.
const size = 2

// unit is the time by which the clock moves.
const unit = time.Minute

// revisions are the names that the core sees; the explorer knows them by their index.
func revisions() [3]string { return [3]string{"v1", "v2", "v3"} }

// side is one version in the world.
type side struct {
	exists   bool
	revision int8
	replicas int8
	// up counts the ready pods of each revision.
	up [3]int8
}

func (s *side) serving() int8 { return s.up[0] + s.up[1] + s.up[2] }

// only leaves at most n ready pods of the written revision and none of any other.
func (s *side) only(n int8) {
	s.up = [3]int8{}
	s.up[s.revision] = min(n, s.replicas)
}

// some makes one pod of the written revision ready and leaves one of the others.
func (s *side) some() {
	for r := range s.up {
		if int8(r) != s.revision {
			s.up[r] = min(s.up[r], 1)
		}
	}
	s.up[s.revision] = min(1, s.replicas)
	for r := range s.up {
		if s.serving() > size && int8(r) != s.revision {
			s.up[r] = 0
		}
	}
}

// world is everything around one canary that the core can see or change.
type world struct {
	// target is what the user wants, missing that the target is gone.
	target   int8
	missing  bool
	pinned   uint8
	primary  side
	canary   side
	floor    int8
	routed   bool
	split    rollout.Split
	acked    rollout.Split
	deleting bool
	released bool
	// quiet is since when the data plane has sent nothing to the canary, idle since when it has sent nothing to the
	// primary, or zero: the world's own clocks, whatever the core remembers.
	quiet, idle time.Time
}

// carries says whether a split brings the canary any request, a copied one included.
func carries(s rollout.Split) bool { return s.Canary > 0 || s.Mirror > 0 || s.Match }

// serves says whether a split brings the canary requests of users.
func serves(s rollout.Split) bool { return s.Canary > 0 || s.Match }

// rest is the split between runs.
func rest() rollout.Split { return rollout.Split{Primary: rollout.Whole} }

// reach counts the ready pods of the canary that a split can send requests to.
func (w *world) reach(s rollout.Split) int8 {
	for r, name := range revisions() {
		if name == s.Revision {
			return w.canary.up[r]
		}
	}
	return w.canary.serving()
}

// observe writes what a pass sees that reads everything.
func (m *model) observe(n *node, obs *rollout.Observation) {
	w := &n.w
	*obs = rollout.Observation{Now: n.now, Deleting: w.deleting, Released: w.released}
	obs.Workload = rollout.Workload{
		Target: rollout.Target{Exists: !w.missing, Revision: m.names[w.target], Replicas: size, Pinned: m.pins[w.pinned]},
	}
	if w.missing {
		obs.Workload.Target.Revision, obs.Workload.Target.Replicas = "", 0
	}
	m.see(&w.primary, &obs.Workload.Primary)
	m.see(&w.canary, &obs.Workload.Canary)
	obs.Workload.Primary.Abrupt = m.plan.Abrupt
	obs.Workload.Primary.Autoscaled = m.plan.Autoscaled && w.primary.exists
	obs.Workload.Primary.Floor = int(w.floor)
	obs.Traffic = rollout.Traffic{Exists: w.routed, Split: w.split, Acked: w.acked}
}

func (m *model) see(s *side, to *rollout.Side) {
	if !s.exists {
		return
	}
	to.Exists, to.Revision, to.Replicas = true, m.names[s.revision], int(s.replicas)
	to.Ready, to.Serving = int(s.up[s.revision]), int(s.serving())
}

// perform carries out one action the way the drivers do and says whether it was an effect.
func (m *model) perform(n *node, a rollout.Action) bool {
	w := &n.w
	switch a := a.(type) {
	case rollout.SetSplit:
		w.routed, w.split = true, a.Split
	case rollout.Pin:
		if r := m.index(a.Revision); !w.missing && w.target == r {
			w.pinned |= 1 << r
		}
	case rollout.Scale:
		m.scale(w, a)
	case rollout.Floor:
		w.floor = int8(a.Replicas) //nolint:gosec // G115: sizes are small here.
	case rollout.PromoteTo:
		m.promote(w, a)
	case rollout.Release:
		w.released = true
	case rollout.Measure, rollout.Ask, rollout.Emit, rollout.Wake:
		return false
	}
	return true
}

func (m *model) scale(w *world, a rollout.Scale) {
	c, r := &w.canary, m.index(a.Revision)
	if a.Side != rollout.CanarySide || r < 0 {
		return
	}
	if m.plan.Follows {
		r = w.target
	}
	if c.revision != r {
		c.up = [3]int8{}
	}
	c.exists, c.revision, c.replicas = true, r, int8(a.Replicas) //nolint:gosec // G115: sizes are small here.
}

// promote writes the primary from a snapshot. A primary that is replaced at once ends its pods; another one keeps them
// until new ones are ready.
func (m *model) promote(w *world, a rollout.PromoteTo) {
	p, r := &w.primary, m.index(a.Revision)
	if r < 0 || w.pinned&(1<<r) == 0 {
		return
	}
	if m.plan.Abrupt && p.revision != r {
		p.up = [3]int8{}
	}
	p.exists, p.revision, p.replicas = true, r, size
}

// watch keeps the world's own clocks.
func (w *world) watch(now time.Time) {
	since(&w.quiet, now, carries(w.split) || carries(w.acked))
	since(&w.idle, now, w.acked.Primary > 0 || w.split.Primary > 0)
}

func since(t *time.Time, now time.Time, busy bool) {
	switch {
	case busy:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

func unavailable() *fault.Problem {
	return &fault.Problem{Kind: fault.Unavailable, Message: "it is Unavailable"}
}
