package processworkload

import (
	"context"
	"fmt"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
)

var _ workload.Driver = (*Driver)(nil)

// Driver is the workload.Driver of one target.
type Driver struct {
	supervisor *Supervisor
	key        Key
}

// Observe returns what runs. It never waits for a process.
func (d *Driver) Observe(ctx context.Context) (rollout.Workload, error) {
	if err := ctx.Err(); err != nil {
		return rollout.Workload{}, fmt.Errorf("look at %s: %w", d.key, err)
	}
	u := d.supervisor.unit(d.key)
	if u == nil {
		return rollout.Workload{}, nil
	}
	return u.observe()
}

// Pin keeps a snapshot of the target's revision.
func (d *Driver) Pin(ctx context.Context, revision string) error {
	return d.act(ctx, func(u *unit) error { return u.pin(revision) })
}

// Promote writes a pinned revision into the primary.
func (d *Driver) Promote(ctx context.Context, p rollout.PromoteTo) error {
	return d.act(ctx, func(u *unit) error { return u.promote(p) })
}

// Resize carries out a rollout.Scale. There is no autoscaler of processes to be held.
func (d *Driver) Resize(ctx context.Context, a rollout.Action) error {
	s, ok := a.(rollout.Scale)
	if !ok {
		return fault.Errorf(fault.Unsupported, "processes have no autoscaler")
	}
	return d.act(ctx, func(u *unit) error { return u.scale(s) })
}

// Release gives the target back. With revert or without, it serves before the primary goes.
func (d *Driver) Release(ctx context.Context, _ bool) error {
	err := d.act(ctx, func(u *unit) error { return u.release() })
	if fault.KindOf(err) == fault.NotFound && d.supervisor.unit(d.key) == nil {
		return nil
	}
	return err
}

func (d *Driver) act(ctx context.Context, do func(*unit) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("change %s: %w", d.key, err)
	}
	u := d.supervisor.unit(d.key)
	if u == nil {
		return fault.Errorf(fault.NotFound, "there is no target %s", d.key)
	}
	if err := do(u); err != nil {
		if ignoreGone(err) == nil {
			return fault.Errorf(fault.NotFound, "there is no target %s", d.key)
		}
		return err
	}
	return nil
}
