package workload

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Options of a Workload; the zero value is the default.
type Options struct {
	// Observe bounds one look, Act one change. Default 5 s and 15 s.
	Observe, Act time.Duration
	// Logger is told of each change before it is made. Default none.
	Logger *slog.Logger
}

// Workload is what the engine talks to: it gives each call of a Driver a deadline, refuses what cannot be meant
// before the driver sees it, and says in each error what was attempted.
type Workload struct {
	driver  Driver
	options Options
}

// New returns a Workload for a driver.
func New(driver Driver, o Options) (*Workload, error) {
	if driver == nil {
		return nil, fault.Errorf(fault.Invalid, "a workload needs a driver")
	}
	if o.Observe < 0 || o.Act < 0 {
		return nil, fault.Errorf(fault.Invalid, "deadlines of a workload must not be negative")
	}
	if o.Observe == 0 {
		o.Observe = 5 * time.Second
	}
	if o.Act == 0 {
		o.Act = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Workload{driver: driver, options: o}, nil
}

// Observe returns what runs. A failure is a fact in it, and so is an answer that cannot be true.
func (w *Workload) Observe(ctx context.Context) rollout.Workload {
	ctx, cancel := context.WithTimeout(ctx, w.options.Observe)
	defer cancel()
	seen, err := w.driver.Observe(ctx)
	if err == nil {
		err = plausible(&seen)
	}
	if err != nil {
		return rollout.Workload{Problem: fault.ProblemOf(fmt.Errorf("observe the workload: %w", err))}
	}
	return seen
}

// plausible refuses numbers that no world has, before somebody decides on them.
func plausible(seen *rollout.Workload) error {
	if seen.Target.Exists && seen.Target.Revision == "" {
		return fault.Errorf(fault.Invalid, "the target has no revision")
	}
	if seen.Target.Replicas < 0 {
		return fault.Errorf(fault.Invalid, "the target has %d replicas", seen.Target.Replicas)
	}
	sides := map[rollout.SideName]*rollout.Side{rollout.PrimarySide: &seen.Primary, rollout.CanarySide: &seen.Canary}
	for name, s := range sides {
		if s.Replicas < 0 || s.Ready < 0 || s.Floor < 0 || s.Ready > s.Serving {
			return fault.Errorf(fault.Invalid, "the %s has %d replicas, %d ready, %d serving, floor %d",
				name, s.Replicas, s.Ready, s.Serving, s.Floor)
		}
	}
	return nil
}

// Pin keeps a snapshot of the target's revision.
func (w *Workload) Pin(ctx context.Context, revision string) error {
	if revision == "" {
		return fault.Errorf(fault.Invalid, "pin: the revision is empty")
	}
	return w.act(ctx, "pin revision "+revision, func(ctx context.Context) error { return w.driver.Pin(ctx, revision) })
}

// Promote writes a pinned revision into the primary.
func (w *Workload) Promote(ctx context.Context, p rollout.PromoteTo) error {
	if p.Revision == "" {
		return fault.Errorf(fault.Invalid, "promote: the revision is empty")
	}
	what := "promote revision " + p.Revision
	if p.Restore {
		what = "restore revision " + p.Revision
	}
	return w.act(ctx, what, func(ctx context.Context) error { return w.driver.Promote(ctx, p) })
}

// Resize carries out a rollout.Scale or a rollout.Floor.
func (w *Workload) Resize(ctx context.Context, a rollout.Action) error {
	what, err := resizing(a)
	if err != nil {
		return err
	}
	return w.act(ctx, what, func(ctx context.Context) error { return w.driver.Resize(ctx, a) })
}

// resizing says what an action does, or why it cannot be meant.
func resizing(a rollout.Action) (string, error) {
	switch a := a.(type) {
	case rollout.Scale:
		what := fmt.Sprintf("scale the %s to %d", a.Side, a.Replicas)
		switch {
		case a.Side != rollout.PrimarySide && a.Side != rollout.CanarySide:
			return "", fault.Errorf(fault.Invalid, "scale: there is no side %q", a.Side)
		case a.Replicas < 0:
			return "", fault.Errorf(fault.Invalid, "%s: the number of replicas is negative", what)
		case a.Side == rollout.CanarySide && a.Replicas > 0 && a.Revision == "":
			// Without a revision only the end of all pods is clear.
			return "", fault.Errorf(fault.Invalid, "%s: the revision is empty", what)
		}
		return what, nil
	case rollout.Floor:
		if a.Replicas < 0 {
			return "", fault.Errorf(fault.Invalid, "hold the primary at %d: the number of replicas is negative", a.Replicas)
		}
		return fmt.Sprintf("hold the primary at %d", a.Replicas), nil
	case rollout.SetSplit, rollout.Pin, rollout.PromoteTo, rollout.Measure, rollout.Ask, rollout.Emit, rollout.Release, rollout.Wake:
	}
	return "", fault.Errorf(fault.Invalid, "a workload cannot be resized by %T", a)
}

// Release gives the target back.
func (w *Workload) Release(ctx context.Context, revert bool) error {
	return w.act(ctx, "release the target", func(ctx context.Context) error { return w.driver.Release(ctx, revert) })
}

func (w *Workload) act(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.options.Act)
	defer cancel()
	w.options.Logger.DebugContext(ctx, "Changing the workload", "change", what)
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
