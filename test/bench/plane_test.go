package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/proxy"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// plane is a routing table with a proxy that is fed from it and serves on a real socket.
type plane struct {
	store   *table.Store
	shared  string
	backend string
	// reported is told of the services that the proxy has put in force anew. It is set before the proxy runs.
	reported func([]table.Key)
}

func newPlane(b *testing.B, reported func([]table.Key)) *plane {
	b.Helper()
	p := &plane{shared: freeAddress(b), backend: startRole(b, "backend", "", -1).address, reported: reported}
	var err error
	if p.store, err = table.NewStore(table.Options{Shared: p.shared, Reported: reported}); err != nil {
		b.Fatal(err)
	}
	server, err := proxy.New(p.store, proxy.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("the proxy: %v", err)
		}
	})
	if err := awaitListener(p.shared); err != nil {
		b.Fatal(err)
	}
	return p
}

// route writes a split.
func (p *plane) route(b *testing.B, key table.Key, canary rollout.Weight) {
	b.Helper()
	split := &rollout.Split{Primary: rollout.Whole - canary, Canary: canary}
	err := p.store.Route(key, func(*table.Service) (*rollout.Split, bool, error) { return split, false, nil })
	if err != nil {
		b.Fatal(err)
	}
}

// busy puts the service app under as much load as it takes until the returned function is called, which says what
// came of it.
func (p *plane) busy(b *testing.B, connections int) (stop func() load) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	c, err := newClients(ctx, p.shared, host, connections)
	if err != nil {
		b.Fatal(err)
	}
	result := make(chan load, 1)
	go func() { result <- c.run(ctx, 0) }()
	stop = sync.OnceValue(func() load {
		cancel()
		l := <-result
		c.close()
		return l
	})
	b.Cleanup(func() { stop() })
	return stop
}

// appKey is the service that the load is for.
func appKey() table.Key { return table.Key{Namespace: "test", Name: "app"} }

// times are durations that are reported as percentiles.
type times []time.Duration

func (t times) report(b *testing.B, name string) {
	b.Helper()
	slices.Sort(t)
	l := load{times: t}
	for _, p := range []struct {
		name  string
		share float64
	}{{"p50", 0.5}, {"p99", 0.99}, {"max", 1}} {
		b.ReportMetric(float64(l.percentile(p.share))/float64(time.Millisecond), name+p.name+"-ms")
	}
}
