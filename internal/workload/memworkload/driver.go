package memworkload

import (
	"context"
	"fmt"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
)

var _ workload.Driver = (*Driver)(nil)

// Driver is the workload.Driver of a Target.
type Driver struct{ target *Target }

// Observe returns what is.
func (d *Driver) Observe(ctx context.Context) (w rollout.Workload, err error) {
	err = d.call(ctx, Call{Method: Observe}, func(t *Target) (bool, error) {
		if m := t.manifest; m != nil {
			w.Target = rollout.Target{Exists: true, Revision: m.Revision, Replicas: m.Replicas}
		}
		for _, p := range t.pinned {
			w.Target.Pinned = append(w.Target.Pinned, p.Revision)
		}
		w.Primary, w.Canary = t.count(rollout.PrimarySide), t.count(rollout.CanarySide)
		return false, nil
	})
	if err != nil {
		return rollout.Workload{}, err
	}
	return w, nil
}

// Pin keeps a snapshot of the target's revision.
func (d *Driver) Pin(ctx context.Context, revision string) error {
	return d.call(ctx, Call{Method: Pin, Revision: revision}, func(t *Target) (bool, error) { return t.keep(revision) })
}

// Promote writes a pinned revision into the primary.
func (d *Driver) Promote(ctx context.Context, p rollout.PromoteTo) error {
	return d.call(ctx, Call{Method: Promote, Revision: p.Revision}, func(t *Target) (bool, error) {
		switch {
		case t.kept(p.Revision) == nil:
			return false, fault.Errorf(fault.NotFound, "revision %s is not pinned", p.Revision)
		case t.seized:
			return false, fault.Errorf(fault.Denied, "the primary belongs to somebody else")
		}
		before := t.primary
		if !t.primary.exists {
			t.primary = side{exists: true, replicas: 1}
			if t.manifest != nil {
				t.primary.replicas = max(1, t.manifest.Replicas)
			}
			t.rescale()
		}
		t.primary.revision, t.primary.leaving = p.Revision, false
		t.plain = false
		return t.primary != before, nil
	})
}

// Resize carries out a rollout.Scale or a rollout.Floor.
func (d *Driver) Resize(ctx context.Context, a rollout.Action) error {
	call := Call{Method: Resize}
	switch a := a.(type) {
	case rollout.Scale:
		call.Revision = a.Revision
		return d.call(ctx, call, func(t *Target) (bool, error) { return t.scale(a) })
	case rollout.Floor:
		return d.call(ctx, call, func(t *Target) (bool, error) { return t.hold(a.Replicas) })
	case rollout.SetSplit, rollout.Pin, rollout.PromoteTo, rollout.Measure, rollout.Ask, rollout.Emit, rollout.Release, rollout.Wake:
	}
	return fault.Errorf(fault.Unsupported, "a workload cannot be resized by %T", a)
}

func (t *Target) scale(a rollout.Scale) (changed bool, err error) {
	if a.Side == rollout.PrimarySide {
		if !t.primary.exists {
			return false, fault.Errorf(fault.NotFound, "there is no primary")
		}
		changed = t.primary.replicas != a.Replicas
		t.primary.replicas = a.Replicas
		return changed, nil
	}
	before := t.canary
	if a.Replicas == 0 {
		t.canary.replicas = 0
		return t.canary != before, nil
	}
	if changed, err = t.keep(a.Revision); err != nil {
		return false, err
	}
	t.canary = side{exists: true, revision: a.Revision, replicas: a.Replicas}
	return changed || t.canary != before, nil
}

func (t *Target) hold(floor int) (changed bool, err error) {
	if t.least == 0 {
		return false, fault.Errorf(fault.Unsupported, "the primary has no autoscaler")
	}
	changed = t.primary.floor != floor
	t.primary.floor = floor
	t.rescale()
	return changed, nil
}

// Release gives the target back: it serves before the primary goes, with revert or without.
func (d *Driver) Release(ctx context.Context, _ bool) error {
	return d.call(ctx, Call{Method: Release}, func(t *Target) (bool, error) {
		primary, canary := t.primary, t.canary
		if t.manifest == nil && primary == (side{}) && canary == (side{}) {
			return false, nil
		}
		if t.manifest == nil {
			t.primary, t.canary = side{}, side{}
		} else {
			t.pin(*t.manifest)
			t.canary = side{exists: true, revision: t.manifest.Revision, replicas: t.manifest.Replicas}
			t.primary.leaving, t.primary.floor = t.primary.exists, 0
		}
		changed := t.primary != primary || t.canary != canary || !t.plain
		t.plain = true
		return changed, nil
	})
}

// call runs f on the target between the hooks, and lets the pods follow. f says whether it changed anything.
func (d *Driver) call(ctx context.Context, c Call, f func(*Target) (bool, error)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", c.Method, err)
	}
	if err := d.target.options.Before(ctx, c); err != nil {
		return err
	}
	var changed bool
	var err error
	d.target.mu.Lock()
	changed, err = f(d.target)
	if changed {
		d.target.writes++
	}
	if changed && !d.target.options.Held {
		d.target.settle()
	}
	d.target.mu.Unlock()
	if err != nil {
		return err
	}
	return d.target.options.After(ctx, c)
}
