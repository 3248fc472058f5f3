// Package router moves traffic: a portable Router with deadlines and checks wraps the small Driver that each
// data plane implements.
package router

import (
	"context"
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Driver reads and writes where the requests of one canary go. Its methods may be called from several
// goroutines; each returns within 100 ms of its context's end and leaves a valid configuration behind. Errors
// carry a fault.Kind: NotFound where the place to write to is missing, Conflict where somebody else wrote first,
// Denied where we may not.
type Driver interface {
	// Caps says what the data plane can do. It does not block.
	Caps() rollout.Capabilities
	// Read returns what is written and what the data plane has acknowledged. Exists is false (and the error nil)
	// before the first Write and after Restore. It changes nothing.
	Read(ctx context.Context) (rollout.Traffic, error)
	// Write makes split the wanted one. A second identical Write changes nothing. It does not wait for the data
	// plane's acknowledgement.
	Write(ctx context.Context, split rollout.Split) error
	// Restore takes Serin's part out of the data plane; revert says that the target itself serves from now on.
	// Nothing to restore is no error.
	Restore(ctx context.Context, revert bool) error
}

// defaultTimeout bounds a call of a driver.
const defaultTimeout = 10 * time.Second

// Options adjust a Router.
type Options struct {
	// Timeout bounds each call of the driver. Default 10 s.
	Timeout time.Duration
}

// Router moves the traffic of one canary through a driver. It refuses what the driver cannot do before anything is
// written. Its methods may be called from several goroutines.
type Router struct {
	driver  Driver
	timeout time.Duration
}

// New returns a Router on a driver.
func New(d Driver, o Options) *Router {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	return &Router{driver: d, timeout: o.Timeout}
}

// Caps says what the data plane can do for the canary: what a plan may ask for.
func (r *Router) Caps() rollout.Capabilities { return r.driver.Caps() }

// Observe reads where requests go. A failure is a fact like any other: it is in the traffic's Problem.
func (r *Router) Observe(ctx context.Context) rollout.Traffic {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	traffic, err := r.driver.Read(ctx)
	if err != nil {
		return rollout.Traffic{Problem: fault.ProblemOf(fmt.Errorf("read split: %w", err))}
	}
	return traffic
}

// SetSplit makes s the wanted split, and writes nothing where it is that already. The way back to the primary looks at
// nothing first: a data plane that cannot be read, or only slowly, must not delay it.
func (r *Router) SetSplit(ctx context.Context, s rollout.Split) error {
	if err := Check(s, r.driver.Caps()); err != nil {
		return fmt.Errorf("set split: %w", err)
	}
	back := s.Canary == 0 && s.Mirror == 0 && !s.Match
	if !back && r.isSet(ctx, s) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if err := r.driver.Write(ctx, s); err != nil {
		return fmt.Errorf("write split: %w", err)
	}
	return nil
}

// isSet says whether s is known to be the wanted split already. It has a deadline of its own, so that a read that hangs
// leaves the write its time.
func (r *Router) isSet(ctx context.Context, s rollout.Split) bool {
	ctx, cancel := context.WithTimeout(ctx, r.timeout/5)
	defer cancel()
	now, err := r.driver.Read(ctx)
	return err == nil && now.Exists && now.Split == s
}

// Restore puts back what was there before Serin; revert says that the target serves again.
func (r *Router) Restore(ctx context.Context, revert bool) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if err := r.driver.Restore(ctx, revert); err != nil {
		return fmt.Errorf("restore traffic: %w", err)
	}
	return nil
}

// Check returns a fault.Invalid for a split that makes no sense and a fault.Unsupported for one that a data plane
// with the capabilities cannot do.
func Check(s rollout.Split, caps rollout.Capabilities) error {
	if err := makesSense(s); err != nil {
		return err
	}
	switch {
	case !caps.Weights && s.Canary > 0 && s.Primary > 0:
		return fault.Errorf(fault.Unsupported, "a canary weight of %s: this data plane sends a side nothing or everything", s.Canary)
	case !caps.Mirror && s.Mirror > 0:
		return fault.Errorf(fault.Unsupported, "a mirror weight of %s: this data plane cannot mirror", s.Mirror)
	case !caps.Match && s.Match:
		return fault.Errorf(fault.Unsupported, "match conditions: this data plane cannot route by them")
	case !caps.Sticky && (s.CanarySession != "" || s.PrimarySession != ""):
		return fault.Errorf(fault.Unsupported, "sessions: this data plane cannot keep them")
	}
	return nil
}

func makesSense(s rollout.Split) error {
	if s.Primary < 0 || s.Canary < 0 || s.Primary+s.Canary != rollout.Whole {
		return fault.Errorf(fault.Invalid, "weights %d and %d: both must be 0 or more and their sum %d", s.Primary, s.Canary, rollout.Whole)
	}
	if s.Mirror < 0 || s.Mirror > rollout.Whole {
		return fault.Errorf(fault.Invalid, "mirror weight %d: it must be from 0 to %d", s.Mirror, rollout.Whole)
	}
	return nil
}
