package tablerouter_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/routertest"
	"github.com/serin-dev/serin/internal/router/tablerouter"
	"github.com/serin-dev/serin/internal/xds/table"
)

// harness is a real store with two services and a data plane that reports when it is told to.
type harness struct {
	t     *testing.T
	store *table.Store
	plane *table.Plane

	mu     sync.Mutex
	reject bool
	last   *table.Service
	writes int
}

func mine() table.Key   { return table.Key{Namespace: "shop", Name: "cart"} }
func theirs() table.Key { return table.Key{Namespace: "shop", Name: "basket"} }

func newHarness(t *testing.T) *harness {
	t.Helper()
	store, err := table.NewStore(table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []table.Key{mine(), theirs()} {
		err := store.Put(table.Service{
			Key:     key,
			Primary: []table.Endpoint{{Address: "127.0.0.1:1001", Revision: "r1"}},
			Canary:  []table.Endpoint{{Address: "127.0.0.1:1002", Revision: routertest.Revision}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &harness{t: t, store: store, plane: store.Join("test")}
	h.last = store.Table().Service(mine())
	h.plane.Report(store.Table())
	return h
}

// Driver is part of routertest.Harness.
func (h *harness) Driver() router.Driver { return tablerouter.New(h.store, mine()) }

// Neighbour is part of routertest.Harness.
func (h *harness) Neighbour() router.Driver { return tablerouter.New(h.store, theirs()) }

// Live is part of routertest.Harness. Who serves without a split is the only trace that a restore may leave.
func (h *harness) Live() string {
	service := h.store.Table().Service(mine())
	if service == nil {
		return "nothing"
	}
	seen := *service
	seen.Returned = false
	data, err := json.Marshal(seen)
	if err != nil {
		h.t.Error(err)
	}
	return string(data)
}

// Writes is part of routertest.Harness: a service in a table is immutable, so another one is a write.
func (h *harness) Writes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.store.Table().Service(mine()); now != h.last {
		h.last = now
		h.writes++
	}
	return h.writes
}

// Disturb is part of routertest.Harness.
func (h *harness) Disturb(d routertest.Disturbance) bool {
	switch d {
	case routertest.Settle:
		h.mu.Lock()
		reject := h.reject
		h.mu.Unlock()
		if reject {
			h.plane.Report(h.store.Table(), table.Refusal{Key: mine(), Message: "this plane does not like it"})
		} else {
			h.plane.Report(h.store.Table())
		}
	case routertest.Drift:
		err := h.store.Route(mine(), func(*table.Service) (*rollout.Split, bool, error) {
			return &rollout.Split{Primary: 63 * rollout.Percent, Canary: 37 * rollout.Percent}, false, nil
		})
		if err != nil {
			h.t.Error(err)
		}
	case routertest.Vanish:
		if err := h.store.Delete(mine()); err != nil {
			h.t.Error(err)
		}
	case routertest.Reject, routertest.Recover:
		h.mu.Lock()
		h.reject = d == routertest.Reject
		h.mu.Unlock()
	case routertest.Lag:
		// Nothing is reported before Settle anyway.
	case routertest.Race, routertest.Forbid, routertest.Hang:
		// A table in memory orders its writers, and needs no rights and no network.
		return false
	}
	return true
}

func TestConformance(t *testing.T) {
	t.Parallel()
	routertest.Run(t, func(t *testing.T) routertest.Harness {
		t.Helper()
		return newHarness(t)
	})
}

// TestNothingIsRaisedWithoutEndpoints: the workload is seen to be ready a moment before its endpoints are in the table.
func TestNothingIsRaisedWithoutEndpoints(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	other := "r3"
	for name, split := range map[string]rollout.Split{
		"weight": {Primary: 90_000, Canary: 10_000, Revision: other},
		"mirror": {Primary: rollout.Whole, Mirror: 1, Revision: other},
		"match":  {Primary: rollout.Whole, Match: true, Revision: other},
	} {
		before := h.Live()
		if err := h.Driver().Write(t.Context(), split); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v, want Unavailable", name, err)
		}
		if now := h.Live(); now != before {
			t.Errorf("%s: the table changed to %s", name, now)
		}
	}
	if err := h.Driver().Write(t.Context(), rollout.Split{Primary: rollout.Whole, Revision: other}); err != nil {
		t.Errorf("the way back needs no endpoint: %v", err)
	}
}

// TestEveryPlaneHasToAcknowledge: a second data plane that lags keeps the split from being in force.
func TestEveryPlaneHasToAcknowledge(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	second := h.store.Join("second")
	want := rollout.Split{Primary: rollout.Whole}
	if err := h.Driver().Write(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	h.Disturb(routertest.Settle)
	if got, err := h.Driver().Read(t.Context()); err != nil || got.Acked == want {
		t.Errorf("one of two planes makes %+v acknowledged (%v)", got.Acked, err)
	}
	second.Report(h.store.Table())
	if got, err := h.Driver().Read(t.Context()); err != nil || got.Acked != want {
		t.Errorf("both planes make %+v acknowledged (%v), want %+v", got.Acked, err, want)
	}
}

// TestRestoreSaysWhoServes: with revert the target's own endpoints come first, without it the primary's stay.
func TestRestoreSaysWhoServes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for revert, want := range map[bool]rollout.Split{true: {Canary: rollout.Whole}, false: {Primary: rollout.Whole}} {
		if err := h.Driver().Write(t.Context(), rollout.Split{Primary: rollout.Whole}); err != nil {
			t.Fatal(err)
		}
		if err := h.Driver().Restore(t.Context(), revert); err != nil {
			t.Fatal(err)
		}
		if got := h.store.Table().Service(mine()).Route(); got != want {
			t.Errorf("revert %t: the requests go to %+v, want %+v", revert, got, want)
		}
	}
}
