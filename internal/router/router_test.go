package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/memrouter"
)

func split(canary rollout.Weight) rollout.Split {
	return rollout.Split{Primary: rollout.Whole - canary, Canary: canary}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	all := rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true}
	half := split(rollout.Whole / 2)
	with := func(edit func(*rollout.Split)) rollout.Split {
		s := split(0)
		edit(&s)
		return s
	}
	cases := map[string]struct {
		split rollout.Split
		caps  rollout.Capabilities
		want  fault.Kind
	}{
		"everything":        {rollout.Split{Primary: 1, Canary: rollout.Whole - 1, Mirror: 1, Match: true, CanarySession: "a", PrimarySession: "b"}, all, fault.Unknown},
		"nothing or all":    {split(rollout.Whole), rollout.Capabilities{}, fault.Unknown},
		"zero value":        {rollout.Split{}, all, fault.Invalid},
		"sum too large":     {rollout.Split{Primary: rollout.Whole, Canary: 1}, all, fault.Invalid},
		"negative":          {rollout.Split{Primary: rollout.Whole + 1, Canary: -1}, all, fault.Invalid},
		"mirror too large":  {with(func(s *rollout.Split) { s.Mirror = rollout.Whole + 1 }), all, fault.Invalid},
		"no weights":        {half, rollout.Capabilities{Mirror: true}, fault.Unsupported},
		"no mirror":         {with(func(s *rollout.Split) { s.Mirror = 1 }), rollout.Capabilities{Weights: true}, fault.Unsupported},
		"no match":          {with(func(s *rollout.Split) { s.Match = true }), rollout.Capabilities{Weights: true}, fault.Unsupported},
		"no canary session": {with(func(s *rollout.Split) { s.CanarySession = "a" }), rollout.Capabilities{Weights: true}, fault.Unsupported},
		"no primary one":    {with(func(s *rollout.Split) { s.PrimarySession = "a" }), rollout.Capabilities{Weights: true}, fault.Unsupported},
	}
	for name, c := range cases {
		if got := fault.KindOf(router.Check(c.split, c.caps)); got != c.want {
			t.Errorf("%s: got kind %q, want %q", name, got, c.want)
		}
	}
}

// hooked returns a Router on a memory data plane whose calls go through before first.
func hooked(t *testing.T, o router.Options, before func(context.Context, memrouter.Call) error) (*router.Router, *memrouter.Plane) {
	t.Helper()
	p := memrouter.NewPlane(memrouter.Options{Before: before})
	p.Add("shop")
	return router.New(p.Driver("shop"), o), p
}

func TestObserveTurnsFailuresIntoFacts(t *testing.T) {
	t.Parallel()
	r, _ := hooked(t, router.Options{}, func(context.Context, memrouter.Call) error {
		return fault.Errorf(fault.Denied, "no rights")
	})
	got := r.Observe(t.Context())
	if got.Problem == nil || got.Problem.Kind != fault.Denied || got.Problem.Message != "read split: no rights" {
		t.Errorf("got %+v", got.Problem)
	}
	if err := r.SetSplit(t.Context(), split(0)); fault.KindOf(err) != fault.Denied {
		t.Errorf("got %v, want Denied", err)
	}
	if err := r.Restore(t.Context(), false); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "restore traffic") {
		t.Errorf("got %v, want Denied", err)
	}
}

func TestSetSplitWritesThoughReadingFails(t *testing.T) {
	t.Parallel()
	r, p := hooked(t, router.Options{}, func(_ context.Context, c memrouter.Call) error {
		if c.Method == memrouter.Read {
			return errors.New("no answer")
		}
		return nil
	})
	if err := r.SetSplit(t.Context(), split(0)); err != nil {
		t.Fatal(err)
	}
	if got := p.Writes("shop"); got != 1 {
		t.Errorf("got %d writes, want 1: the way back to the primary must not depend on a read", got)
	}
}

func TestSetSplitWritesThoughReadingHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, p := hooked(t, router.Options{}, func(ctx context.Context, c memrouter.Call) error {
			if c.Method == memrouter.Read {
				<-ctx.Done()
				return ctx.Err()
			}
			return ctx.Err()
		})
		for canary, limit := range map[rollout.Weight]time.Duration{0: 0, rollout.Percent: 2 * time.Second} {
			start := time.Now()
			if err := r.SetSplit(t.Context(), split(canary)); err != nil {
				t.Errorf("canary at %s: %v", canary, err)
			}
			if got := time.Since(start); got != limit {
				t.Errorf("canary at %s: written after %s, want %s", canary, got, limit)
			}
		}
		if got := p.Writes("shop"); got != 2 {
			t.Errorf("got %d writes, want 2", got)
		}
	})
}

func TestSetSplitDoesNotWriteTwice(t *testing.T) {
	t.Parallel()
	calls := 0
	r, _ := hooked(t, router.Options{}, func(_ context.Context, c memrouter.Call) error {
		if c.Method == memrouter.Write {
			calls++
		}
		return nil
	})
	for range 3 {
		if err := r.SetSplit(t.Context(), split(1)); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 1 {
		t.Errorf("the driver was asked to write %d times, want once", calls)
	}
}

func TestEachCallHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ memrouter.Call) error {
			<-ctx.Done()
			return ctx.Err()
		}
		for timeout, want := range map[time.Duration]time.Duration{0: 10 * time.Second, time.Second: time.Second} {
			r, _ := hooked(t, router.Options{Timeout: timeout}, hang)
			start := time.Now()
			if got := r.Observe(t.Context()); got.Problem == nil || got.Problem.Kind != fault.Unavailable {
				t.Errorf("got %+v, want Unavailable", got.Problem)
			}
			if got := time.Since(start); got != want {
				t.Errorf("reading took %s, want %s", got, want)
			}
			start = time.Now()
			if err := r.Restore(t.Context(), true); fault.KindOf(err) != fault.Unavailable || time.Since(start) != want {
				t.Errorf("got %v after %s", err, time.Since(start))
			}
		}
	})
}
