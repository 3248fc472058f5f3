package memrouter_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/memrouter"
	"github.com/serin-dev/serin/internal/router/routertest"
)

// broken is a driver with one defect: the methods that are set replace those of the good driver.
type broken struct {
	router.Driver

	caps    func() rollout.Capabilities
	read    func(context.Context) (rollout.Traffic, error)
	write   func(context.Context, rollout.Split) error
	restore func(context.Context, bool) error
}

func (b broken) Caps() rollout.Capabilities {
	if b.caps != nil {
		return b.caps()
	}
	return b.Driver.Caps()
}

func (b broken) Read(ctx context.Context) (rollout.Traffic, error) {
	if b.read != nil {
		return b.read(ctx)
	}
	return b.Driver.Read(ctx)
}

func (b broken) Write(ctx context.Context, s rollout.Split) error {
	if b.write != nil {
		return b.write(ctx, s)
	}
	return b.Driver.Write(ctx, s)
}

func (b broken) Restore(ctx context.Context, revert bool) error {
	if b.restore != nil {
		return b.restore(ctx, revert)
	}
	return b.Driver.Restore(ctx, revert)
}

// defect breaks a good driver so that one law catches it.
type defect struct {
	law  string
	make func(p *memrouter.Plane, d router.Driver) broken
}

// reading breaks what a read gives, writing what a write is given.
func reading(f func(*rollout.Traffic, error) error) func(*memrouter.Plane, router.Driver) broken {
	return func(_ *memrouter.Plane, d router.Driver) broken {
		return broken{Driver: d, read: func(ctx context.Context) (rollout.Traffic, error) {
			t, err := d.Read(ctx)
			err = f(&t, err)
			return t, err
		}}
	}
}

func writing(f func(*rollout.Split)) func(*memrouter.Plane, router.Driver) broken {
	return func(_ *memrouter.Plane, d router.Driver) broken {
		return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error {
			f(&s)
			return d.Write(ctx, s)
		}}
	}
}

// failing breaks what a write returns.
func failing(f func(error) error) func(*memrouter.Plane, router.Driver) broken {
	return func(_ *memrouter.Plane, d router.Driver) broken {
		return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error { return f(d.Write(ctx, s)) }}
	}
}

func defects() map[string]defect {
	return map[string]defect{
		"says that it exists before it does": {"nothing is written at first", reading(func(t *rollout.Traffic, err error) error {
			t.Exists = true
			return err
		})},
		"swaps the sides": {"set then read gives the same split", writing(func(s *rollout.Split) { s.Primary, s.Canary = s.Canary, s.Primary })},
		"rounds to whole percent": {"any weight is possible", writing(func(s *rollout.Split) {
			s.Canary -= s.Canary % rollout.Percent
			s.Primary = rollout.Whole - s.Canary
		})},
		"drops the mirror":             {"requests can be mirrored", writing(func(s *rollout.Split) { s.Mirror = 0 })},
		"drops the conditions":         {"conditions can choose the canary", writing(func(s *rollout.Split) { s.Match = false })},
		"keeps one arm of sessions":    {"sessions can be kept", writing(func(s *rollout.Split) { s.PrimarySession = "" })},
		"repairs what is not broken":   {"a second identical write changes nothing", rewriter},
		"normalises while it reads":    {"reading changes nothing", readerThatWrites},
		"mends a split without sense":  {"a split without sense is refused", writing(func(s *rollout.Split) { s.Primary = rollout.Whole - s.Canary; s.Mirror = 0 })},
		"remembers in its own memory":  {"what is written survives a restart", forgetful},
		"acknowledges what it wants":   {"the acknowledgement follows the data plane", reading(func(t *rollout.Traffic, err error) error { t.Acked = t.Split; return err })},
		"hides the rejection":          {"a rejection is told and can be overcome", reading(func(t *rollout.Traffic, err error) error { t.Rejected = ""; return err })},
		"restores to the primary":      {"restore returns what was there", restoresBySplit},
		"reads what it wrote":          {"somebody else's write is seen and mended", cached},
		"calls a conflict unavailable": {"a stale write is a conflict", failing(kindOf(fault.Conflict, fault.Unavailable))},
		"creates what is missing":      {"a missing place is not found", creator},
		"retries without rights":       {"missing rights are denied", failing(kindOf(fault.Denied, fault.Unavailable))},
		"ignores an ended context":     {"an ended context ends the call", deaf},
		"hides that it hung":           {"a hanging data plane ends with the context", failing(kindOf(fault.Unavailable, fault.Unknown))},
		"writes for everybody":         {"neighbours are not disturbed", everybody},
		"reads half a write":           {"concurrent calls leave one of their splits", halfWrites},
		"declares too little":          {"any weight is possible", modest},
	}
}

