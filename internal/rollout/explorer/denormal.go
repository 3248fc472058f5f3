package explorer

import (
	"strconv"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// decoder reads what encoder wrote, in the same order.
type decoder struct {
	m  *model
	n  *node
	in *code
	at int
}

func (d *decoder) byte() byte {
	d.at++
	return d.in[d.at-1]
}

func (d *decoder) number() int { return int(d.byte()) - 1 }

func (d *decoder) time() time.Time {
	b := d.byte()
	if b == 0 {
		return time.Time{}
	}
	return d.n.now.Add(time.Duration(int(b)-128) * unit)
}

func (d *decoder) revision() int8 { return int8(d.byte()) - 1 } //nolint:gosec // G115: three revisions.

func (d *decoder) name() string {
	r := d.revision()
	if r < 0 {
		return ""
	}
	return d.m.names[r]
}

// decode makes n the node of a normal form, at the origin of time.
func (m *model) decode(c *code, n *node) {
	*n = node{now: origin()}
	d := decoder{m: m, n: n, in: c}
	bits := d.byte()
	st := &n.st
	st.Version = rollout.StateVersion
	st.Phase = phases()[d.byte()]
	st.Since = d.time()
	if st.Since.IsZero() && st.Phase != "" {
		st.Since = n.now
	}
	st.Promoted, st.Tried = d.name(), d.name()
	st.Quiet = d.time()
	if bits&bitHeld != 0 {
		st.Held = n.now
	}
	if bits&bitPaused != 0 {
		st.Paused = m.paused
	}
	n.edited = bits&bitEdited != 0
	n.w.missing, n.w.deleting = bits&bitMissing != 0, bits&bitDeleting != 0
	n.w.released, n.w.routed = bits&bitReleased != 0, bits&bitRouted != 0
	d.at = runStart
	if bits&bitRun != 0 {
		d.run()
		st.Run = &n.run
	}
	d.at = runStart + runSize
	d.world()
}

func (d *decoder) run() {
	r, m := &d.n.run, d.m
	r.Stage, r.Outcome = stages()[d.byte()], outcomes()[d.byte()]
	revision := d.revision()
	r.Revision, r.Name = m.names[revision], m.runs[revision]
	r.Started = d.n.now
	bits := d.byte()
	r.Reached, r.Fresh, r.Pass = bits&bitReached != 0, bits&bitFresh != 0, bits&bitPass != 0
	r.Written, r.Full = bits&bitWritten != 0, bits&bitFull != 0
	if bits&bitSkip != 0 {
		r.Skip = m.skip
	}
	if bits&bitOverride != 0 {
		r.Override = m.skip
	}
	if plan := d.byte(); plan > 0 {
		r.Steps = m.prints[plan-1]
	}
	r.Step = d.number()
	r.Weight = rollout.Weight(d.byte()) * rollout.Percent
	r.Acked = d.time()
	r.Passes = d.number()
	r.Due = d.time()
	r.FailedChecks = d.number()
	r.Gate.Since, r.Gate.Due = d.time(), d.time()
	r.Undo.Due = d.time()
	r.Progress, r.NoData, r.Unavailable = d.time(), d.time(), d.time()
	r.Best, r.Replicas = d.number(), d.number()
}

func (d *decoder) world() {
	w, g := &d.n.w, &d.n.g
	w.target = d.revision()
	w.pinned = d.byte()
	bits := d.byte()
	w.primary.exists, w.canary.exists = bits&bitPrimary != 0, bits&bitCanary != 0
	g.restored, g.last = bits&bitRestored != 0, bits&bitLast != 0
	d.side(&w.primary)
	d.side(&w.canary)
	w.floor = int8(d.byte()) //nolint:gosec // G115: small.
	d.split(&w.split)
	d.split(&w.acked)
	w.quiet, w.idle = d.time(), d.time()
	g.good, g.bad = int8(d.byte()), int8(d.byte()) //nolint:gosec // G115: small.
	g.verdict = d.revision()
}

func (d *decoder) side(s *side) {
	if !s.exists {
		d.at += 5
		return
	}
	s.revision, s.replicas = d.revision(), int8(d.byte()) //nolint:gosec // G115: small.
	for r := range s.up {
		s.up[r] = int8(d.byte()) //nolint:gosec // G115: small.
	}
}

func (d *decoder) split(s *rollout.Split) {
	s.Primary = rollout.Weight(d.byte()) * rollout.Percent
	s.Canary = rollout.Weight(d.byte()) * rollout.Percent
	s.Mirror = rollout.Weight(d.byte()) * rollout.Percent
	s.Match = d.byte() != 0
	s.Revision = d.name()
	switch session := d.byte(); {
	case session == 1:
		s.CanarySession, s.PrimarySession = "earlier", "earlier-0"
	case session > 1:
		r := d.m.index(d.n.run.Revision)
		s.CanarySession, s.PrimarySession = d.n.run.Name, d.m.sessions[r][session-2]
	}
}

// sessionOf is how the core names the session of a step.
func sessionOf(run string, step int) string { return run + "-" + strconv.Itoa(step) }

// rename numbers the revisions in the order in which the state mentions them; the others follow, those with more in
// the world first.
func (m *model) rename(n *node) renaming {
	to, next := renaming{-1, -1, -1}, int8(0)
	mention := func(r int8) {
		if r >= 0 && to[r] < 0 {
			to[r] = next
			next++
		}
	}
	w := &n.w
	mention(m.index(n.st.Promoted))
	if n.st.Run != nil {
		mention(m.index(n.st.Run.Revision))
	}
	mention(w.target)
	mention(m.index(n.st.Tried))
	if w.canary.exists {
		mention(w.canary.revision)
	}
	if w.primary.exists {
		mention(w.primary.revision)
	}
	mention(m.index(w.split.Revision))
	mention(m.index(w.acked.Revision))
	for next < 3 {
		best, most := int8(-1), -1
		for r := range to {
			if to[r] >= 0 {
				continue
			}
			weight := int(w.primary.up[r])*3 + int(w.canary.up[r])*9 + int(w.pinned>>r&1)
			if weight > most {
				best, most = int8(r), weight
			}
		}
		mention(best)
	}
	return to
}
