package engine

import (
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// wakeAt notes that Step wants a pass at a time. A time that has come already when Step looked cannot be meant: it
// must not become a busy loop.
func (p *pass) wakeAt(at time.Time) {
	if now := p.trace.Observation.Now; !at.After(now) {
		at = now.Add(p.engine.opts.Pace.Poll)
	}
	p.wake = earliest(p.wake, at)
}

// schedule asks for the next pass. A canary that is at rest and in order gets none: it is woken.
func (p *pass) schedule() {
	e, m, t := p.engine, p.member, &p.trace
	p.count()
	now := e.opts.Clock.Now()
	next := p.wake
	switch {
	case t.Gone && !p.again:
		return
	case len(t.Errors)+len(p.unread) > 0 && !t.Gone:
		next = earliest(next, now.Add(p.retryDelay()))
	case p.again:
		next = now
	case len(t.Performed) > 0 || !atRest(&t.After):
		next = earliest(next, now.Add(m.nextPoll(&e.opts.Pace)))
	}
	if next.IsZero() {
		return
	}
	t.Next = next
	e.queue.addAt(p.key, next)
}

// count keeps reads and everything else apart: reads that have failed for an hour must not slow the repetition of
// a rollback down that failed once.
func (p *pass) count() {
	m := p.member
	m.blind++
	if len(p.unread) == 0 {
		m.blind = 0
	}
	m.failures++
	if len(p.trace.Errors) == 0 {
		m.failures = 0
	}
}

// retryDelay is that of the most hopeful error: a rollback must not wait for a read that nobody may make.
func (p *pass) retryDelay() time.Duration {
	shortest := p.engine.opts.Pace.SlowMax + maxRetryAfter
	delay := func(err error, failures int) {
		shortest = min(shortest, p.engine.backoff(fault.KindOf(err), failures, fault.RetryAfter(err)))
	}
	for _, err := range p.unread {
		delay(err, p.member.blind)
	}
	for _, err := range p.trace.Errors {
		delay(err, p.member.failures)
	}
	return shortest
}

// nextPoll doubles the delay from look to look; whatever happens sets poll back to 0.
func (m *member) nextPoll(pace *Pace) time.Duration {
	if m.poll == 0 {
		m.poll = pace.Poll
	} else {
		m.poll = min(2*m.poll, pace.PollMax)
	}
	return m.poll
}

// atRest says whether only something new can move a canary on.
func atRest(state *rollout.State) bool {
	if state.Run != nil && state.Run.Stage != rollout.Done {
		return false
	}
	switch state.Phase {
	case rollout.Initialized, rollout.Succeeded, rollout.Failed, rollout.Terminated:
		return true
	case rollout.Initializing, rollout.Waiting, rollout.Progressing, rollout.WaitingPromotion, rollout.Promoting,
		rollout.Finalising, rollout.Terminating:
		return false
	default:
		return false
	}
}
