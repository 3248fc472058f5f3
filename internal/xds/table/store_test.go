package table_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func newStore(tb testing.TB, o table.Options) *table.Store {
	tb.Helper()
	s, err := table.NewStore(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func put(tb testing.TB, s *table.Store, service table.Service) {
	tb.Helper()
	if err := s.Put(service); err != nil {
		tb.Fatal(err)
	}
}

func route(tb testing.TB, s *table.Store, key table.Key, canary rollout.Weight) rollout.Split {
	tb.Helper()
	split := rollout.Split{Primary: rollout.Whole - canary, Canary: canary}
	err := s.Route(key, func(*table.Service) (*rollout.Split, bool, error) { return &split, false, nil })
	if err != nil {
		tb.Fatal(err)
	}
	return split
}

func TestPutKeepsTheSplit(t *testing.T) {
	t.Parallel()
	s := newStore(t, table.Options{})
	shop := service("prod", "shop")
	put(t, s, shop)
	want := route(t, s, shop.Key, rollout.Whole/2)
	shop.Split = &rollout.Split{Canary: rollout.Whole}
	shop.Hosts = []string{"shop.example.com"}
	put(t, s, shop)
	got := s.Table().Service(shop.Key)
	if got.Split == nil || *got.Split != want {
		t.Errorf("split is %+v, want %+v: a new definition must not move traffic", got.Split, want)
	}
	if _, ok := s.Table().ByHost("shop.example.com"); !ok {
		t.Error("the new host is not known")
	}
	if err := s.SetEndpoints(table.Key{Namespace: "prod", Name: "none"}, nil, nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("endpoints of an unknown service: got %v, want NotFound", err)
	}
}

func TestTablesAreImmutable(t *testing.T) {
	t.Parallel()
	s := newStore(t, table.Options{})
	shop := service("prod", "shop")
	put(t, s, shop)
	shop.Primary[0].Address = "127.0.0.1:1"
	before := s.Table()
	if got := before.Service(shop.Key).Primary[0].Address; got != "127.0.0.1:9001" {
		t.Errorf("the caller's change reached the table: %s", got)
	}
	if err := s.SetEndpoints(shop.Key, nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(before.Service(shop.Key).Primary) != 1 || len(s.Table().Service(shop.Key).Primary) != 0 {
		t.Error("an older table changed, or the newer one did not")
	}
}

func TestWatchTellsOfChangesOnly(t *testing.T) {
	t.Parallel()
	s := newStore(t, table.Options{})
	put(t, s, service("prod", "shop"))
	before, replaced := s.Watch()
	put(t, s, service("prod", "shop"))
	if err := s.Delete(table.Key{Namespace: "prod", Name: "none"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-replaced:
		t.Fatal("a write that changes nothing made a new table")
	default:
	}
	if err := s.Delete(table.Key{Namespace: "prod", Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	<-replaced
	if after := s.Table(); after.Sequence() != before.Sequence()+1 || after.Len() != 0 {
		t.Errorf("got sequence %d and %d services", after.Sequence(), after.Len())
	}
}

func TestRefusedChangesLeaveTheTable(t *testing.T) {
	t.Parallel()
	s := newStore(t, table.Options{})
	put(t, s, service("prod", "shop"))
	before := s.Table()
	bad := service("prod", "shop")
	bad.Timeout = -1
	if err := s.Put(bad); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
	key := table.Key{Namespace: "prod", Name: "shop"}
	err := s.Route(key, func(*table.Service) (*rollout.Split, bool, error) { return &rollout.Split{}, false, nil })
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
	if s.Table() != before {
		t.Error("a refused change made a new table")
	}
	if _, err := table.NewStore(table.Options{Shared: "80"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
}

func TestStatusFollowsReports(t *testing.T) {
	t.Parallel()
	var reported []table.Key
	s := newStore(t, table.Options{Reported: func(keys []table.Key) { reported = append(reported, keys...) }})
	shop, other := service("prod", "shop"), service("prod", "other")
	put(t, s, shop)
	put(t, s, other)
	first := route(t, s, shop.Key, 0)
	status := func() table.Status {
		t.Helper()
		st, err := s.Status(shop.Key)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	want := func(reason string, w table.Status) {
		t.Helper()
		if diff := cmp.Diff(w, status()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
	want("without a data plane nothing is acknowledged", table.Status{Split: &first})
	a, b := s.Join("a"), s.Join("b")
	a.Report(s.Table())
	want("one of two is not all", table.Status{Split: &first})
	b.Report(s.Table())
	want("both", table.Status{Split: &first, Acked: &first})

	second := route(t, s, shop.Key, rollout.Whole/2)
	reported = nil
	a.Report(s.Table())
	if diff := cmp.Diff([]table.Key{shop.Key}, reported); diff != "" {
		t.Errorf("services that changed (-want +got):\n%s", diff)
	}
	want("b is behind", table.Status{Split: &second, Acked: &first})
	b.Report(s.Table(), table.Refusal{Key: shop.Key, Message: "no"})
	want("b keeps what it had", table.Status{Split: &second, Acked: &first, Rejected: []string{"b: no"}})
	b.Report(s.Table(), table.Refusal{Key: shop.Key, Message: "no port", InForce: true})
	want("b has the split but not all of the rest", table.Status{Split: &second, Acked: &second, Rejected: []string{"b: no port"}})
	b.Report(s.Table())
	want("b has come round", table.Status{Split: &second, Acked: &second})
	c := s.Join("c")
	want("a newcomer has nothing yet", table.Status{Split: &second})
	c.Leave()
	want("it has left", table.Status{Split: &second, Acked: &second})

	if err := s.Delete(shop.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Status(shop.Key); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
}

func TestRefusalByANewcomer(t *testing.T) {
	t.Parallel()
	s := newStore(t, table.Options{})
	shop := service("prod", "shop")
	put(t, s, shop)
	route(t, s, shop.Key, 0)
	s.Join("a").Report(s.Table(), table.Refusal{Key: shop.Key, Message: "no"})
	st, err := s.Status(shop.Key)
	if err != nil || st.Acked != nil || !slices.Equal(st.Rejected, []string{"a: no"}) {
		t.Errorf("got %+v, %v: what was never in force cannot be kept", st, err)
	}
}

func TestWritersDoNotLoseEachOthersChanges(t *testing.T) {
	t.Parallel()
	s := newStore(t, table.Options{})
	p := s.Join("a")
	var writers sync.WaitGroup
	for i := range 20 {
		writers.Go(func() {
			own := service("prod", fmt.Sprintf("s%d", i))
			if err := s.Put(own); err != nil {
				t.Error(err)
			}
			for w := range rollout.Weight(10) {
				split := rollout.Split{Primary: rollout.Whole - w, Canary: w}
				err := s.Route(own.Key, func(*table.Service) (*rollout.Split, bool, error) { return &split, false, nil })
				if err != nil {
					t.Error(err)
				}
				p.Report(s.Table())
			}
		})
	}
	writers.Wait()
	tbl := s.Table()
	if tbl.Len() != 20 {
		t.Fatalf("got %d services, want 20", tbl.Len())
	}
	for i := range tbl.Len() {
		if got := tbl.At(i).Split.Canary; got != 9 {
			t.Errorf("%s: canary weight %d, want 9", tbl.At(i).Key, got)
		}
	}
}
