package workloadtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
)

// stage is a harness with what every law needs of it.
type stage struct {
	Harness

	ctx context.Context //nolint:containedctx // It is the life of one law.
}

func on(ctx context.Context, h Harness) *stage { return &stage{Harness: h, ctx: ctx} }

// observe looks through the portable type, which refuses what cannot be true.
func (s *stage) observe() (rollout.Workload, error) {
	w, err := workload.New(s.Driver(), workload.Options{})
	if err != nil {
		return rollout.Workload{}, fmt.Errorf("wrap the driver: %w", err)
	}
	seen := w.Observe(s.ctx)
	if seen.Problem != nil {
		return seen, fault.Errorf(seen.Problem.Kind, "%s", seen.Problem.Message)
	}
	return seen, nil
}

// until observes until a condition holds, for as long as the harness has patience. Each look is also shown to watch,
// whose error ends the wait. What cannot be observed for a moment is looked at again.
func (s *stage) until(what string, is func(rollout.Workload) bool, watch func(rollout.Workload) error) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.Patience())
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		seen, err := s.observe()
		if err == nil && watch != nil {
			if err := watch(seen); err != nil {
				return err
			}
		}
		if err == nil && is(seen) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("there is no %s within %s: %+v, error: %w", what, s.Patience(), seen, errors.Join(err, ctx.Err()))
		case <-ticker.C:
			s.Step()
		}
	}
}

// apply lets the team change the target, and returns its revision.
func (s *stage) apply(template string, replicas int) (revision string, err error) {
	s.Apply(template, replicas)
	err = s.until("sight of the manifest", func(w rollout.Workload) bool {
		revision = w.Target.Revision
		return w.Target.Exists && w.Target.Replicas == replicas
	}, nil)
	return revision, err
}

// pin lets the team change the target, and pins it.
func (s *stage) pin(template string, replicas int) (revision string, err error) {
	if revision, err = s.apply(template, replicas); err != nil {
		return "", err
	}
	if err := s.Driver().Pin(s.ctx, revision); err != nil {
		return "", fmt.Errorf("pin: %w", err)
	}
	return revision, nil
}

// promoted gives the target a primary of a template, and waits for its pods.
func (s *stage) promoted(template string, replicas int) (revision string, err error) {
	if revision, err = s.pin(template, replicas); err != nil {
		return "", err
	}
	if err := s.promote(revision); err != nil {
		return "", err
	}
	return revision, s.runs(rollout.PrimarySide, template, replicas)
}

func (s *stage) promote(revision string) error {
	if err := s.Driver().Promote(s.ctx, rollout.PromoteTo{Revision: revision}); err != nil {
		return fmt.Errorf("promote %s: %w", revision, err)
	}
	return nil
}

func (s *stage) scale(side rollout.SideName, revision string, replicas int) error {
	err := s.Driver().Resize(s.ctx, rollout.Scale{Side: side, Revision: revision, Replicas: replicas})
	if err != nil {
		return fmt.Errorf("scale the %s to %d of %s: %w", side, replicas, revision, err)
	}
	return nil
}

// runs waits until a side has exactly so many ready pods, and then looks at what they really run.
func (s *stage) runs(side rollout.SideName, template string, replicas int) error {
	return s.runsWhile(side, template, replicas, nil)
}

func (s *stage) runsWhile(side rollout.SideName, template string, replicas int, watch func(rollout.Workload) error) error {
	what := fmt.Sprintf("%s of %d pods of %q", side, replicas, template)
	err := s.until(what, func(w rollout.Workload) bool {
		seen := sideOf(w, side)
		return seen.Exists && seen.Replicas == replicas && seen.Ready == replicas && seen.Serving == replicas
	}, watch)
	if err != nil {
		return err
	}
	var running []string
	err = s.until("pods of "+what, func(rollout.Workload) bool {
		running = s.Runs(side)
		return len(running) == replicas && !slices.ContainsFunc(running, func(t string) bool { return t != template })
	}, nil)
	if err != nil {
		return fmt.Errorf("the driver tells of a %s, but the pods run %q: %w", what, running, err)
	}
	return nil
}

func sideOf(w rollout.Workload, side rollout.SideName) rollout.Side {
	if side == rollout.PrimarySide {
		return w.Primary
	}
	return w.Canary
}

// unlike says what was seen instead of what was to be seen, and why if nothing could be seen.
func unlike(err error, format string, args ...any) error {
	return errors.Join(fmt.Errorf(format, args...), err)
}

// unchanged checks that do writes nothing.
func (s *stage) unchanged(what string, do func() error) error {
	before := s.Live()
	if err := do(); err != nil {
		return err
	}
	if now := s.Live(); now != before {
		return fmt.Errorf("%s changed the workload from\n%s\nto\n%s", what, before, now)
	}
	return nil
}

// refused checks that do fails with a kind, and writes nothing.
func (s *stage) refused(what string, kind fault.Kind, do func() error) error {
	return s.unchanged(what, func() error {
		err := do()
		switch {
		case err == nil:
			return fmt.Errorf("%s: no error, want %s", what, kind)
		case fault.KindOf(err) != kind:
			return fmt.Errorf("%s: kind %q, want %s: %w", what, fault.KindOf(err), kind, err)
		default:
			return nil
		}
	})
}
