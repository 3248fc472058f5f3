// Package memrouter is a data plane in memory: a real driver with state, whose acknowledgements can be held back
// and whose calls can be made to fail, so that everything above it can be tested in virtual time.
package memrouter

import (
	"context"
	"fmt"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
)

var _ router.Driver = (*Driver)(nil)

// Method is a method of the driver.
type Method string

// The methods that can fail.
const (
	Read    Method = "Read"
	Write   Method = "Write"
	Restore Method = "Restore"
)

// Call is one call of a driver.
type Call struct {
	Canary string
	Method Method
	// Split is what a Write wants.
	Split rollout.Split
}

// Options adjust a Plane.
type Options struct {
	// Lacks are capabilities that the data plane does not have.
	Lacks rollout.Capabilities
	// Held keeps writes unacknowledged until Acknowledge or Settle is called.
	Held bool
	// Before is called before each call takes effect and may block until the context ends; its error is the call's,
	// which then has no effect. After is called when it has taken effect: its error is an answer that got lost.
	Before, After func(context.Context, Call) error
}

// Plane is a data plane that several canaries share. Its methods may be called from several goroutines.
type Plane struct {
	options Options

	mu       sync.Mutex
	canaries map[string]*record
}

// record is what the data plane holds for one canary.
type record struct {
	traffic rollout.Traffic
	// writes counts the driver's own that changed something, foreign those of others.
	writes, foreign int
	// stale makes the next write a conflict: somebody else has written since it was read.
	stale bool
	// reject is why the data plane will refuse the next writes, or empty.
	reject string
	// returned says that the target serves itself.
	returned bool
}

// NewPlane returns a data plane without canaries.
func NewPlane(o Options) *Plane {
	nothing := func(context.Context, Call) error { return nil }
	if o.Before == nil {
		o.Before = nothing
	}
	if o.After == nil {
		o.After = nothing
	}
	return &Plane{options: o, canaries: map[string]*record{}}
}

// Add makes a place for a canary; without it its driver's calls are NotFound.
func (p *Plane) Add(canary string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.canaries[canary] == nil {
		p.canaries[canary] = &record{}
	}
}

// Remove takes the canary's place away.
func (p *Plane) Remove(canary string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.canaries, canary)
}

// with calls f with the canary's record, if it has one.
func (p *Plane) with(canary string, f func(*record)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.canaries[canary]; r != nil {
		f(r)
	}
}

// Traffic returns what the data plane holds for a canary.
func (p *Plane) Traffic(canary string) (t rollout.Traffic) {
	p.with(canary, func(r *record) { t = r.traffic })
	return t
}

// Writes counts the writes that changed something for a canary.
func (p *Plane) Writes(canary string) (n int) {
	p.with(canary, func(r *record) { n = r.writes })
	return n
}

// Revision counts everybody's writes for a canary: equal revisions mean that nothing was written in between.
func (p *Plane) Revision(canary string) (n int) {
	p.with(canary, func(r *record) { n = r.writes + r.foreign })
	return n
}

// Returned says whether the target was given back and serves itself.
func (p *Plane) Returned(canary string) (yes bool) {
	p.with(canary, func(r *record) { yes = r.returned })
	return yes
}

// Overwrite is somebody else's write: it changes the split behind the driver's back.
func (p *Plane) Overwrite(canary string, s rollout.Split) {
	p.with(canary, func(r *record) {
		r.traffic.Exists, r.traffic.Split, r.traffic.Acked = true, s, s
		r.foreign++
	})
}

// Stale makes the next write of the canary's driver a Conflict.
func (p *Plane) Stale(canary string) { p.with(canary, func(r *record) { r.stale = true }) }

// Hold keeps writes unacknowledged from now on, or stops doing so.
func (p *Plane) Hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.options.Held = held
}

// Acknowledge says what the data plane has in force, whatever is written: a part of it has moved, say.
func (p *Plane) Acknowledge(canary string, s rollout.Split) {
	p.with(canary, func(r *record) { r.traffic.Acked = s })
}

// Settle acknowledges what is written, unless it is rejected.
func (p *Plane) Settle(canary string) {
	p.with(canary, func(r *record) {
		if r.traffic.Rejected == "" {
			r.traffic.Acked = r.traffic.Split
		}
	})
}

// Reject makes the data plane refuse the canary's writes with a sentence of its own, or, with an empty one, accept
// them again.
func (p *Plane) Reject(canary, sentence string) {
	p.with(canary, func(r *record) { r.reject = sentence })
}

// Driver returns a driver for one canary.
func (p *Plane) Driver(canary string) *Driver { return &Driver{plane: p, canary: canary} }

// Driver moves one canary's traffic on a Plane.
type Driver struct {
	plane  *Plane
	canary string
}

// Caps says what the data plane can do: everything but what it was told to lack.
func (d *Driver) Caps() rollout.Capabilities {
	lacks := d.plane.options.Lacks
	return rollout.Capabilities{Weights: !lacks.Weights, Mirror: !lacks.Mirror, Match: !lacks.Match, Sticky: !lacks.Sticky}
}

// Read returns what is written and what is acknowledged.
func (d *Driver) Read(ctx context.Context) (t rollout.Traffic, err error) {
	err = d.call(ctx, Call{Method: Read}, func(r *record) error {
		t = r.traffic
		return nil
	})
	if err != nil {
		return rollout.Traffic{}, err
	}
	return t, nil
}

// Write makes split the wanted one.
func (d *Driver) Write(ctx context.Context, split rollout.Split) error {
	if err := router.Check(split, d.Caps()); err != nil {
		return err
	}
	return d.call(ctx, Call{Method: Write, Split: split}, func(r *record) error {
		if r.stale {
			r.stale = false
			return fault.Errorf(fault.Conflict, "the split of %s was changed by somebody else", d.canary)
		}
		if !r.traffic.Exists || r.traffic.Split != split {
			r.writes++
		}
		r.traffic.Exists, r.traffic.Split, r.traffic.Rejected = true, split, r.reject
		r.returned = false
		if !d.plane.options.Held && r.reject == "" {
			r.traffic.Acked = split
		}
		return nil
	})
}

// Restore forgets the split.
func (d *Driver) Restore(ctx context.Context, revert bool) error {
	err := d.call(ctx, Call{Method: Restore}, func(r *record) error {
		if r.traffic.Exists {
			r.writes++
		}
		r.traffic, r.returned = rollout.Traffic{}, revert
		return nil
	})
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// call runs f on the canary's record between the hooks.
func (d *Driver) call(ctx context.Context, c Call, f func(*record) error) error {
	c.Canary = d.canary
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s: %w", c.Method, d.canary, err)
	}
	if err := d.plane.options.Before(ctx, c); err != nil {
		return err
	}
	err := fault.Errorf(fault.NotFound, "the data plane has no place for %s", d.canary)
	d.plane.with(d.canary, func(r *record) { err = f(r) })
	if err != nil {
		return err
	}
	return d.plane.options.After(ctx, c)
}
