package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// pass is one pass of one canary in progress. Its order is the law of this package: observe, Step, save, perform.
type pass struct {
	engine *Engine
	key    Key
	member *member
	canary *Canary
	log    *slog.Logger
	// overstay gives the worker's slot to another canary while a call of this one ignores its deadline.
	overstay func()

	trace    Trace
	degraded string
	// unread are the reads that failed.
	unread []error
	// verified says that the store was read or written in this pass: nobody else has moved the state on.
	verified bool
	// wake is when a later pass is needed, whatever happens; again asks for one at once.
	wake  time.Time
	again bool
}

// pass makes one pass. A panic in it stays in it.
func (e *Engine) pass(ctx context.Context, s *slot) {
	p := &pass{
		engine:   e,
		key:      s.key,
		member:   e.member(s.key),
		log:      e.opts.Logger.With("canary", s.key.String()),
		overstay: func() { e.queue.giveBack(s) },
		trace:    Trace{Key: s.key, Began: e.opts.Clock.Now()},
	}
	p.guard(func() { p.run(ctx) })
	p.schedule()
	p.guard(func() { p.publish(ctx) })
}

// guard runs one part of a pass. After a panic nothing that is remembered can be trusted: it is read anew.
func (p *pass) guard(part func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		stack := debug.Stack()
		if c, ok := v.(*crash); ok {
			v, stack = c.value, c.stack
		}
		p.member.loaded = false
		p.degraded = fmt.Sprintf("internal error: %v", v)
		p.trace.Errors = append(p.trace.Errors, fault.Errorf(fault.Unavailable, "%s", p.degraded))
		p.log.Error("Pass panicked", "panic", fmt.Sprint(v), "stack", string(stack))
	}()
	part()
}

// run goes through the pass until something keeps it from going on.
func (p *pass) run(ctx context.Context) {
	canary, err := p.engine.source.Canary(p.key)
	if fault.KindOf(err) == fault.NotFound {
		p.trace.Gone = true
		return
	}
	if err == nil {
		err = complete(canary)
	}
	if err != nil {
		p.fail(fmt.Errorf("find canary: %w", err))
		return
	}
	p.canary, p.trace.Spec = canary, canary.Spec
	if err := p.load(ctx); err != nil {
		p.fail(err)
		return
	}
	t := &p.trace
	t.Observation = p.observe(ctx)
	if ctx.Err() != nil {
		return
	}
	p.unread = unread(&t.Observation)
	t.Before = p.member.state
	t.After, t.Actions = p.engine.opts.Step(canary.Spec, t.Before, t.Observation)
	t.Stepped = true
	if err := p.save(ctx); err != nil {
		p.fail(err)
		return
	}
	t.Saved = true
	p.settle()
	p.perform(ctx)
	p.leave(ctx)
}

// complete refuses a canary that lacks a port which its passes need. One that may not act needs none.
func complete(c *Canary) error {
	if c.Blocked == "" && (c.Workload == nil || c.Router == nil || c.Meter == nil || c.Gate == nil) {
		return fault.Errorf(fault.Invalid, "%s has no workload, router, meter or gate", c.Key)
	}
	return nil
}

// fail notes what went wrong.
func (p *pass) fail(err error) { p.trace.Errors = append(p.trace.Errors, err) }

// load reads the state, unless what is remembered of it still counts.
func (p *pass) load(ctx context.Context) error {
	m := p.member
	if m.loaded {
		return nil
	}
	var data []byte
	var version uint64
	err := p.call(ctx, p.engine.opts.Deadlines.Store, func(ctx context.Context) (err error) {
		data, version, err = p.engine.store.Load(ctx, p.key)
		return err
	})
	if err != nil {
		return fmt.Errorf("load state: %w", err)
	}
	state := rollout.State{}
	if data != nil {
		if state, err = rollout.Decode(data); err != nil {
			return fmt.Errorf("load state: %w", err)
		}
	}
	m.state, m.data, m.version, m.loaded = state, data, version, true
	p.verified = true
	return nil
}

// save makes the new state durable. After any error it is unknown what the store has, so it is read anew.
func (p *pass) save(ctx context.Context) error {
	m := p.member
	data, err := rollout.Encode(p.trace.After)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if slices.Equal(data, m.data) {
		m.state = p.trace.After
		return nil
	}
	var version uint64
	err = p.call(ctx, p.engine.opts.Deadlines.Store, func(ctx context.Context) (err error) {
		version, err = p.engine.store.Save(ctx, p.key, data, m.version)
		return err
	})
	if err != nil {
		m.loaded = false
		return fmt.Errorf("save state: %w", err)
	}
	m.state, m.data, m.version = p.trace.After, data, version
	m.poll = 0
	p.verified = true
	return nil
}

