package explorer

import (
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// code is the normal form of a node, as bytes.
type code [80]byte

// renaming maps the index of a revision to its index in the normal form.
type renaming [3]int8

// Bits of the bytes that hold facts.
const (
	bitHeld = 1 << iota
	bitPaused
	bitRun
	bitEdited
	bitMissing
	bitDeleting
	bitReleased
	bitRouted
)

const (
	bitReached = 1 << iota
	bitFresh
	bitSkip
	bitPass
	bitWritten
	bitOverride
	bitFull
	bitPolled
)

const (
	bitPrimary = 1 << iota
	bitCanary
	bitRestored
	bitLast
)

// phases, stages and outcomes give their places in the code.
func phases() []rollout.Phase {
	return []rollout.Phase{
		"", rollout.Initializing, rollout.Initialized, rollout.Waiting, rollout.Progressing, rollout.WaitingPromotion,
		rollout.Promoting, rollout.Finalising, rollout.Succeeded, rollout.Failed, rollout.Terminating, rollout.Terminated,
	}
}

func stages() []rollout.Stage {
	return []rollout.Stage{
		"", rollout.Clearing, rollout.Confirming, rollout.Scaling, rollout.Preparing, rollout.Stepping, rollout.Opening,
		rollout.Replacing, rollout.Returning, rollout.Restoring, rollout.Retreating, rollout.Closing, rollout.Done,
	}
}

func outcomes() []rollout.Outcome {
	return []rollout.Outcome{
		"", rollout.OutcomeSucceeded, rollout.OutcomeFailed, rollout.OutcomeAborted, rollout.OutcomeSuperseded, rollout.OutcomeReverted,
	}
}

// encoder writes a node in its normal form. Each method has its twin in decoder.
type encoder struct {
	m      *model
	n      *node
	rename renaming
	out    *code
	at     int
}

func (e *encoder) byte(b byte) {
	e.out[e.at] = b
	e.at++
}

func (e *encoder) number(n int) { e.byte(byte(n + 1)) } //nolint:gosec // G115: small numbers by construction.

// time writes an offset between least and most, or that there is no time.
func (e *encoder) time(t time.Time, least, most int) {
	if t.IsZero() {
		e.byte(0)
		return
	}
	d := t.Sub(e.n.now)
	units := int(d / unit)
	if d%unit != 0 && d < 0 {
		units--
	}
	e.byte(byte(128 + max(least, min(units, most)))) //nolint:gosec // G115: limits are small.
}

func (e *encoder) revision(r int8) {
	if r < 0 {
		e.byte(0)
		return
	}
	e.byte(byte(e.rename[r] + 1)) //nolint:gosec // G115: three revisions.
}

func (e *encoder) name(revision string) { e.revision(e.m.index(revision)) }

func (e *encoder) bits(flags ...bool) {
	var b byte
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	e.byte(b)
}

// encode returns the normal form of a node and how it renames the revisions.
func (m *model) encode(n *node, out *code) renaming {
	*out = code{}
	plain := m.forget(n)
	e := encoder{m: m, n: &plain, rename: m.rename(&plain), out: out}
	e.state()
	if plain.st.Run != nil {
		e.at = runStart
		e.run()
	}
	e.at = runStart + runSize
	e.world()
	return e.rename
}

// forget returns a node without what can matter no more: what a deletion makes pointless, a run that is over, and
// snapshots of revisions that nobody mentions, which the drivers drop as well.
func (m *model) forget(n *node) node {
	f := *n
	st, w := &f.st, &f.w
	if w.deleting {
		st.Run, st.Promoted, st.Tried, st.Paused, st.Held = nil, "", "", nil, time.Time{}
		f.g = ghost{verdict: -1}
		if st.Phase == rollout.Terminated {
			return node{now: n.now, st: rollout.State{Phase: st.Phase}, w: world{deleting: true, released: w.released}, g: f.g}
		}
		if st.Phase != rollout.Terminating {
			st.Phase = rollout.Succeeded
		}
	}
	if r := st.Run; r != nil && r.Stage == rollout.Done && st.Phase != rollout.Failed {
		st.Run = nil
	}
	m.collect(&f)
	return f
}

// collect drops the snapshots that neither the state nor the world mentions.
func (m *model) collect(n *node) {
	kept := uint8(1) << n.w.target
	if r := m.index(n.st.Promoted); r >= 0 {
		kept |= 1 << r
	}
	if n.st.Run != nil {
		kept |= 1 << m.index(n.st.Run.Revision)
	}
	if n.w.primary.exists {
		kept |= 1 << n.w.primary.revision
	}
	n.w.pinned &= kept
}

// runStart is where the run begins, runSize how many bytes it has at most.
const (
	runStart = 8
	runSize  = 28
)

func (e *encoder) state() {
	n, st := e.n, &e.n.st
	since := st.Since
	least := 0
	switch st.Phase {
	case rollout.Initializing:
		least = -e.m.limits.progress
	case rollout.Terminating:
		least = -2
	default:
		since = time.Time{}
	}
	e.bits(!st.Held.IsZero(), st.Paused != nil, st.Run != nil, n.edited, n.w.missing, n.w.deleting, n.w.released, n.w.routed)
	e.byte(byte(slices.Index(phases(), st.Phase))) //nolint:gosec // G115: a short list.
	e.time(since, least, 0)
	e.name(st.Promoted)
	e.name(st.Tried)
	e.time(st.Quiet, -e.m.limits.drain, 0)
}

// run writes what the run still needs: the more of it is over, the less.
func (e *encoder) run() {
	r := e.plain(e.n.st.Run)
	l, held := &e.m.limits, !e.n.st.Held.IsZero()
	e.byte(byte(slices.Index(stages(), r.Stage)))     //nolint:gosec // G115: a short list.
	e.byte(byte(slices.Index(outcomes(), r.Outcome))) //nolint:gosec // G115: as above.
	e.name(r.Revision)
	e.bits(r.Reached, r.Fresh, r.Skip != nil, r.Pass, r.Written, r.Override != nil, r.Full, false)
	e.byte(byte(slices.Index(e.m.prints[:], r.Steps) + 1)) //nolint:gosec // G115: as above.
	e.number(r.Step)
	e.byte(byte(r.Weight / rollout.Percent))        //nolint:gosec // G115: 0 to 100.
	e.time(r.Acked, -max(l.interval+2, l.drain), 0) // A late window still begins before it ends.
	e.number(min(r.Passes, int(e.m.checks)))
	e.time(r.Due, -l.interval-1, l.interval)
	e.number(r.FailedChecks)
	e.time(e.running(r.Gate.Since, held), -l.gate, 0)
	e.time(r.Gate.Due, 0, l.interval)
	e.time(r.Undo.Due, 0, l.interval)
	e.time(e.running(r.Progress, held), -l.progress, 0)
	e.time(e.running(r.NoData, held), -l.noData, 0)
	e.time(e.running(r.Unavailable, held), -l.unavailable, 0)
	e.number(min(r.Best, size))
	e.number(r.Replicas)
}

// running returns the beginning of a deadline as if the hold, in which it stands still, began now.
func (e *encoder) running(t time.Time, held bool) time.Time {
	if t.IsZero() || !held {
		return t
	}
	from := e.n.st.Held
	if t.After(from) {
		from = t
	}
	return t.Add(e.n.now.Sub(from))
}

// plain returns the run without what nobody asks about any more.
func (e *encoder) plain(r *rollout.Run) rollout.Run {
	p := *r
	if p.Stage == rollout.Done {
		return rollout.Run{Revision: p.Revision, Stage: p.Stage, Outcome: rollout.OutcomeFailed, Step: -1}
	}
	if p.Outcome == "" && !p.Pass {
		return p
	}
	p.FailedChecks, p.Passes, p.Fresh, p.Skip, p.Override = 0, 0, false, nil, nil
	p.Due, p.NoData, p.Unavailable, p.Gate = time.Time{}, time.Time{}, time.Time{}, rollout.Poll{}
	if p.Outcome != "" {
		p.Undo, p.Step = rollout.Poll{}, -1
	}
	if p.Outcome != "" && p.Stage != rollout.Restoring {
		p.Acked = time.Time{}
	}
	return p
}

func (e *encoder) world() {
	w, g := &e.n.w, &e.n.g
	e.revision(w.target)
	var pinned byte
	for r := range e.rename {
		if w.pinned&(1<<r) != 0 {
			pinned |= 1 << e.rename[r]
		}
	}
	e.byte(pinned)
	e.bits(w.primary.exists, w.canary.exists, g.restored, g.last)
	e.side(&w.primary)
	e.side(&w.canary)
	e.byte(byte(w.floor)) //nolint:gosec // G115: small.
	e.split(&w.split)
	e.split(&w.acked)
	e.time(w.quiet, -e.m.limits.drain, 0)
	idle := 0
	if e.m.plan.Abrupt {
		idle = -e.m.limits.drain
	}
	e.time(w.idle, idle, 0)
	e.byte(byte(g.good)) //nolint:gosec // G115: small.
	e.byte(byte(g.bad))  //nolint:gosec // G115: as above.
	e.revision(g.verdict)
}

func (e *encoder) side(s *side) {
	if !s.exists {
		e.at += 5
		return
	}
	e.revision(s.revision)
	e.byte(byte(s.replicas)) //nolint:gosec // G115: small.
	for r, up := range s.up {
		e.out[e.at+int(e.rename[r])] = byte(up) //nolint:gosec // G115: small.
	}
	e.at += 3
}

func (e *encoder) split(s *rollout.Split) {
	e.byte(byte(s.Primary / rollout.Percent)) //nolint:gosec // G115: 0 to 100.
	e.byte(byte(s.Canary / rollout.Percent))  //nolint:gosec // G115: as above.
	e.byte(byte(s.Mirror / rollout.Percent))  //nolint:gosec // G115: as above.
	e.bits(s.Match)
	e.name(s.Revision)
	e.byte(e.session(s))
}

// session tells the sessions of a step of the current run from those of an earlier one.
func (e *encoder) session(s *rollout.Split) byte {
	if s.CanarySession == "" {
		return 0
	}
	r := e.n.st.Run
	if r == nil || s.CanarySession != r.Name {
		return 1
	}
	for step := -1; step < len(e.m.sessions[0])-1; step++ {
		if s.PrimarySession == sessionOf(r.Name, step) {
			return byte(step + 3)
		}
	}
	return 1
}
