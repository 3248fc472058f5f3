package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/memrouter"
	"github.com/serin-dev/serin/internal/workload"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// fleet is an engine with many canaries over drivers in memory.
type fleet struct {
	engine  *engine.Engine
	store   *memstore.Store
	keys    []engine.Key
	targets map[engine.Key]*memworkload.Target
	// canaries do not change while the engine runs.
	canaries map[engine.Key]*engine.Canary

	mu sync.Mutex
	// latest is the latest pass of each canary, passed is closed at the next one.
	latest map[engine.Key]engine.Trace
	passed chan struct{}
}

var _ engine.Source = (*fleet)(nil)

// fleetOptions adjust a fleet. A nil field is the driver in memory that does what it is told.
type fleetOptions struct {
	canaries int
	spec     rollout.Spec
	router   func(engine.Key) router.Driver
	meter    func(engine.Key) engine.Meter
	// blind keeps the fleet from remembering passes, which would count as memory of the engine.
	blind bool
}

// spec is a plan of ten steps with the builtin metrics.
func spec() rollout.Spec {
	least, most := 99.0, 500.0
	return rollout.Spec{
		Interval: time.Minute, StepWeight: 10 * rollout.Percent, MaxWeight: rollout.Whole, Threshold: 1, Drain: time.Millisecond,
		Traffic: rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true},
		Metrics: []analysis.Metric{
			{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &least},
			{Name: "request-duration", Source: analysis.Duration, Max: &most},
		},
	}
}

func newFleet(o fleetOptions) (*fleet, error) {
	f := &fleet{
		// A full journal in memory copies itself with each event: a short one keeps that out of what is measured.
		store:    memstore.New(memstore.Options{Events: 20}),
		targets:  map[engine.Key]*memworkload.Target{},
		canaries: map[engine.Key]*engine.Canary{},
		latest:   map[engine.Key]engine.Trace{},
		passed:   make(chan struct{}),
	}
	plane := memrouter.NewPlane(memrouter.Options{})
	for i := range o.canaries {
		key := engine.Key{Namespace: "bench", Name: fmt.Sprintf("app%05d", i)}
		target := memworkload.New(memworkload.Options{})
		target.Apply(memworkload.Manifest{Revision: "v1", Replicas: 2})
		pods, err := workload.New(target.Driver(), workload.Options{})
		if err != nil {
			return nil, err
		}
		c := &engine.Canary{Key: key, Spec: o.spec, Workload: pods, Meter: still{}, Gate: still{}}
		if o.router == nil {
			plane.Add(key.String())
			c.Router = router.New(plane.Driver(key.String()), router.Options{})
		} else {
			c.Router = router.New(o.router(key), router.Options{})
		}
		if o.meter != nil {
			c.Meter = o.meter(key)
		}
		f.keys = append(f.keys, key)
		f.targets[key], f.canaries[key] = target, c
	}
	options := engine.Options{Journal: f.store, Inbox: f.store}
	if !o.blind {
		options.Observe = f.remember
	}
	var err error
	f.engine, err = engine.New(f, f.store, options)
	return f, err
}

// still is a meter and a gate that nothing comes of.
type still struct{}

// Measure is part of engine.Meter.
func (still) Measure(context.Context, rollout.Measure) analysis.Evidence { return analysis.Evidence{} }

// Ask is part of engine.Gate.
func (still) Ask(context.Context, rollout.Ask) rollout.Answer { return rollout.Answer{} }

// Canary is part of engine.Source.
func (f *fleet) Canary(key engine.Key) (*engine.Canary, error) {
	if c := f.canaries[key]; c != nil {
		return c, nil
	}
	return nil, fault.Errorf(fault.NotFound, "no canary %s", key)
}

// Keys is part of engine.Source.
func (f *fleet) Keys() []engine.Key { return f.keys }

// Gone is part of engine.Source.
func (f *fleet) Gone(engine.Key) {}

func (f *fleet) remember(t engine.Trace) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest[t.Key] = t
	close(f.passed)
	f.passed = make(chan struct{})
}

// start runs the engine until the benchmark ends.
func (f *fleet) start(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f.engine.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("the engine: %v", err)
		}
	})
}

// patience is how long a benchmark waits for what must happen.
const patience = time.Minute

// until waits until the latest passes of all canaries are as they should be.
func (f *fleet) until(b *testing.B, what string, is func(engine.Trace) bool) {
	b.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for _, key := range f.keys {
		for {
			f.mu.Lock()
			t, known := f.latest[key]
			passed := f.passed
			f.mu.Unlock()
			if known && is(t) {
				break
			}
			select {
			case <-passed:
			case <-late.C:
				b.Fatalf("it never happened that %s %s: %+v", key, what, t.After)
			}
		}
	}
}

// rests says that a canary has come to rest in a phase.
func rests(phase rollout.Phase) func(engine.Trace) bool {
	return func(t engine.Trace) bool { return t.After.Phase == phase && t.Next.IsZero() && len(t.Errors) == 0 }
}
