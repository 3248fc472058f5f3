package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Options of a Notifier; the zero value is the default.
type Options struct {
	// Parallel bounds how many receivers are told at once. Default 32.
	Parallel int
	// Remember is the number of events of which it is known who has them already. Default 256.
	Remember int
}

// Notifier tells the receivers of one canary. A receiver that has an event, or has refused it for good, is not told
// again when another one fails and the same event comes once more. What is known of that does not outlive the
// Notifier: receivers deduplicate by the event's id.
type Notifier struct {
	subject Subject
	routes  []Route
	options Options
	memory  *memory
}

// New returns the Notifier of one canary.
func New(s Subject, routes []Route, o Options) (*Notifier, error) {
	if o.Parallel <= 0 {
		o.Parallel = 32
	}
	if o.Remember <= 0 {
		o.Remember = 256
	}
	n := &Notifier{subject: s, options: o, memory: newMemory(o.Remember)}
	for _, r := range routes {
		if err := r.validate(); err != nil {
			return nil, err
		}
		if r.Timeout == 0 {
			r.Timeout = 10 * time.Second
		}
		n.routes = append(n.routes, r)
	}
	return n, nil
}

// Notify tells an event to everybody who wants it and does not have it, side by side. The error holds those of all
// receivers that failed. Its kind is Unavailable where trying again may help one of them, and its RetryAfter is the
// longest delay that one of them asked for.
func (n *Notifier) Notify(ctx context.Context, e rollout.Event) error {
	m := Message{Subject: n.subject, Event: e}
	failed := make([]error, len(n.routes))
	var g errgroup.Group
	g.SetLimit(n.options.Parallel)
	for i := range n.routes {
		r := &n.routes[i]
		if !r.takes(e) || n.memory.settled(e.ID, i) {
			continue
		}
		g.Go(func() error {
			failed[i] = r.send(ctx, m)
			if failed[i] == nil || final(failed[i]) {
				n.memory.settle(e.ID, i)
			}
			return nil
		})
	}
	// The functions report into the list and never return an error.
	_ = g.Wait()
	return joined(failed)
}

// send makes one delivery with a deadline of its own. A driver that panics fails for its receiver only.
func (r *Route) send(ctx context.Context, m Message) (err error) {
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fault.Errorf(fault.Unavailable, "%s: internal error: %v", r.Name, v)
		}
	}()
	err = r.Driver.Send(limited, m)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fault.Errorf(fault.Unavailable, "%s: no answer within %s: %w", r.Name, r.Timeout, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return nil
}

// final says that trying again does not help.
func final(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Denied, fault.Unsupported, fault.NotFound:
		return true
	case fault.Unknown, fault.Unavailable, fault.Conflict, fault.NoData:
	}
	return false
}

// joined makes one error of those of all receivers, or nil.
func joined(failed []error) error {
	err := errors.Join(failed...)
	if err == nil {
		return nil
	}
	all := &fault.Error{Kind: fault.Unknown, Err: err}
	for _, e := range failed {
		if e == nil {
			continue
		}
		all.RetryAfter = max(all.RetryAfter, fault.RetryAfter(e))
		switch {
		case !final(e):
			all.Kind = fault.Unavailable
		case all.Kind == fault.Unknown:
			all.Kind = fault.KindOf(e)
		}
	}
	return all
}
