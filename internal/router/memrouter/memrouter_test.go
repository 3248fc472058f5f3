package memrouter_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/memrouter"
	"github.com/serin-dev/serin/internal/router/routertest"
)

// harness is a Plane with two canaries. Its wrap makes broken drivers for the tests of the laws.
type harness struct {
	plane  *memrouter.Plane
	wrap   func(*memrouter.Plane, router.Driver) router.Driver
	forbid atomic.Bool
	hang   atomic.Bool
}

const (
	mine   = "mine"
	theirs = "theirs"
)

func newHarness(lacks rollout.Capabilities) *harness {
	h := &harness{}
	h.plane = memrouter.NewPlane(memrouter.Options{Lacks: lacks, Before: h.before})
	h.plane.Add(mine)
	h.plane.Add(theirs)
	return h
}

func (h *harness) before(ctx context.Context, _ memrouter.Call) error {
	if h.forbid.Load() {
		return fault.Errorf(fault.Denied, "no rights")
	}
	if h.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (h *harness) driver(canary string) router.Driver {
	if h.wrap == nil {
		return h.plane.Driver(canary)
	}
	return h.wrap(h.plane, h.plane.Driver(canary))
}

func (h *harness) Driver() router.Driver    { return h.driver(mine) }
func (h *harness) Neighbour() router.Driver { return h.driver(theirs) }

func (h *harness) Live() string {
	t := h.plane.Traffic(mine)
	return fmt.Sprintf("%+v, exists: %t", t.Split, t.Exists)
}

func (h *harness) Writes() int { return h.plane.Revision(mine) }

func (h *harness) Disturb(d routertest.Disturbance) bool {
	switch d {
	case routertest.Settle:
		h.plane.Hold(false)
		h.plane.Settle(mine)
	case routertest.Lag:
		h.plane.Hold(true)
	case routertest.Drift:
		h.plane.Overwrite(mine, rollout.Split{Primary: 63 * rollout.Percent, Canary: 37 * rollout.Percent})
	case routertest.Race:
		h.plane.Stale(mine)
	case routertest.Vanish:
		h.plane.Remove(mine)
	case routertest.Forbid:
		h.forbid.Store(true)
	case routertest.Hang:
		h.hang.Store(true)
	case routertest.Reject:
		h.plane.Reject(mine, "this plane does not like it")
	case routertest.Recover:
		h.forbid.Store(false)
		h.hang.Store(false)
		h.plane.Reject(mine, "")
	}
	return true
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, lacks := range map[string]rollout.Capabilities{
		"everything": {},
		"no weights": {Weights: true},
		"no mirror":  {Mirror: true},
		"no match":   {Match: true},
		"no sticky":  {Sticky: true},
		"a switch":   {Weights: true, Mirror: true, Match: true, Sticky: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			routertest.Run(t, func(*testing.T) routertest.Harness { return newHarness(lacks) })
		})
	}
}

func TestPartialAcknowledgement(t *testing.T) {
	t.Parallel()
	p := memrouter.NewPlane(memrouter.Options{Held: true})
	p.Add(mine)
	want := rollout.Split{Primary: rollout.Whole}
	if err := p.Driver(mine).Write(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	part := rollout.Split{Primary: 1, Canary: rollout.Whole - 1}
	p.Acknowledge(mine, part)
	if got := p.Traffic(mine); got.Split != want || got.Acked != part {
		t.Errorf("got %+v", got)
	}
	p.Settle(mine)
	if got := p.Traffic(mine).Acked; got != want {
		t.Errorf("settled on %+v, want %+v", got, want)
	}
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection reset")
	p := memrouter.NewPlane(memrouter.Options{After: func(context.Context, memrouter.Call) error { return lost }})
	p.Add(mine)
	want := rollout.Split{Primary: rollout.Whole}
	if err := p.Driver(mine).Write(t.Context(), want); !errors.Is(err, lost) {
		t.Errorf("got %v, want %v", err, lost)
	}
	if got := p.Traffic(mine).Split; got != want {
		t.Errorf("the write whose answer got lost left %+v", got)
	}
	if err := p.Driver(mine).Restore(t.Context(), true); !errors.Is(err, lost) || !p.Returned(mine) {
		t.Errorf("got %v and returned=%t", err, p.Returned(mine))
	}
}
