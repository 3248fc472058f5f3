package proxy

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// TestReportedMeansInForce: whoever hears that a split is acknowledged can rely on it: requests are routed by it already.
func TestReportedMeansInForce(t *testing.T) {
	t.Parallel()
	var proxy atomic.Pointer[Proxy]
	var store *table.Store
	told := make(chan rollout.Split, 100)
	store, err := table.NewStore(table.Options{Reported: func(keys []table.Key) {
		for _, key := range keys {
			status, err := store.Status(key)
			if err != nil || status.Acked == nil {
				continue
			}
			s := proxy.Load().current.Load()
			if len(s.services) == 0 || s.services[0].split != *status.Acked {
				t.Errorf("%+v is acknowledged and not in force", *status.Acked)
			}
			told <- *status.Acked
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Store(p)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for _, canary := range []rollout.Weight{10_000, 50_000, 0} {
		split := *weights(canary)
		err := store.Put(appService([]table.Endpoint{{Address: "127.0.0.1:1001"}}, []table.Endpoint{{Address: "127.0.0.1:1002"}}, &split))
		if err == nil {
			err = store.Route(app(), func(*table.Service) (*rollout.Split, bool, error) { return &split, false, nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		for acked := range told {
			if acked == split {
				break
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestRequestLeavesWithItsTable: a request that picked its endpoint by a table which was replaced before it was counted
// picks again, so that nobody waits in vain for it, or not at all.
func TestRequestLeavesWithItsTable(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	left, stays := table.Endpoint{Address: "127.0.0.1:1001"}, table.Endpoint{Address: "127.0.0.1:1002"}
	r.put(t, appService([]table.Endpoint{left}, nil, weights(0)))
	looks := 0
	e := r.proxy.hold(func(s *snapshot) *endpoint {
		picked := s.services[0].primary.endpoints[0]
		looks++
		if looks == 1 {
			if err := r.store.SetEndpoints(app(), []table.Endpoint{stays}, nil); err != nil {
				t.Error(err)
			}
			r.sync(t)
		}
		return picked
	})
	defer r.proxy.release(e)
	if looks != 2 || e.address != stays.Address {
		t.Errorf("it holds %s after %d looks", e.address, looks)
	}
	if err := r.proxy.Settle(t.Context(), []string{left.Address}); err != nil {
		t.Error(err)
	}
}

// TestRetryStaysOnItsSide: the failure of one version is never hidden by the other.
func TestRetryStaysOnItsSide(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService(says(t, "primary"), []table.Endpoint{nobody(t)}, weights(rollout.Whole)))
	if got := r.get(t, "/"); got.status != http.StatusServiceUnavailable {
		t.Errorf("got %d %q", got.status, got.body)
	}
	r.counts(t, rollout.CanarySide, "503", 1)
	if n := r.answers(t, rollout.PrimarySide, "200"); n != 0 {
		t.Errorf("the primary answered %v requests of the canary", n)
	}
}

// TestLeftMeansOutOfForce: as soon as an endpoint counts as left, no request is routed by a table that names it. It looks
// from beside, while tables are swapped.
func TestLeftMeansOutOfForce(t *testing.T) {
	t.Parallel()
	store, err := table.NewStore(table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put := func(list ...table.Endpoint) {
		if err := store.Put(appService(list, nil, weights(0))); err != nil {
			t.Error(err)
		}
		p.putInForce(store.Table())
	}
	a, b := table.Endpoint{Address: "127.0.0.1:1001"}, table.Endpoint{Address: "127.0.0.1:1002"}
	for range 100 {
		put(a, b)
		looked := make(chan bool)
		go func() {
			for !p.settled([]string{b.Address}) {
				runtime.Gosched()
			}
			looked <- slices.ContainsFunc(p.current.Load().services[0].named, func(e *endpoint) bool { return e.address == b.Address })
		}()
		put(a)
		if <-looked {
			t.Fatal("an endpoint counts as left, and the table in force names it")
		}
	}
}

// TestNamedEndpointIsNotSettled: a pod that nobody talks to is not to be ended either, as long as the table in force
// names it: the next request may be for it.
func TestNamedEndpointIsNotSettled(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	idle := nobody(t)
	r.put(t, appService([]table.Endpoint{idle}, nil, weights(0)))
	if r.proxy.settled([]string{idle.Address}) {
		t.Error("an endpoint that the table names counts as settled")
	}
	if err := r.store.SetEndpoints(app(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.proxy.Settle(t.Context(), []string{idle.Address}); err != nil {
		t.Error(err)
	}
}
