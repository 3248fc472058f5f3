package sim

import (
	"context"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/workload"
)

var (
	_ engine.Source   = (*source)(nil)
	_ workload.Driver = (*pods)(nil)
	_ router.Driver   = (*route)(nil)
	_ meter.Driver    = (*metrics)(nil)
	_ gate.Driver     = (*hook)(nil)
	_ notify.Driver   = (*mail)(nil)
)

// source tells an engine what is wanted.
type source struct{ process *process }

// Canary is part of engine.Source. An engine asks once at the beginning of each pass.
func (s *source) Canary(engine.Key) (*engine.Canary, error) {
	p := s.process
	w := p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	p.begin()
	if w.gone {
		return nil, fault.Errorf(fault.NotFound, "there is no canary %s", w.key)
	}
	if p.canary != nil && p.made == w.manifests {
		return p.canary, nil
	}
	c, err := p.build()
	if err != nil {
		w.laws.breakf("sim", "no ports: %v", err)
		return nil, err
	}
	p.canary, p.made = c, w.manifests
	return c, nil
}

// build makes the ports: the portable types that every mode uses, over drivers that faults can strike.
func (p *process) build() (*engine.Canary, error) {
	w := p.world
	runs, err := workload.New(&pods{process: p}, workload.Options{})
	if err != nil {
		return nil, err
	}
	counts, err := meter.CountsOf(&metrics{process: p}, "envoy", meter.Subject{
		Name: w.key.Name, Namespace: w.key.Namespace, Target: w.key.Name, Service: w.key.Name,
	})
	if err != nil {
		return nil, err
	}
	measures, err := meter.New(counts, []meter.Gauge{{
		Name: "queue", Driver: &metrics{process: p}, Text: gaugeText, Vars: meter.Vars{},
	}}, meter.Options{})
	if err != nil {
		return nil, err
	}
	hooks := make([]gate.Hook, 0, len(w.spec.Hooks))
	for i, h := range w.spec.Hooks {
		hooks = append(hooks, gate.Hook{Name: h.Name, Driver: &hook{process: p, takes: time.Duration(43+7*i) * time.Millisecond}})
	}
	asks, err := gate.New(hooks, gate.Options{Now: w.clock.Now})
	if err != nil {
		return nil, err
	}
	tells, err := notify.New(notify.Subject{Namespace: w.key.Namespace, Name: w.key.Name, Target: w.key.Name},
		[]notify.Route{notify.EventHook("events", &mail{process: p})}, notify.Options{})
	if err != nil {
		return nil, err
	}
	return &engine.Canary{
		Key: w.key, Spec: w.spec, Deleting: w.deleting,
		Workload: runs, Router: router.New(&route{process: p}, router.Options{}), Meter: measures, Gate: asks, Notifier: tells,
	}, nil
}

// Keys is part of engine.Source.
func (s *source) Keys() []engine.Key {
	w := s.process.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return nil
	}
	return []engine.Key{w.key}
}

// Gone is part of engine.Source.
func (s *source) Gone(engine.Key) {
	w := s.process.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if !s.process.dead {
		w.laws.goneInTime(w)
		w.gone = true
		w.notef("the canary is gone")
	}
}

// pods is the workload.Driver of a process.
type pods struct{ process *process }

// Observe is part of workload.Driver.
func (d *pods) Observe(ctx context.Context) (seen rollout.Workload, err error) {
	w := d.process.world
	err = d.process.call(ctx, call{op: Pods, do: func() error {
		if w.faults.on(w.time.Now(), []Op{Pods}, Frozen) {
			seen = w.seen
			return nil
		}
		seen = w.look()
		w.seen = seen
		return nil
	}})
	return seen, err
}

// act makes a call that changes what runs.
func (d *pods) act(ctx context.Context, op Op, what string, a rollout.Action, do func() error) error {
	p := d.process
	return p.call(ctx, call{op: op, what: what, check: func() { p.world.laws.effect(p.world, p, a) }, do: func() error {
		err := do()
		if err == nil {
			// Whoever is too many is told to end at once.
			p.world.round()
			p.world.movePods()
		}
		return err
	}})
}

