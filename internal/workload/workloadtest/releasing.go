package workloadtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

func deleted(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 2); err != nil {
		return err
	}
	s.Delete()
	err := s.until("deleted target", func(w rollout.Workload) bool { return !w.Target.Exists }, full(2))
	if err != nil {
		return err
	}
	if err := s.runs(rollout.PrimarySide, "one", 2); err != nil {
		return err
	}
	// It may come back, and the canary goes on.
	two, err := s.pin("two", 2)
	if err != nil {
		return err
	}
	if err := s.promote(two); err != nil {
		return err
	}
	return s.runs(rollout.PrimarySide, "two", 2)
}

func released(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	for _, revert := range []bool{true, false} {
		if _, err := s.promoted("one", 2); err != nil {
			return err
		}
		two, err := s.pin("two", 2)
		if err != nil {
			return err
		}
		if err := s.Driver().Release(ctx, revert); err != nil {
			return fmt.Errorf("release with revert=%t: %w", revert, err)
		}
		err = s.until("end of the primary", func(w rollout.Workload) bool {
			return !w.Primary.Exists && w.Primary.Serving == 0
		}, served)
		if err != nil {
			return err
		}
		if err := s.runsWhile(rollout.CanarySide, "two", 2, served); err != nil {
			return err
		}
		if seen, err := s.observe(); err != nil || seen.Canary.Revision != two {
			return unlike(err, "the target runs %q, want %q", seen.Canary.Revision, two)
		}
	}
	return nil
}

// served says that at no time both sides may be without a pod.
func served(w rollout.Workload) error {
	if w.Primary.Serving+w.Canary.Serving == 0 {
		return errors.New("neither the primary nor the target has a ready pod")
	}
	return nil
}

func releasedTwice(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	release := func() error { return s.Driver().Release(ctx, true) }
	if err := release(); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := s.runs(rollout.CanarySide, "one", 1); err != nil {
		return err
	}
	err := s.until("end of the primary", func(w rollout.Workload) bool { return !w.Primary.Exists }, nil)
	if err != nil {
		return err
	}
	return s.unchanged("a second release", release)
}

func releasedForGood(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 1)
	if err != nil {
		return err
	}
	if err := s.scale(rollout.CanarySide, one, 1); err != nil {
		return err
	}
	if err := s.runs(rollout.CanarySide, "one", 1); err != nil {
		return err
	}
	s.Delete()
	if err := s.until("deleted target", func(w rollout.Workload) bool { return !w.Target.Exists }, nil); err != nil {
		return err
	}
	for range 2 {
		if err := s.Driver().Release(ctx, false); err != nil {
			return fmt.Errorf("release: %w", err)
		}
		err = s.until("end of all", func(w rollout.Workload) bool {
			return !w.Primary.Exists && !w.Canary.Exists && w.Primary.Serving+w.Canary.Serving == 0 &&
				len(s.Runs(rollout.PrimarySide))+len(s.Runs(rollout.CanarySide)) == 0
		}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

func again(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	if err := s.Driver().Release(ctx, true); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	err := s.until("end of the primary", func(w rollout.Workload) bool { return !w.Primary.Exists }, nil)
	if err != nil {
		return err
	}
	two, err := s.promoted("two", 1)
	if err != nil {
		return err
	}
	if err := s.scale(rollout.CanarySide, two, 0); err != nil {
		return err
	}
	return s.until("canary without pods", func(w rollout.Workload) bool {
		return w.Canary.Serving == 0 && w.Primary.Ready == 1
	}, full(1))
}

func seized(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	two, err := s.pin("two", 1)
	if err != nil {
		return err
	}
	if !s.Disturb(Seize) {
		return nil
	}
	return s.refused("promote into somebody else's primary", fault.Denied, func() error { return s.promote(two) })
}
