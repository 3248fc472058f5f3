package engine

import (
	"context"
	"runtime/debug"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// reading is one kind of read of one canary. A read that ignores its deadline is left behind, and no other of its
// kind begins until it has returned: what hangs costs one goroutine, not one for each pass.
type reading[T any] struct {
	answer <-chan reply[T]
	// stale says that an earlier pass began the read, so that what it brings is too old to act upon.
	stale bool
}

// reply is what a read brought: a value, or the panic that it ended in.
type reply[T any] struct {
	value T
	crash *crash
}

// crash carries a panic from one goroutine to another with the stack of the first.
type crash struct {
	value any
	stack []byte
}

// begin starts the read unless one hangs.
func (r *reading[T]) begin(ctx context.Context, crew *crew, read func(context.Context) T) {
	if r.answer != nil {
		select {
		case <-r.answer:
		default:
			return
		}
	}
	answer := make(chan reply[T], 1)
	r.answer, r.stale = answer, false
	crew.start(func() {
		var out reply[T]
		defer func() {
			if v := recover(); v != nil {
				out.crash = &crash{value: v, stack: debug.Stack()}
			}
			answer <- out
		}()
		out.value = read(ctx)
	})
}

// wait returns what the read brought, or a Problem when it brings nothing before ctx ends.
func (r *reading[T]) wait(ctx context.Context, what string) (value T, problem *fault.Problem) {
	if r.answer == nil {
		return value, nil
	}
	select {
	case out := <-r.answer:
		stale := r.stale
		r.answer = nil
		switch {
		case out.crash != nil:
			panic(out.crash) //nolint:forbidigo // The panic of another goroutine goes on in this one, whose pass recovers it.
		case stale:
			return value, &fault.Problem{Kind: fault.Unavailable, Message: "reading " + what + " took too long"}
		default:
			return out.value, nil
		}
	case <-ctx.Done():
		r.stale = true
		return value, &fault.Problem{Kind: fault.Unavailable, Message: "reading " + what + " has not returned in time"}
	}
}

// observe gathers everything that the core may know. The reads run side by side; what arrived in the meantime
// is taken after them.
func (p *pass) observe(ctx context.Context) rollout.Observation {
	e, m, c := p.engine, p.member, p.canary
	limit := e.opts.Deadlines.Observe
	reads, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	patience, release := context.WithTimeout(ctx, limit+grace)
	defer release()
	if c.Workload != nil {
		m.workload.begin(reads, e.crew, c.Workload.Observe)
	}
	if c.Router != nil {
		m.traffic.begin(reads, e.crew, c.Router.Observe)
	}
	obs := rollout.Observation{Deleting: c.Deleting, Blocked: c.Blocked, Released: m.released}
	var problem *fault.Problem
	if obs.Workload, problem = m.workload.wait(patience, "what runs"); problem != nil {
		obs.Workload.Problem = problem
	}
	if obs.Traffic, problem = m.traffic.wait(patience, "the split"); problem != nil {
		obs.Traffic.Problem = problem
	}
	obs.Now = e.opts.Clock.Now()
	obs.Answers, obs.Measurements = m.answers.snapshot(), m.evidence.snapshot()
	obs.Delivered = m.mail.delivered()
	if e.opts.Inbox != nil {
		obs.Brake, obs.Commands = e.opts.Inbox.Brake(), e.opts.Inbox.Commands(p.key)
	}
	return obs
}

// unread returns what could not be read, as errors with the kinds of the problems.
func unread(obs *rollout.Observation) []error {
	var errs []error
	if problem := obs.Workload.Problem; problem != nil {
		errs = append(errs, fault.Errorf(problem.Kind, "read what runs: %s", problem.Message))
	}
	if problem := obs.Traffic.Problem; problem != nil {
		errs = append(errs, fault.Errorf(problem.Kind, "read the split: %s", problem.Message))
	}
	return errs
}
