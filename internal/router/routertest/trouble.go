package routertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
)

func restored(ctx context.Context, h Harness) error {
	d := h.Driver()
	original := h.Live()
	for _, revert := range []bool{true, false} {
		if err := d.Write(ctx, split(rollout.Whole)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		for range 2 {
			if err := d.Restore(ctx, revert); err != nil {
				return fmt.Errorf("restore(revert=%t): %w", revert, err)
			}
		}
		h.Disturb(Settle)
		if err := nothingAtFirst(ctx, h); err != nil {
			return fmt.Errorf("after restore(revert=%t): %w", revert, err)
		}
	}
	if now := h.Live(); now != original {
		return fmt.Errorf("a write that was restored changed the data plane from\n%s\nto\n%s", original, now)
	}
	return nil
}

func drift(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if !h.Disturb(Drift) {
		return nil
	}
	got, err := d.Read(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if got.Split == split(0) || got.Split.Canary != 37*rollout.Percent {
		return fmt.Errorf("read gives %+v after somebody else wrote 37 %%", got.Split)
	}
	return roundTrip(ctx, h, split(0))
}

func conflict(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if !h.Disturb(Race) {
		return nil
	}
	before := look(h)
	if err := wantKind("a stale write", d.Write(ctx, split(rollout.Whole)), fault.Conflict); err != nil {
		return err
	}
	if err := wantLive(h, before, "a stale write"); err != nil {
		return err
	}
	return roundTrip(ctx, h, split(rollout.Whole))
}

func vanished(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if !h.Disturb(Vanish) {
		return nil
	}
	_, err := d.Read(ctx)
	if err := wantKind("read", err, fault.NotFound); err != nil {
		return err
	}
	if err := wantKind("write", d.Write(ctx, split(rollout.Whole)), fault.NotFound); err != nil {
		return err
	}
	if err := d.Restore(ctx, true); err != nil {
		return fmt.Errorf("restore where nothing is left: %w", err)
	}
	return nil
}

func forbidden(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if !h.Disturb(Forbid) {
		return nil
	}
	before := look(h)
	_, err := d.Read(ctx)
	if err := wantKind("read", err, fault.Denied); err != nil {
		return err
	}
	if err := wantKind("write", d.Write(ctx, split(rollout.Whole)), fault.Denied); err != nil {
		return err
	}
	if err := wantKind("restore", d.Restore(ctx, true), fault.Denied); err != nil {
		return err
	}
	if err := wantLive(h, before, "calls without rights"); err != nil {
		return err
	}
	h.Disturb(Recover)
	return wantSplit(ctx, d, split(0))
}

// calls are the three that a context can end.
func calls(d router.Driver) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"read": func(ctx context.Context) error {
			_, err := d.Read(ctx)
			return err
		},
		"write":   func(ctx context.Context) error { return d.Write(ctx, split(rollout.Whole)) },
		"restore": func(ctx context.Context) error { return d.Restore(ctx, true) },
	}
}

func cancelled(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	before := look(h)
	over, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range calls(d) {
		if err := wantKind(name+" with an ended context", call(over), fault.Unavailable); err != nil {
			return err
		}
	}
	if err := wantLive(h, before, "calls with an ended context"); err != nil {
		return err
	}
	return wantSplit(ctx, d, split(0))
}

func hanging(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if !h.Disturb(Hang) {
		return nil
	}
	for name, call := range calls(d) {
		if err := endsWith(ctx, name, call); err != nil {
			h.Disturb(Recover)
			return err
		}
	}
	h.Disturb(Recover)
	got, err := d.Read(ctx)
	if err != nil {
		return fmt.Errorf("read after the hang: %w", err)
	}
	if got.Exists && got.Split.Primary+got.Split.Canary != rollout.Whole {
		return fmt.Errorf("the hang left %+v", got.Split)
	}
	return nil
}

// endsWith makes a call that hangs and checks that it ends with its context.
func endsWith(ctx context.Context, name string, call func(context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(short) }()
	late := time.NewTimer(promptly)
	defer late.Stop()
	select {
	case err := <-done:
		return wantKind(name+" of a data plane that hangs", err, fault.Unavailable)
	case <-late.C:
		return fmt.Errorf("%s goes on %s after its context's end", name, promptly)
	}
}

func neighbours(ctx context.Context, h Harness) error {
	mine, theirs := h.Driver(), h.Neighbour()
	if err := theirs.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write of the neighbour: %w", err)
	}
	if err := mine.Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	h.Disturb(Settle)
	if err := wantSplit(ctx, theirs, split(0)); err != nil {
		return fmt.Errorf("the neighbour's after our write: %w", err)
	}
	before := look(h)
	if err := theirs.Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write of the neighbour: %w", err)
	}
	if err := theirs.Restore(ctx, false); err != nil {
		return fmt.Errorf("restore of the neighbour: %w", err)
	}
	h.Disturb(Settle)
	return wantLive(h, before, "the neighbour's calls")
}

func concurrent(ctx context.Context, h Harness) error {
	const callers = 100
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	errs := make(chan error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			if i%2 == 0 {
				errs <- consistent(ctx, d)
				return
			}
			err := d.Write(ctx, split(rollout.Whole*rollout.Weight(i/2%2)))
			if fault.KindOf(err) == fault.Conflict {
				err = nil
			}
			errs <- err
		})
	}
	group.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	return consistent(ctx, d)
}

// consistent reads a split that one of the concurrent writers wrote as a whole.
func consistent(ctx context.Context, d router.Driver) error {
	got, err := d.Read(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if got.Split != split(0) && got.Split != split(rollout.Whole) {
		return fmt.Errorf("read among writers gives %+v, which nobody wrote", got.Split)
	}
	return nil
}
