package main

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

const (
	// idleCanaries rest in one process for idleTime.
	idleCanaries = 10_000
	idleTime     = 5 * time.Second
)

func manifestOf(revision string) memworkload.Manifest {
	return memworkload.Manifest{Revision: revision, Replicas: 2}
}

// BenchmarkIdle is a process with 10,000 canaries that nothing happens to: its memory, and the share of one core that
// it uses. An iteration is a look at it for some seconds.
func BenchmarkIdle(b *testing.B) {
	process := startRole(b, "idle", "", -1)
	// The last events of the beginning are still being told.
	wait(b, idleTime)
	var shares []float64
	for b.Loop() {
		before, began := process.cpu(b), time.Now()
		wait(b, idleTime)
		shares = append(shares, 100*(process.cpu(b)-before).Seconds()/time.Since(began).Seconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(process.resident(b), "MiB")
	b.ReportMetric(median(shares), "cpu-%")
}

func wait(b *testing.B, d time.Duration) {
	b.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.Context().Done():
		b.Fatal(b.Context().Err())
	}
}

// serveIdle is the process: it says that it is ready once all of its canaries rest.
func serveIdle() error {
	f, err := newFleet(fleetOptions{canaries: idleCanaries, spec: spec(), blind: true})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.engine.Run(ctx) }()
	tick := time.NewTicker(100 * time.Millisecond)
	for !f.allRest() {
		<-tick.C
	}
	tick.Stop()
	err = ready("nowhere")
	cancel()
	if other := <-ended; err == nil {
		err = other
	}
	return err
}

func (f *fleet) allRest() bool {
	rest := func(s engine.Status, ok bool) bool {
		return ok && s.State.Phase == rollout.Initialized && s.Next.IsZero()
	}
	for _, key := range f.keys {
		if !rest(f.engine.Status(key)) {
			return false
		}
	}
	return true
}
