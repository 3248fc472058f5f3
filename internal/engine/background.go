package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// grace is how long a call may go on after the end of its context before nobody waits for it any more.
const grace = 100 * time.Millisecond

// question is one call to a third party whose result the core waits for.
type question[T any] struct {
	id       string
	deadline time.Duration
	call     func(context.Context) T
	// missing makes the result of a call that brought none, for the reason given.
	missing func(reason string) T
}

// asker carries questions of one kind out for one canary, outside its passes.
type asker[T any] struct {
	engine  *Engine
	pool    *pool
	inquiry *inquiry[T]
	key     Key
}

// ask sends a question on its way, unless it is on its way or answered, and returns at once. The canary is woken
// when there is a result.
func (a asker[T]) ask(ctx context.Context, q question[T]) {
	if !a.inquiry.begin(q.id, a.engine.opts.PerCanary) {
		return
	}
	a.pool.submit(func() {
		defer a.engine.Wake(a.key)
		defer a.inquiry.end(q.id)
		if ctx.Err() == nil && a.inquiry.wants(q.id) {
			a.carryOut(ctx, q)
		}
	})
}

// carryOut calls and keeps the result. A call that ignores its deadline keeps its place in the pool, but the core
// hears of it as if it had not answered.
func (a asker[T]) carryOut(parent context.Context, q question[T]) {
	ctx, cancel := context.WithTimeout(parent, q.deadline)
	defer cancel()
	overdue := time.AfterFunc(q.deadline+grace, func() {
		a.inquiry.settle(q.id, q.missing(fmt.Sprintf("no answer within %s", q.deadline)))
		a.engine.Wake(a.key)
	})
	result := a.guarded(ctx, q)
	if overdue.Stop() && parent.Err() == nil {
		a.inquiry.settle(q.id, result)
	}
}

func (a asker[T]) guarded(ctx context.Context, q question[T]) (result T) {
	defer func() {
		if v := recover(); v != nil {
			a.engine.opts.Logger.Error("Call to a third party panicked",
				"canary", a.key.String(), "id", q.id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			result = q.missing("the call ended in an internal error")
		}
	}()
	return q.call(ctx)
}

// ask starts the question of an action.
func (p *pass) ask(ctx context.Context, a rollout.Ask) {
	e, gate := p.engine, p.canary.Gate
	asker[rollout.Answer]{e, e.asks, &p.member.answers, p.key}.ask(ctx, question[rollout.Answer]{
		id:       a.ID,
		deadline: e.opts.Deadlines.Ask,
		call: func(ctx context.Context) rollout.Answer {
			answer := gate.Ask(ctx, a)
			if answer.At.IsZero() {
				answer.At = e.opts.Clock.Now()
			}
			return answer
		},
		missing: func(reason string) rollout.Answer {
			return rollout.Answer{At: e.opts.Clock.Now(), Message: reason}
		},
	})
}

// measure starts the measurement of an action.
func (p *pass) measure(ctx context.Context, m rollout.Measure) {
	e, meter, metrics := p.engine, p.canary.Meter, p.canary.Spec.Metrics
	asker[analysis.Evidence]{e, e.measures, &p.member.evidence, p.key}.ask(ctx, question[analysis.Evidence]{
		id:       m.ID,
		deadline: e.opts.Deadlines.Measure,
		call:     func(ctx context.Context) analysis.Evidence { return meter.Measure(ctx, m) },
		missing:  func(reason string) analysis.Evidence { return unanswered(metrics, reason) },
	})
}

// unanswered is the evidence of a measurement that brought nothing for any metric.
func unanswered(metrics []analysis.Metric, reason string) analysis.Evidence {
	problem := &fault.Problem{Kind: fault.Unavailable, Message: reason}
	evidence := analysis.Evidence{BatchProblem: problem, Gauges: map[string]analysis.Gauge{}}
	for i := range metrics {
		if metrics[i].Source == analysis.Query {
			evidence.Gauges[metrics[i].Name] = analysis.Gauge{Problem: problem}
		}
	}
	return evidence
}
