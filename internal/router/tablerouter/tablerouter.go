// Package tablerouter moves the traffic of one canary by writing the routing table, from which a data plane of
// Serin's own is fed.
package tablerouter

import (
	"context"
	"fmt"
	"strings"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/xds/table"
)

var _ router.Driver = (*Driver)(nil)

// Driver moves the traffic of one service of a table.
type Driver struct {
	store *table.Store
	key   table.Key
}

// New returns a driver for the service with the key. Others put the service into the store and keep its endpoints
// up to date; the driver alone writes its split.
func New(store *table.Store, key table.Key) *Driver { return &Driver{store: store, key: key} }

// Caps says that our own data planes can do everything.
func (d *Driver) Caps() rollout.Capabilities {
	return rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true}
}

// Read returns the split in the table and what every data plane has reported.
func (d *Driver) Read(ctx context.Context) (rollout.Traffic, error) {
	if err := ctx.Err(); err != nil {
		return rollout.Traffic{}, fmt.Errorf("read route of %s: %w", d.key, err)
	}
	status, err := d.store.Status(d.key)
	if err != nil {
		return rollout.Traffic{}, fmt.Errorf("read route of %s: %w", d.key, err)
	}
	var t rollout.Traffic
	if status.Split == nil {
		return t, nil
	}
	t.Exists, t.Split = true, *status.Split
	if status.Acked != nil {
		t.Acked = *status.Acked
	}
	t.Rejected = strings.Join(status.Rejected, "; ")
	return t, nil
}

// Write puts the split into the table. It refuses, as Unavailable, to send more to a canary of which the table has no
// endpoint yet: a workload is seen to be ready a moment before its endpoints arrive here.
func (d *Driver) Write(ctx context.Context, split rollout.Split) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write route of %s: %w", d.key, err)
	}
	err := d.store.Route(d.key, func(s *table.Service) (*rollout.Split, bool, error) {
		wanted := *s
		wanted.Split = &split
		if len(wanted.Endpoints(rollout.CanarySide)) == 0 && sendsMore(s.Route(), split) {
			return nil, false, fault.Errorf(fault.Unavailable, "the canary has no endpoint%s yet", ofRevision(split.Revision))
		}
		return &split, false, nil
	})
	if err != nil {
		return fmt.Errorf("write route of %s: %w", d.key, err)
	}
	return nil
}

// sendsMore says whether the canary gets requests by the new split that it did not get by the old one.
func sendsMore(old, now rollout.Split) bool {
	return now.Canary > old.Canary || now.Mirror > old.Mirror || now.Match && !old.Match
}

func ofRevision(revision string) string {
	if revision == "" {
		return ""
	}
	return " of revision " + revision
}

// Restore takes the split out of the table. With revert the target's own endpoints serve from now on.
func (d *Driver) Restore(ctx context.Context, revert bool) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("restore route of %s: %w", d.key, err)
	}
	err := d.store.Route(d.key, func(*table.Service) (*rollout.Split, bool, error) { return nil, revert, nil })
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return fmt.Errorf("restore route of %s: %w", d.key, err)
	}
	return nil
}
