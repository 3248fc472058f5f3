package workloadtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

func scaled(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	two, err := s.pin("two", 2)
	if err != nil {
		return err
	}
	if err := s.scale(rollout.CanarySide, two, 2); err != nil {
		return err
	}
	if err := s.runs(rollout.CanarySide, "two", 2); err != nil {
		return err
	}
	three, err := s.apply("three", 2)
	if err != nil {
		return err
	}
	if s.Disturb(Follow) {
		return s.until("canary that follows", func(w rollout.Workload) bool { return w.Canary.Revision == three && w.Canary.Ready == 2 }, nil)
	}
	err = s.runsWhile(rollout.CanarySide, "two", 2, func(w rollout.Workload) error {
		if w.Canary.Revision != two {
			return fmt.Errorf("the canary went to %q by itself", w.Canary.Revision)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.scale(rollout.CanarySide, three, 1); err != nil {
		return err
	}
	return s.runs(rollout.CanarySide, "three", 1)
}

func scaledTwice(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	two, err := s.pin("two", 2)
	if err != nil {
		return err
	}
	for _, replicas := range []int{2, 0} {
		if err := s.scale(rollout.CanarySide, two, replicas); err != nil {
			return err
		}
		err := s.unchanged("a second identical scale", func() error { return s.scale(rollout.CanarySide, two, replicas) })
		if err != nil {
			return err
		}
	}
	return nil
}

func scaledDown(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 1)
	if err != nil {
		return err
	}
	if err := s.scale(rollout.CanarySide, one, 2); err != nil {
		return err
	}
	if err := s.runs(rollout.CanarySide, "one", 2); err != nil {
		return err
	}
	if err := s.scale(rollout.CanarySide, one, 0); err != nil {
		return err
	}
	err = s.until("canary without pods", func(w rollout.Workload) bool {
		return w.Canary.Replicas == 0 && w.Canary.Serving == 0 && len(s.Runs(rollout.CanarySide)) == 0
	}, full(1))
	if err != nil {
		return err
	}
	return s.runs(rollout.PrimarySide, "one", 1)
}

func unscalable(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.apply("one", 1); err != nil {
		return err
	}
	err := s.refused("scale a primary that does not exist", fault.NotFound, func() error {
		return s.scale(rollout.PrimarySide, "", 2)
	})
	if err != nil {
		return err
	}
	return s.refused("scale to a revision that does not exist", fault.NotFound, func() error {
		return s.scale(rollout.CanarySide, "none", 1)
	})
}

// floored is inverted where there are no autoscalers: the wish must be refused.
func floored(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	if _, err := s.promoted("one", 1); err != nil {
		return err
	}
	floor := func(n int) error { return s.Driver().Resize(ctx, rollout.Floor{Replicas: n}) }
	if !s.Disturb(Autoscale) {
		return s.refused("hold an autoscaler that does not exist", fault.Unsupported, func() error { return floor(2) })
	}
	for _, n := range []int{3, 0} {
		if err := floor(n); err != nil {
			return fmt.Errorf("hold the primary at %d: %w", n, err)
		}
		if err := s.unchanged("a second identical floor", func() error { return floor(n) }); err != nil {
			return err
		}
		seen, err := s.observe()
		if err != nil || !seen.Primary.Autoscaled || seen.Primary.Floor != n {
			return unlike(err, "the primary was to be held at %d: %+v", n, seen.Primary)
		}
		err = s.until("primary of that size", func(w rollout.Workload) bool { return w.Primary.Ready == max(n, 1) }, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

func cancelled(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 1)
	if err != nil {
		return err
	}
	two, err := s.apply("two", 1)
	if err != nil {
		return err
	}
	d := s.Driver()
	calls := map[string]func(context.Context) error{
		"observe": func(ctx context.Context) error { _, err := d.Observe(ctx); return err },
		"pin":     func(ctx context.Context) error { return d.Pin(ctx, two) },
		"promote": func(ctx context.Context) error { return d.Promote(ctx, rollout.PromoteTo{Revision: one}) },
		"scale": func(ctx context.Context) error {
			return d.Resize(ctx, rollout.Scale{Side: rollout.PrimarySide, Replicas: 2})
		},
		"release": func(ctx context.Context) error { return d.Release(ctx, false) },
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range calls {
		if err := s.refused(name+" with an ended context", fault.Unavailable, func() error { return call(ended) }); err != nil {
			return err
		}
	}
	if !s.Disturb(Hang) {
		return nil
	}
	for name, call := range calls {
		short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		began := time.Now()
		err := s.refused(name+" of what hangs", fault.Unavailable, func() error { return call(short) })
		cancel()
		if err != nil {
			return err
		}
		if took := time.Since(began); took > promptly {
			return fmt.Errorf("%s took %s after its context had ended", name, took)
		}
	}
	return nil
}

// concurrent calls from several goroutines leave one of their wishes, whole.
func concurrent(ctx context.Context, h Harness) error {
	s := on(ctx, h)
	one, err := s.promoted("one", 1)
	if err != nil {
		return err
	}
	two, err := s.pin("two", 1)
	if err != nil {
		return err
	}
	d := s.Driver()
	var group sync.WaitGroup
	errs := make(chan error, 64)
	for i := range 16 {
		revision := []string{one, two}[i%2]
		group.Go(func() { errs <- d.Promote(ctx, rollout.PromoteTo{Revision: revision}) })
		group.Go(func() {
			errs <- d.Resize(ctx, rollout.Scale{Side: rollout.CanarySide, Revision: revision, Replicas: 1})
		})
		group.Go(func() { errs <- d.Pin(ctx, two) })
		group.Go(func() { _, err := d.Observe(ctx); errs <- err })
	}
	group.Wait()
	close(errs)
	var all error
	for err := range errs {
		// Who writes at the same time may be told to read again.
		if err != nil && fault.KindOf(err) != fault.Conflict {
			all = errors.Join(all, err)
		}
	}
	if all != nil {
		return fmt.Errorf("call at the same time: %w", all)
	}
	for _, side := range []rollout.SideName{rollout.PrimarySide, rollout.CanarySide} {
		seen, err := s.observe()
		if err != nil {
			return fmt.Errorf("observe: %w", err)
		}
		template := map[string]string{one: "one", two: "two"}[sideOf(seen, side).Revision]
		if err := s.runs(side, template, 1); err != nil {
			return err
		}
	}
	return nil
}