func rewriter(p *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error {
		if now, err := d.Read(ctx); err == nil && now.Exists && now.Split == s {
			p.Overwrite(mine, s)
		}
		return d.Write(ctx, s)
	}}
}

func readerThatWrites(p *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, read: func(ctx context.Context) (rollout.Traffic, error) {
		t, err := d.Read(ctx)
		if err == nil && t.Exists {
			p.Overwrite(mine, t.Split)
		}
		return t, err
	}}
}

func forgetful(_ *memrouter.Plane, d router.Driver) broken {
	var last rollout.Split
	return broken{
		Driver: d,
		write: func(ctx context.Context, s rollout.Split) error {
			last = s
			return d.Write(ctx, s)
		},
		read: func(ctx context.Context) (rollout.Traffic, error) {
			t, err := d.Read(ctx)
			t.Split = last
			return t, err
		},
	}
}

func restoresBySplit(_ *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, restore: func(ctx context.Context, _ bool) error {
		return d.Write(ctx, rollout.Split{Primary: rollout.Whole})
	}}
}

func cached(_ *memrouter.Plane, d router.Driver) broken {
	var last rollout.Traffic
	return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error {
		err := d.Write(ctx, s)
		last, _ = d.Read(ctx)
		return err
	}, read: func(ctx context.Context) (rollout.Traffic, error) {
		if last.Exists {
			return last, nil
		}
		return d.Read(ctx)
	}}
}

func creator(p *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error {
		p.Add(mine)
		return d.Write(ctx, s)
	}}
}

func deaf(_ *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error {
		return d.Write(context.WithoutCancel(ctx), s)
	}}
}

func everybody(p *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, write: func(ctx context.Context, s rollout.Split) error {
		return errors.Join(p.Driver(theirs).Write(ctx, s), p.Driver(mine).Write(ctx, s))
	}}
}

// halfWrites keeps the sides apart: whoever reads after a write to the canary sees one side of it and not the other.
func halfWrites(_ *memrouter.Plane, d router.Driver) broken {
	var half atomic.Bool
	return broken{
		Driver: d,
		write: func(ctx context.Context, s rollout.Split) error {
			if s.Canary > 0 {
				half.Store(true)
			}
			return d.Write(ctx, s)
		},
		read: func(ctx context.Context) (rollout.Traffic, error) {
			t, err := d.Read(ctx)
			if half.Load() {
				t.Split.Canary = 1
			}
			return t, err
		},
	}
}

func modest(_ *memrouter.Plane, d router.Driver) broken {
	return broken{Driver: d, caps: func() rollout.Capabilities { return rollout.Capabilities{Mirror: true, Match: true, Sticky: true} }}
}

// kindOf turns errors of one kind into another.
func kindOf(from, to fault.Kind) func(error) error {
	return func(err error) error {
		if err != nil && fault.KindOf(err) == from {
			return fault.Errorf(to, "%s", err.Error())
		}
		return err
	}
}

func TestEachLawCatchesABrokenDriver(t *testing.T) {
	t.Parallel()
	caught := map[string]bool{}
	for name, d := range defects() {
		for _, law := range routertest.Laws() {
			if law.Name != d.law {
				continue
			}
			h := newHarness(rollout.Capabilities{})
			h.wrap = func(p *memrouter.Plane, good router.Driver) router.Driver { return d.make(p, good) }
			if err := law.Check(t.Context(), h); err == nil {
				t.Errorf("a driver that %s obeys the law %q", name, law.Name)
			} else {
				t.Logf("%s: %v", name, err)
			}
			caught[law.Name] = true
		}
	}
	for _, law := range routertest.Laws() {
		if !caught[law.Name] {
			t.Errorf("no broken driver breaks the law %q", law.Name)
		}
	}
}

func TestInvertedLawsCatchADriverThatWritesAnyway(t *testing.T) {
	t.Parallel()
	for _, law := range routertest.Laws() {
		if law.Needs == routertest.None {
			continue
		}
		h := newHarness(rollout.Capabilities{})
		h.wrap = func(_ *memrouter.Plane, good router.Driver) router.Driver {
			return broken{Driver: good, caps: func() rollout.Capabilities { return rollout.Capabilities{} }}
		}
		if err := law.Check(t.Context(), h); err == nil {
			t.Errorf("a driver that does what it does not declare obeys the law %q", law.Name)
		}
	}
}
