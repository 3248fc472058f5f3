package main

import (
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
)

// BenchmarkPass is one pass of the engine over drivers in memory, from the wake to the end of the pass. At rest and in
// a step it finds nothing to do; with a command it decides, saves and tells.
func BenchmarkPass(b *testing.B) {
	for _, c := range []struct {
		name string
		run  func(*testing.B, *fleet)
	}{{"rest", passAtRest}, {"step", passInStep}, {"command", passWithCommand}} {
		b.Run(c.name, func(b *testing.B) {
			f, err := newFleet(fleetOptions{canaries: 1, spec: spec()})
			if err != nil {
				b.Fatal(err)
			}
			f.start(b)
			f.until(b, "rests", rests(rollout.Initialized))
			c.run(b, f)
		})
	}
}

func passAtRest(b *testing.B, f *fleet) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		f.pass(b)
	}
}

func passInStep(b *testing.B, f *fleet) {
	b.Helper()
	f.beginRun(b)
	b.ReportAllocs()
	for b.Loop() {
		f.pass(b)
	}
}

// beginRun brings the canary into its first step.
func (f *fleet) beginRun(b *testing.B) {
	b.Helper()
	for _, key := range f.keys {
		f.targets[key].Apply(manifestOf("v2"))
		f.engine.Wake(key)
	}
	f.until(b, "is in its first step", func(t engine.Trace) bool {
		return t.After.Run != nil && !t.After.Run.Acked.IsZero()
	})
}

func passWithCommand(b *testing.B, f *fleet) {
	b.Helper()
	f.beginRun(b)
	key := f.keys[0]
	verbs := []rollout.Verb{rollout.Pause, rollout.Resume}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		command := rollout.Command{Verb: verbs[i%2]}
		command.By, command.At = "ann", time.Now()
		if _, err := f.store.Give(b.Context(), key, command); err != nil {
			b.Fatal(err)
		}
		f.pass(b)
	}
}

// pass wakes the only canary and waits for a pass of it.
func (f *fleet) pass(b *testing.B) {
	b.Helper()
	f.mu.Lock()
	passed := f.passed
	f.mu.Unlock()
	f.engine.Wake(f.keys[0])
	<-passed
}
