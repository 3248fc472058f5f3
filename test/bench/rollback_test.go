package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/tablerouter"
	"github.com/serin-dev/serin/internal/xds/table"
)

// releasesAtOnce fail together in each iteration.
const releasesAtOnce = 50

// BenchmarkRollback is the way from the sample that decides against a canary, at the moment when the engine gets it
// from the meter, to a weight of 0 in force in the proxy. The engine, the table and the proxy are real, the sample comes
// from memory. An iteration is the failed release of 50 canaries at once.
func BenchmarkRollback(b *testing.B) {
	b.Run("quiet", func(b *testing.B) { rollback(b, 0) })
	b.Run("busy", func(b *testing.B) { rollback(b, busyConnections) })
}

func rollback(b *testing.B, connections int) {
	b.Helper()
	w := &watch{decided: map[table.Key]time.Time{}}
	p := newPlane(b, w.reported)
	w.plane = p
	if err := p.store.Put(p.service(appKey())); err != nil {
		b.Fatal(err)
	}
	s := spec()
	s.Interval = time.Second
	f, err := newFleet(fleetOptions{
		canaries: releasesAtOnce, spec: s,
		router: func(key engine.Key) router.Driver {
			w.prepare(b, key, "v1")
			return tablerouter.New(p.store, serviceOf(key))
		},
		meter: func(key engine.Key) engine.Meter { return bad{w, serviceOf(key)} },
	})
	if err != nil {
		b.Fatal(err)
	}
	w.wake = f.engine.Wake
	f.start(b)
	f.until(b, "rests", rests(rollout.Initialized))
	stop := func() load { return load{} }
	if connections > 0 {
		stop = p.busy(b, connections)
	}
	for i := 0; b.Loop(); i++ {
		revision := fmt.Sprintf("v%d", i+2)
		for _, key := range f.keys {
			w.prepare(b, key, revision)
			f.targets[key].Apply(manifestOf(revision))
			f.engine.Wake(key)
		}
		f.until(b, "has rolled back", func(t engine.Trace) bool {
			return rests(rollout.Failed)(t) && t.After.Tried == revision
		})
	}
	if l := stop(); l.failed > 0 {
		b.Errorf("%d of %d requests failed", l.failed, l.requests)
	}
	b.ReportMetric(0, "ns/op")
	w.took.report(b, "rollback-")
	b.ReportMetric(float64(len(w.took)), "rollbacks")
}

func serviceOf(key engine.Key) table.Key { return table.Key{Namespace: key.Namespace, Name: key.Name} }

// watch knows when samples decided and when the proxy followed.
type watch struct {
	plane *plane
	// wake is set before the engine runs.
	wake func(engine.Key)

	mu      sync.Mutex
	decided map[table.Key]time.Time
	took    times
}

// prepare puts the endpoints of a revision into the table, as it happens when its pods are ready.
func (w *watch) prepare(b *testing.B, key engine.Key, revision string) {
	b.Helper()
	s := w.plane.service(serviceOf(key))
	s.Split = nil
	s.Canary = []table.Endpoint{{Address: w.plane.backend, Revision: revision}}
	if err := w.plane.store.Put(s); err != nil {
		b.Fatal(err)
	}
}

// reported hears from the proxy, and wakes the engine as the daemon does.
func (w *watch) reported(keys []table.Key) {
	now := time.Now()
	for _, key := range keys {
		if w.wake != nil {
			w.wake(engine.Key{Namespace: key.Namespace, Name: key.Name})
		}
		status, err := w.plane.store.Status(key)
		if err != nil || status.Acked == nil || status.Acked.Canary > 0 {
			continue
		}
		w.mu.Lock()
		if began, ok := w.decided[key]; ok {
			w.took = append(w.took, now.Sub(began))
			delete(w.decided, key)
		}
		w.mu.Unlock()
	}
}

// bad measures that half of the canary's requests failed.
type bad struct {
	watch *watch
	key   table.Key
}

// Measure is part of engine.Meter.
func (m bad) Measure(_ context.Context, w rollout.Measure) analysis.Evidence {
	m.watch.mu.Lock()
	defer m.watch.mu.Unlock()
	m.watch.decided[m.key] = time.Now()
	return analysis.Evidence{Batch: &analysis.Batch{
		From: w.From, To: w.To, Canary: analysis.Counts{Requests: 100, Errors: 50},
	}}
}