// verify makes sure that nobody else has moved the state on, before a pass that saved nothing changes the world:
// an engine that was replaced must not repeat what its successor has taken back.
func (p *pass) verify(ctx context.Context) error {
	if p.verified {
		return nil
	}
	var version uint64
	err := p.call(ctx, p.engine.opts.Deadlines.Store, func(ctx context.Context) (err error) {
		_, version, err = p.engine.store.Load(ctx, p.key)
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("verify state: %w", err)
	case version != p.member.version:
		p.member.loaded = false
		return fault.Errorf(fault.Conflict, "verify state: version %d is not %d: somebody else writes it", version, p.member.version)
	default:
		p.verified = true
		return nil
	}
}

// settle drops what the saved state has taken in: commands, delivered events, and results that nobody asks for.
func (p *pass) settle() {
	t, m := &p.trace, p.member
	m.mail.retain(p.untold())
	var taken []string
	for i := range t.Observation.Commands {
		if uid := t.Observation.Commands[i].UID; slices.Contains(t.After.Consumed, uid) {
			taken = append(taken, uid)
		}
	}
	if len(taken) > 0 {
		p.engine.opts.Inbox.Consumed(p.key, taken)
	}
	p.forgetResults()
}

// untold are the ids of the events that the state or this Step still wants delivered.
func (p *pass) untold() map[string]bool {
	ids := map[string]bool{}
	for i := range p.trace.After.Outbox {
		ids[p.trace.After.Outbox[i].ID] = true
	}
	for _, action := range p.trace.Actions {
		if a, ok := action.(rollout.Emit); ok {
			ids[a.Event.ID] = true
		}
	}
	return ids
}

// forgetResults drops the results that Step no longer asks for. While one of its questions is open it may still
// need the answers to the others without asking for them, and a pass that could not see what runs has
// decided nothing.
func (p *pass) forgetResults() {
	t, m := &p.trace, p.member
	var asked, measured []string
	open := t.Observation.Workload.Problem != nil
	for _, action := range t.Actions {
		switch a := action.(type) {
		case rollout.Ask:
			asked = append(asked, a.ID)
			_, answered := t.Observation.Answers[a.ID]
			open = open || !answered
		case rollout.Measure:
			measured = append(measured, a.ID)
			_, answered := t.Observation.Measurements[a.ID]
			open = open || !answered
		case rollout.SetSplit, rollout.Pin, rollout.Scale, rollout.Floor, rollout.PromoteTo, rollout.Release, rollout.Emit, rollout.Wake:
		}
	}
	m.answers.want(asked)
	m.evidence.want(measured)
	if !open {
		m.answers.forget()
		m.evidence.forget()
	}
}

// leave deletes what is remembered of a canary that was released, once its last events are told.
func (p *pass) leave(ctx context.Context) {
	t := &p.trace
	if t.After.Phase != rollout.Terminated || ctx.Err() != nil {
		return
	}
	farewell := t.After.Since.Add(p.engine.opts.Pace.Farewell)
	if len(t.After.Outbox) > 0 && t.Observation.Now.Before(farewell) {
		p.wake = earliest(p.wake, farewell)
		return
	}
	err := p.call(ctx, p.engine.opts.Deadlines.Store, func(ctx context.Context) error {
		return p.engine.store.Delete(ctx, p.key)
	})
	if err != nil {
		p.fail(fmt.Errorf("delete state: %w", err))
		return
	}
	t.Gone = true
	if p.canary.Deleting {
		p.engine.source.Gone(p.key)
	} else {
		// The manifest came back while the canary was released: it begins anew.
		p.again = true
	}
}

// call makes one call of a pass with a deadline. A call that ignores it holds this canary, for its passes must not
// overlap, but not the worker.
func (p *pass) call(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	timer := time.AfterFunc(d+grace, p.overstay)
	defer timer.Stop()
	return f(ctx)
}

// publish tells everybody who looks on what the pass was.
func (p *pass) publish(ctx context.Context) {
	t := &p.trace
	t.Ended = p.engine.opts.Clock.Now()
	if t.Gone {
		p.engine.forget(p.key)
	} else {
		p.publishStatus(ctx)
	}
	p.engine.opts.Observe(*t)
}

func (p *pass) publishStatus(ctx context.Context) {
	t, m := &p.trace, p.member
	err := errors.Join(slices.Concat(t.Errors, p.unread)...)
	was := m.status.Load()
	news := err != nil && (was == nil || was.Err == nil || was.Err.Error() != err.Error())
	if news && ctx.Err() == nil {
		p.log.Warn("Pass failed", "error", err.Error())
	}
	m.status.Store(&Status{
		Key: p.key, Spec: t.Spec, State: m.state, Observation: t.Observation,
		Err: err, Failures: max(m.failures, m.blind), Degraded: p.degraded, At: t.Ended, Next: t.Next,
	})
}