// Pin is part of workload.Driver.
func (d *pods) Pin(ctx context.Context, revision string) error {
	return d.act(ctx, Pin, revision, rollout.Pin{Revision: revision}, func() error {
		return d.process.world.target.Driver().Pin(ctx, revision)
	})
}

// Promote is part of workload.Driver.
func (d *pods) Promote(ctx context.Context, p rollout.PromoteTo) error {
	return d.act(ctx, Promote, p.Revision, p, func() error { return d.process.world.target.Driver().Promote(ctx, p) })
}

// Resize is part of workload.Driver.
func (d *pods) Resize(ctx context.Context, a rollout.Action) error {
	op, what := Floor, ""
	if s, ok := a.(rollout.Scale); ok {
		op, what = Scale, sizeText(s)
	}
	return d.act(ctx, op, what, a, func() error { return d.process.world.target.Driver().Resize(ctx, a) })
}

// Release is part of workload.Driver.
func (d *pods) Release(ctx context.Context, revert bool) error {
	return d.act(ctx, Release, "", rollout.Release{Revert: revert}, func() error {
		d.process.world.released = true
		return d.process.world.target.Driver().Release(ctx, revert)
	})
}

// route is the router.Driver of a process.
type route struct{ process *process }

// Caps is part of router.Driver.
func (d *route) Caps() rollout.Capabilities {
	return rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true}
}

// Read is part of router.Driver.
func (d *route) Read(ctx context.Context) (t rollout.Traffic, err error) {
	w := d.process.world
	err = d.process.call(ctx, call{op: Read, do: func() error {
		if w.faults.on(w.time.Now(), []Op{Read}, Frozen) {
			t = w.plane.seen
			return nil
		}
		t = w.plane.traffic()
		w.plane.seen = t
		return nil
	}})
	return t, err
}

// Write is part of router.Driver.
func (d *route) Write(ctx context.Context, s rollout.Split) error {
	p := d.process
	a := rollout.SetSplit{Split: s}
	return p.call(ctx, call{op: Split, what: splitText(s), check: func() { p.world.laws.effect(p.world, p, a) }, do: func() error {
		p.world.write(s)
		return nil
	}})
}

// Restore is part of router.Driver.
func (d *route) Restore(ctx context.Context, revert bool) error {
	p := d.process
	a := rollout.Release{Revert: revert}
	return p.call(ctx, call{op: Restore, check: func() { p.world.laws.effect(p.world, p, a) }, do: func() error {
		p.world.withdraw(revert)
		return nil
	}})
}

// metrics is the meter.Driver of a process.
type metrics struct{ process *process }

// Query is part of meter.Driver.
func (d *metrics) Query(ctx context.Context, text string, at time.Time) (series []meter.Series, err error) {
	p := d.process
	w := p.world
	takes := 61 * time.Millisecond
	if text == gaugeText {
		takes = 83 * time.Millisecond
	}
	err = p.call(ctx, call{op: Query, takes: takes, do: func() error {
		series, err = w.answer(text, at, w.faults.lasting(Query, w.counts[Query], w.time.Now()))
		return err
	}})
	return series, err
}

// hook is the gate.Driver of one hook of a process.
type hook struct {
	process *process
	takes   time.Duration
}

// Ask is part of gate.Driver.
func (d *hook) Ask(ctx context.Context, a rollout.Ask) error {
	w := d.process.world
	return d.process.call(ctx, call{op: Ask, takes: d.takes, do: func() error { return w.party.Driver().Ask(ctx, a) }})
}

// mail is the notify.Driver of a process.
type mail struct{ process *process }

// Send is part of notify.Driver.
func (d *mail) Send(ctx context.Context, m notify.Message) error {
	w := d.process.world
	return d.process.call(ctx, call{op: Notify, takes: 27 * time.Millisecond, do: func() error {
		return w.receiver.Driver().Send(ctx, m)
	}})
}
