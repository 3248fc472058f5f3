package routertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
)

// split divides between the sides, with the canary pinned.
func split(canary rollout.Weight) rollout.Split {
	return rollout.Split{Primary: rollout.Whole - canary, Canary: canary, Revision: Revision}
}

// example is a split that needs one capability.
func example(c Capability) rollout.Split {
	s := split(0)
	switch c {
	case Weights:
		s = split(rollout.Whole / 2)
	case Mirror:
		s.Mirror = rollout.Whole / 4
	case Match:
		s.Match = true
	case Sticky:
		s.CanarySession, s.PrimarySession = "run-1", "run-1-step-1"
	case None:
	}
	return s
}

// refused is the inversion of a law about a capability that the driver does not have.
func refused(ctx context.Context, h Harness, c Capability) error {
	before := look(h)
	err := router.New(h.Driver(), router.Options{}).SetSplit(ctx, example(c))
	if err := wantKind("set a split that needs "+string(c), err, fault.Unsupported); err != nil {
		return err
	}
	if err := wantKind("write a split that needs "+string(c), h.Driver().Write(ctx, example(c)), fault.Unsupported); err != nil {
		return err
	}
	return wantLive(h, before, "a refused split")
}

func wantKind(what string, err error, kind fault.Kind) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s: no error, want %s", what, kind)
	case fault.KindOf(err) != kind:
		return fmt.Errorf("%s: kind %q, want %s: %w", what, fault.KindOf(err), kind, err)
	default:
		return nil
	}
}

// sight is what an outsider sees of the data plane.
type sight struct {
	live   string
	writes int
}

func look(h Harness) sight { return sight{h.Live(), h.Writes()} }

// wantLive checks that nothing was written since somebody looked.
func wantLive(h Harness, before sight, what string) error {
	if now := look(h); now != before {
		return fmt.Errorf("%s changed the data plane from\n%s (%d writes)\nto\n%s (%d writes)", what, before.live, before.writes, now.live, now.writes)
	}
	return nil
}

func wantSplit(ctx context.Context, d router.Driver, want rollout.Split) error {
	got, err := d.Read(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if !got.Exists || got.Split != want {
		return fmt.Errorf("read gives exists=%t %+v, want %+v", got.Exists, got.Split, want)
	}
	return nil
}

func roundTrip(ctx context.Context, h Harness, splits ...rollout.Split) error {
	d := h.Driver()
	for _, s := range splits {
		if err := d.Write(ctx, s); err != nil {
			return fmt.Errorf("write %+v: %w", s, err)
		}
		if err := wantSplit(ctx, d, s); err != nil {
			return err
		}
	}
	return nil
}

func nothingAtFirst(ctx context.Context, h Harness) error {
	got, err := h.Driver().Read(ctx)
	if err != nil {
		return fmt.Errorf("read before the first write: %w", err)
	}
	if got != (rollout.Traffic{}) {
		return fmt.Errorf("read before the first write gives %+v, want nothing", got)
	}
	return nil
}

func roundTripEdges(ctx context.Context, h Harness) error {
	return roundTrip(ctx, h, split(0), split(rollout.Whole), split(0))
}

func roundTripWeights(ctx context.Context, h Harness) error {
	var splits []rollout.Split
	for _, w := range []rollout.Weight{1, rollout.Percent, 33_333, rollout.Whole / 2, rollout.Whole - 1, 0} {
		splits = append(splits, split(w))
	}
	return roundTrip(ctx, h, splits...)
}

func roundTripMirror(ctx context.Context, h Harness) error {
	all := split(0)
	all.Mirror = rollout.Whole
	return roundTrip(ctx, h, example(Mirror), all, split(0))
}

func roundTripMatch(ctx context.Context, h Harness) error {
	return roundTrip(ctx, h, example(Match), split(0))
}

func roundTripSticky(ctx context.Context, h Harness) error {
	next := example(Sticky)
	next.PrimarySession = "run-1-step-2"
	one := split(0)
	one.CanarySession = "run-2"
	return roundTrip(ctx, h, example(Sticky), next, one, split(0))
}

func idempotent(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	h.Disturb(Settle)
	before := look(h)
	if err := d.Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write again: %w", err)
	}
	return wantLive(h, before, "a second identical write")
}

func readOnly(ctx context.Context, h Harness) error {
	d := h.Driver()
	for _, moment := range []string{"before the first write", "after a write"} {
		before := look(h)
		if _, err := d.Read(ctx); err != nil {
			return fmt.Errorf("read %s: %w", moment, err)
		}
		d.Caps()
		if err := wantLive(h, before, "reading "+moment); err != nil {
			return err
		}
		if err := d.Write(ctx, split(rollout.Whole)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		h.Disturb(Settle)
	}
	return nil
}

func senseless(ctx context.Context, h Harness) error {
	if err := h.Driver().Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	before := look(h)
	for _, s := range []rollout.Split{
		{}, {Primary: rollout.Whole, Canary: 1}, {Primary: -1, Canary: rollout.Whole + 1},
		{Primary: rollout.Whole, Mirror: rollout.Whole + 1}, {Primary: rollout.Whole, Mirror: -1},
	} {
		if err := wantKind(fmt.Sprintf("write %+v", s), h.Driver().Write(ctx, s), fault.Invalid); err != nil {
			return err
		}
		if err := wantLive(h, before, "a refused split"); err != nil {
			return err
		}
	}
	return nil
}

func restart(ctx context.Context, h Harness) error {
	if err := h.Driver().Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return wantSplit(ctx, h.Driver(), split(rollout.Whole))
}

// wantAcked lets the data plane settle and then reads what it has acknowledged.
func wantAcked(ctx context.Context, h Harness, d router.Driver, want rollout.Split) error {
	h.Disturb(Settle)
	got, err := d.Read(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if got.Acked != want {
		return fmt.Errorf("acknowledged is %+v, want %+v", got.Acked, want)
	}
	return nil
}

func acknowledgement(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := wantAcked(ctx, h, d, split(0)); err != nil {
		return err
	}
	if h.Disturb(Lag) {
		if err := d.Write(ctx, split(rollout.Whole)); err != nil {
			return fmt.Errorf("write to a data plane that lags: %w", err)
		}
		got, err := d.Read(ctx)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if got.Split != split(rollout.Whole) || got.Acked != split(0) {
			return fmt.Errorf("read of a data plane that lags gives %+v, acknowledged %+v", got.Split, got.Acked)
		}
	} else if err := d.Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return wantAcked(ctx, h, d, split(rollout.Whole))
}

func rejection(ctx context.Context, h Harness) error {
	d := h.Driver()
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := wantAcked(ctx, h, d, split(0)); err != nil {
		return err
	}
	if !h.Disturb(Reject) {
		return nil
	}
	if err := d.Write(ctx, split(rollout.Whole)); err != nil {
		return fmt.Errorf("write what will be rejected: %w", err)
	}
	if err := wantAcked(ctx, h, d, split(0)); err != nil {
		return fmt.Errorf("after a rejection: %w", err)
	}
	got, err := d.Read(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if got.Rejected == "" {
		return errors.New("the data plane's rejection is not told")
	}
	h.Disturb(Recover)
	if err := d.Write(ctx, split(0)); err != nil {
		return fmt.Errorf("write the way back: %w", err)
	}
	if err := wantAcked(ctx, h, d, split(0)); err != nil {
		return err
	}
	if got, err = d.Read(ctx); err != nil || got.Rejected != "" {
		return fmt.Errorf("the rejection %q outlived the next good write (error: %w)", got.Rejected, err)
	}
	return nil
}
