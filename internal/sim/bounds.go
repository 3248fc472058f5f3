package sim

import (
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// apiLatency is what the world's own answers add to a bound.
const apiLatency = time.Second

// delayed says whether something that a rollback needs was made slow or wrong in this run: then its bound says nothing.
func (w *World) delayed() bool {
	for i := range w.faults.all {
		f := &w.faults.all[i]
		if w.faults.times[i] == 0 {
			continue
		}
		switch f.Op {
		case Ask, Query, Notify, Append:
		default:
			return true
		}
		switch f.Kind {
		case CrashBefore, CrashAfter, Down, Twin, Stop, Forward, Back, Brake, Edit:
			return true
		default:
		}
	}
	return false
}

// saved looks at a state that has become durable: that is when a verdict is one. The caller holds mu.
func (l *laws) saved(w *World, p *process, before, after *rollout.State) {
	decided := after.Phase == rollout.Failed && before.Phase != rollout.Failed
	if decided && carries(w.plane.split) && w.side(rollout.PrimarySide).ready > 0 {
		l.verdict, l.by, l.pass = w.time.Now(), p, p.passes
	}
}

// said notes the command to go back. The caller holds mu.
func (l *laws) said(w *World, verb rollout.Verb) {
	r := w.state.Run
	if verb == rollout.Abort && r != nil && !r.Written && carries(w.plane.split) && w.state.Phase != rollout.Finalising {
		l.ordered = w.time.Now()
	}
}

// back is L3: the traffic is off the canary within 2 s of the verdict, or of the word of a person.
func (l *laws) back(w *World, s rollout.Split) {
	if carries(s) {
		return
	}
	bound := 2*time.Second + apiLatency
	for _, from := range []time.Time{l.verdict, l.ordered} {
		if from.IsZero() || w.delayed() {
			continue
		}
		took := w.time.Now().Sub(from)
		l.mustf(took <= bound, "L3", "the way back took %s", took)
	}
	l.verdict, l.ordered = time.Time{}, time.Time{}
}

// passEnded is the other half of L3: the pass that made the verdict has written the weights, too.
func (l *laws) passEnded(w *World, p *process) {
	if l.verdict.IsZero() || l.by != p || l.pass != p.passes || p.dead || w.delayed() {
		return
	}
	l.mustf(false, "L3", "the pass of the verdict ended and the canary still has requests")
}

// goneInTime is L4, counted from the deletion or from the end of what disturbed it.
func (l *laws) goneInTime(w *World) {
	// The release may take two minutes, and its last events another one.
	limit := 3*time.Minute + 10*time.Second
	from := w.deletedAt
	if w.disturbed.After(from) {
		from = w.disturbed
	}
	took := w.time.Now().Sub(from)
	l.mustf(took <= limit, "L4", "the release took %s", took)
}
