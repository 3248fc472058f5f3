package workloadtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

func readOnly(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	look := func() error {
		for range 3 {
			if _, err := s.observe(); err != nil {
				return fmt.Errorf("observe: %w", err)
			}
		}
		return nil
	}
	if err := s.unchanged("observing nothing", look); err != nil {
		return err
	}
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	return s.unchanged("observing", look)
}

func missing(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	seen, err := s.observe()
	if err != nil {
		return fmt.Errorf("observe: %w", err)
	}
	if seen.Target.Exists || seen.Primary.Exists || len(seen.Target.Pinned) > 0 {
		return fmt.Errorf("observe tells of something that is not there: %+v", seen)
	}
	d := s.Driver()
	err = s.refused("pin what is not there", fault.NotFound, func() error { return d.Pin(ctx, "none") })
	if err != nil {
		return err
	}
	return s.unchanged("releasing what is not there", func() error { return d.Release(ctx, true) })
}

func revisions(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.apply("one", 1)
	if err != nil {
		return err
	}
	more, err := s.apply("one", 2)
	if err != nil {
		return err
	}
	s.Apply("two", 2)
	if err := s.until("new revision", func(w rollout.Workload) bool { return w.Target.Revision != one }, nil); err != nil {
		return err
	}
	s.Apply("one", 2)
	if err := s.until("way back to the first revision", func(w rollout.Workload) bool { return w.Target.Revision == one }, nil); err != nil {
		return err
	}
	if more != one {
		return errors.New("more replicas are another revision")
	}
	return nil
}

func pinned(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.pin("one", 1)
	if err != nil {
		return err
	}
	seen, err := s.observe()
	if err != nil || !slices.Contains(seen.Target.Pinned, one) {
		return unlike(err, "revision %s is not among the pinned %q", one, seen.Target.Pinned)
	}
	d := s.Driver()
	if err := s.unchanged("pinning again", func() error { return d.Pin(ctx, one) }); err != nil {
		return err
	}
	return s.refused("pin a revision that the target is not at", fault.NotFound, func() error { return d.Pin(ctx, "none") })
}

func unpinned(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 1)
	if err != nil {
		return err
	}
	two, err := s.apply("two", 1)
	if err != nil {
		return err
	}
	seen, err := s.observe()
	if err != nil {
		return fmt.Errorf("observe: %w", err)
	}
	for _, revision := range []string{two, "none"} {
		if slices.Contains(seen.Target.Pinned, revision) {
			continue
		}
		err := s.refused("promote what is not pinned", fault.NotFound, func() error {
			return s.Driver().Promote(ctx, rollout.PromoteTo{Revision: revision})
		})
		if err != nil {
			return err
		}
	}
	if seen, err = s.observe(); err != nil || seen.Primary.Revision != one {
		return unlike(err, "the primary is at %s, want %s", seen.Primary.Revision, one)
	}
	return nil
}

func created(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 2)
	if err != nil {
		return err
	}
	seen, err := s.observe()
	if err != nil || seen.Primary.Revision != one {
		return unlike(err, "the primary is at %q, want %q", seen.Primary.Revision, one)
	}
	return nil
}

func copied(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	if err := s.scale(rollout.PrimarySide, "", 3); err != nil {
		return err
	}
	if err := s.runs(rollout.PrimarySide, "one", 3); err != nil {
		return err
	}
	two, err := s.pin("two", 1)
	if err != nil {
		return err
	}
	if err := s.promote(two); err != nil {
		return err
	}
	return s.runs(rollout.PrimarySide, "two", 3)
}

func movedOn(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	two, err := s.pin("two", 1)
	if err != nil {
		return err
	}
	if _, err := s.apply("three", 1); err != nil {
		return err
	}
	if err := s.promote(two); err != nil {
		return err
	}
	if err := s.runs(rollout.PrimarySide, "two", 1); err != nil {
		return err
	}
	seen, err := s.observe()
	if err != nil || seen.Primary.Revision != two || seen.Target.Revision == two {
		return unlike(err, "the primary is at %q and the target at %q", seen.Primary.Revision, seen.Target.Revision)
	}
	return nil
}

func promotedTwice(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 2)
	if err != nil {
		return err
	}
	if err := s.unchanged("a second identical promotion", func() error { return s.promote(one) }); err != nil {
		return err
	}
	return s.runsWhile(rollout.PrimarySide, "one", 2, full(2))
}

// full says that a side must not lose pods.
func full(replicas int) func(rollout.Workload) error {
	return func(w rollout.Workload) error {
		if w.Primary.Serving < replicas {
			return fmt.Errorf("only %d of %d pods of the primary serve", w.Primary.Serving, replicas)
		}
		return nil
	}
}

func interrupted(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 2); err != nil {
		return err
	}
	two, err := s.pin("two", 2)
	if err != nil {
		return err
	}
	if err := s.promote(two); err != nil {
		return err
	}
	s.Disturb(Restart)
	if err := s.runs(rollout.PrimarySide, "two", 2); err != nil {
		return err
	}
	return s.unchanged("the promotion, again", func() error { return s.promote(two) })
}

func capacity(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 2); err != nil {
		return err
	}
	two, err := s.pin("two", 2)
	if err != nil {
		return err
	}
	seen, err := s.observe()
	if err != nil {
		return fmt.Errorf("observe: %w", err)
	}
	if err := s.promote(two); err != nil {
		return err
	}
	if seen.Primary.Abrupt {
		return s.runs(rollout.PrimarySide, "two", 2)
	}
	return s.runsWhile(rollout.PrimarySide, "two", 2, full(2))
}

func readiness(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 2)
	if err != nil {
		return err
	}
	bad, err := s.pin(Broken, 2)
	if err != nil {
		return err
	}
	if err := s.promote(bad); err != nil {
		return err
	}
	err = s.until("reason why the primary is not ready", func(w rollout.Workload) bool { return w.Primary.Why != "" },
		func(w rollout.Workload) error {
			if p := w.Primary; p.Revision != bad || p.Ready != 0 || (!p.Abrupt && p.Serving != 2) {
				return fmt.Errorf("the primary is to run %q, which is never ready, beside two pods of %q: %+v", bad, one, p)
			}
			return nil
		})
	if err != nil {
		return err
	}
	if err := s.Driver().Promote(ctx, rollout.PromoteTo{Revision: one, Restore: true}); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return s.runs(rollout.PrimarySide, "one", 2)
}
