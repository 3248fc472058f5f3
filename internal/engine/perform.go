package engine

import (
	"context"
	"fmt"
	"reflect"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// perform carries the actions of a saved Step out: first the traffic, then what only has to be sent on its way,
// then what takes time. After a failure no further action changes the world in this pass; Step returns it again.
func (p *pass) perform(ctx context.Context) {
	first, rest := p.sorted()
	if !p.change(ctx, first) {
		rest = nil
	}
	p.dispatch(ctx)
	p.change(ctx, rest)
	if m := p.member; !reflect.DeepEqual(p.trace.Performed, m.performed) {
		m.performed, m.poll = p.trace.Performed, 0
	}
}

// sorted returns the actions that change the world: those that move traffic, and the others.
func (p *pass) sorted() (splits, others []rollout.Action) {
	for _, action := range p.trace.Actions {
		switch action.(type) {
		case rollout.SetSplit:
			splits = append(splits, action)
		case rollout.Pin, rollout.Scale, rollout.Floor, rollout.PromoteTo, rollout.Release:
			others = append(others, action)
		case rollout.Ask, rollout.Measure, rollout.Emit, rollout.Wake:
		}
	}
	return splits, others
}

// dispatch sends questions, measurements and events on their way, and notes when to look again.
func (p *pass) dispatch(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	var events []rollout.Event
	for _, action := range p.trace.Actions {
		switch a := action.(type) {
		case rollout.Ask:
			p.ask(ctx, a)
		case rollout.Measure:
			p.measure(ctx, a)
		case rollout.Emit:
			events = append(events, a.Event)
		case rollout.Wake:
			p.wakeAt(a.At)
		case rollout.SetSplit, rollout.Pin, rollout.Scale, rollout.Floor, rollout.PromoteTo, rollout.Release:
		}
	}
	e, box := p.engine, &p.member.mail
	begin, next := box.post(p.canary.Notifier, events, e.opts.Clock.Now())
	p.wake = earliest(p.wake, next)
	if box.write() {
		e.mails.submit(func() { e.write(ctx, p.key, box) })
	}
	if begin {
		e.mails.submit(func() { e.deliver(ctx, p.key, box) })
	}
}

// change carries out actions that change the world; false means that not all of them were.
func (p *pass) change(ctx context.Context, actions []rollout.Action) bool {
	for _, action := range actions {
		if ctx.Err() != nil {
			return false
		}
		err := p.verify(ctx)
		if err == nil {
			err = p.act(ctx, action)
		}
		if err != nil {
			p.fail(err)
			return false
		}
		p.trace.Performed = append(p.trace.Performed, action)
	}
	return true
}

// act carries out one action that changes the world.
func (p *pass) act(ctx context.Context, action rollout.Action) error {
	what := describe(action)
	p.log.Info("Performing an action", "action", what)
	err := p.call(ctx, p.engine.opts.Deadlines.Act, func(ctx context.Context) error {
		c := p.canary
		switch a := action.(type) {
		case rollout.SetSplit:
			return c.Router.SetSplit(ctx, a.Split)
		case rollout.Pin:
			return c.Workload.Pin(ctx, a.Revision)
		case rollout.Scale, rollout.Floor:
			return c.Workload.Resize(ctx, action)
		case rollout.PromoteTo:
			return c.Workload.Promote(ctx, a)
		case rollout.Release:
			return p.release(ctx, a)
		case rollout.Ask, rollout.Measure, rollout.Emit, rollout.Wake:
		}
		return fault.Errorf(fault.Unsupported, "%T changes nothing", action)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// release gives the canary back: the traffic first, then the pods that had it.
func (p *pass) release(ctx context.Context, a rollout.Release) error {
	if err := p.canary.Router.Restore(ctx, a.Revert); err != nil {
		return fmt.Errorf("restore traffic: %w", err)
	}
	if err := p.canary.Workload.Release(ctx, a.Revert); err != nil {
		return fmt.Errorf("release workload: %w", err)
	}
	p.member.released, p.again = true, true
	return nil
}

// describe names an action for people.
func describe(action rollout.Action) string {
	switch a := action.(type) {
	case rollout.SetSplit:
		return fmt.Sprintf("set split to %d/%d", a.Split.Primary, a.Split.Canary)
	case rollout.Pin:
		return "pin revision " + a.Revision
	case rollout.Scale:
		return fmt.Sprintf("scale %s to %d", a.Side, a.Replicas)
	case rollout.Floor:
		return fmt.Sprintf("hold the primary's autoscaler to %d", a.Replicas)
	case rollout.PromoteTo:
		return "promote revision " + a.Revision
	case rollout.Release:
		return "release"
	case rollout.Ask, rollout.Measure, rollout.Emit, rollout.Wake:
	}
	return fmt.Sprintf("%T", action)
}
