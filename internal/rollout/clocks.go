package rollout

import (
	"math"
	"time"
)

// clocks makes the times in the state fit for this pass: none lies in the future, and the deadlines of a run stand
// still while somebody holds it.
func (p *pass) clocks() {
	p.rewind()
	_, held := p.held()
	switch {
	case held && p.st.Held.IsZero():
		p.st.Held = p.now
	case !held && !p.st.Held.IsZero():
		p.shift()
		p.st.Held = time.Time{}
	}
}

// rewind repairs what a clock that was set back leaves behind: what began in the future begins now, and what is due
// comes no later than it would if it were planned now. Otherwise a deadline could be hours away.
func (p *pass) rewind() {
	if p.st.Since.IsZero() || p.st.Since.After(p.now) {
		p.st.Since = p.now
	}
	p.notAfter(p.now, &p.st.Held, &p.st.Quiet)
	r := p.st.Run
	if r == nil {
		return
	}
	p.notAfter(p.now, &r.Started, &r.Acked, &r.Progress, &r.NoData, &r.Unavailable, &r.Gate.Since, &r.Undo.Since)
	p.notAfter(p.now.Add(p.spec.Interval), &r.Due, &r.Gate.Due, &r.Undo.Due)
}

func (p *pass) notAfter(latest time.Time, times ...*time.Time) {
	for _, t := range times {
		if t.After(latest) {
			*t = latest
		}
	}
}

// shift moves the beginnings of a run's deadlines by the time for which it was held since then.
func (p *pass) shift() {
	r := p.st.Run
	if r == nil {
		return
	}
	for _, t := range []*time.Time{&r.Progress, &r.NoData, &r.Unavailable, &r.Gate.Since} {
		if t.IsZero() {
			continue
		}
		from := p.st.Held
		if t.After(from) {
			from = *t
		}
		*t = t.Add(p.now.Sub(from))
	}
}

// sum is a and b together, or the longest duration there is.
func sum(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// times is n times d, or the longest duration there is.
func times(n int, d time.Duration) time.Duration {
	if n > 0 && d > math.MaxInt64/time.Duration(n) {
		return math.MaxInt64
	}
	return time.Duration(n) * d
}
