package memworkload_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
	"github.com/serin-dev/serin/internal/workload/memworkload"
	"github.com/serin-dev/serin/internal/workload/workloadtest"
)

// harness is a Target whose templates are its revisions. Its wrap makes broken drivers for the tests of the laws.
type harness struct {
	target *memworkload.Target
	wrap   func(*memworkload.Target, workload.Driver) workload.Driver
	hang   atomic.Bool
	// scales says whether there are autoscalers, abrupt whether templates want to be replaced abruptly.
	scales, abrupt bool
	patience       time.Duration
}

func newHarness() *harness {
	h := &harness{patience: time.Minute}
	h.target = memworkload.New(memworkload.Options{Held: true, Before: h.before})
	h.target.Break("rev-"+workloadtest.Broken, true)
	return h
}

func (h *harness) before(ctx context.Context, _ memworkload.Call) error {
	if h.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (h *harness) Driver() workload.Driver {
	if h.wrap == nil {
		return h.target.Driver()
	}
	return h.wrap(h.target, h.target.Driver())
}

func manifest(template string, replicas int) memworkload.Manifest {
	return memworkload.Manifest{Revision: "rev-" + template, Template: template, Replicas: replicas}
}

func (h *harness) Apply(template string, replicas int) {
	m := manifest(template, replicas)
	m.Abrupt = h.abrupt
	h.target.Apply(m)
}

func (h *harness) Delete()                 { h.target.Delete() }
func (h *harness) Live() string            { return h.target.String() }
func (h *harness) Step()                   { h.target.Step() }
func (h *harness) Patience() time.Duration { return h.patience }

func (h *harness) Runs(side rollout.SideName) []string {
	var templates []string
	for _, p := range h.target.Pods() {
		if p.Side == side && p.Ready && !p.Ending {
			templates = append(templates, p.Template)
		}
	}
	return templates
}

func (h *harness) Disturb(d workloadtest.Disturbance) bool {
	switch d {
	case workloadtest.Restart:
		return true
	case workloadtest.Autoscale:
		if h.scales {
			h.target.Autoscale(1)
		}
		return h.scales
	case workloadtest.Seize:
		h.target.Seize(true)
		return true
	case workloadtest.Hang:
		h.hang.Store(true)
		return true
	case workloadtest.Follow:
	}
	return false
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*harness){
		"plain":      func(*harness) {},
		"autoscaled": func(h *harness) { h.scales = true },
		"abrupt":     func(h *harness) { h.abrupt = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workloadtest.Run(t, func(*testing.T) workloadtest.Harness {
				h := newHarness()
				change(h)
				return h
			})
		})
	}
}

func observe(t *testing.T, target *memworkload.Target) rollout.Workload {
	t.Helper()
	w, err := target.Driver().Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPodsFollowAtOnceUnlessTheyAreHeld(t *testing.T) {
	t.Parallel()
	target := memworkload.New(memworkload.Options{})
	target.Apply(manifest("one", 2))
	target.Run()
	if c := observe(t, target).Canary; c.Ready != 2 {
		t.Errorf("got %+v", c)
	}
	target.Hold(true)
	d := target.Driver()
	if err := d.Promote(t.Context(), rollout.PromoteTo{Revision: "rev-one"}); err != nil {
		t.Fatal(err)
	}
	if p := observe(t, target).Primary; p.Replicas != 2 || p.Ready != 0 {
		t.Errorf("held: %+v", p)
	}
	target.Settle()
	if p := observe(t, target).Primary; p.Ready != 2 {
		t.Errorf("settled: %+v", p)
	}
}

func TestPodsAreReadyWhenAFunctionSaysSo(t *testing.T) {
	t.Parallel()
	target := memworkload.New(memworkload.Options{Held: true, Ready: func(p memworkload.Pod) bool { return p.Rounds > 3 }})
	target.Apply(manifest("one", 1))
	target.Run()
	n := 0
	for observe(t, target).Canary.Ready == 0 && n < 10 {
		target.Step()
		n++
	}
	if n != 5 {
		t.Errorf("ready after %d rounds", n)
	}
	target.Break("rev-one", true)
	target.Settle()
	if c := observe(t, target).Canary; c.Ready != 0 || c.Why == "" {
		t.Errorf("broken: %+v", c)
	}
	target.Break("rev-one", false)
	target.Settle()
	if c := observe(t, target).Canary; c.Ready != 1 {
		t.Errorf("repaired: %+v", c)
	}
}

func TestAutoscalerKeepsItsBounds(t *testing.T) {
	t.Parallel()
	target := memworkload.New(memworkload.Options{})
	target.Apply(manifest("one", 2))
	target.Run()
	target.Autoscale(2)
	d := target.Driver()
	if err := errors.Join(
		d.Promote(t.Context(), rollout.PromoteTo{Revision: "rev-one"}),
		d.Resize(t.Context(), rollout.Floor{Replicas: 4}),
	); err != nil {
		t.Fatal(err)
	}
	for load, want := range map[int]int{1: 4, 6: 6} {
		target.Load(load)
		if p := observe(t, target).Primary; p.Ready != want {
			t.Errorf("load %d: %+v", load, p)
		}
	}
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection reset")
	target := memworkload.New(memworkload.Options{After: func(context.Context, memworkload.Call) error { return lost }})
	target.Apply(manifest("one", 1))
	if err := target.Driver().Pin(t.Context(), "rev-one"); !errors.Is(err, lost) || target.Writes() != 1 {
		t.Errorf("got %v and %d writes", err, target.Writes())
	}
	if _, err := target.Driver().Observe(t.Context()); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
	if err := target.Driver().Resize(t.Context(), rollout.Wake{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("resized by a wish to wake: %v", err)
	}
}
