package table_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// plane is what a data plane has in force of each service, worked out the long way.
type plane map[table.Key]seen

type seen struct {
	service *table.Service
	message string
}

// after returns what the plane has once it has reported the table.
func (p plane) after(t *table.Table, refused map[table.Key]table.Refusal) plane {
	next := plane{}
	for i := range t.Len() {
		next[t.At(i).Key] = seen{service: t.At(i)}
	}
	for key, r := range refused {
		now := seen{service: t.Service(key), message: r.Message}
		if !r.InForce {
			now.service = p[key].service
		}
		next[key] = now
	}
	return next
}

// TestReportsNameWhatChanged compares what the store says has changed with what has, over random changes and refusals.
func TestReportsNameWhatChanged(t *testing.T) {
	t.Parallel()
	const services = 8
	random := rand.New(rand.NewPCG(1, 2))
	var reported []table.Key
	s := newStore(t, table.Options{Reported: func(keys []table.Key) { reported = append(reported, keys...) }})
	p := s.Join("a")
	has := plane{}
	for round := range 3000 {
		for range random.IntN(4) {
			name := fmt.Sprint("s", random.IntN(services))
			switch key := (table.Key{Namespace: "prod", Name: name}); {
			case random.IntN(4) == 0:
				if err := s.Delete(key); err != nil {
					t.Fatal(err)
				}
			case s.Table().Service(key) == nil:
				put(t, s, service("prod", name))
			default:
				route(t, s, key, rollout.Weight(random.IntN(3)))
			}
		}
		now := s.Table()
		refused := map[table.Key]table.Refusal{}
		for i := range now.Len() {
			if key := now.At(i).Key; random.IntN(6) == 0 {
				refused[key] = table.Refusal{Key: key, Message: fmt.Sprint("no ", random.IntN(2)), InForce: random.IntN(2) == 0}
			}
		}
		reported = nil
		p.Report(now, slices.Collect(maps.Values(refused))...)
		next := has.after(now, refused)
		want := []table.Key{}
		for key, is := range next {
			if was := has[key]; was != is {
				want = append(want, key)
			}
		}
		slices.SortFunc(want, func(a, b table.Key) int { return strings.Compare(a.Name, b.Name) })
		if diff := cmp.Diff(want, append([]table.Key{}, reported...)); diff != "" {
			t.Fatalf("round %d: services that changed (-want +got):\n%s", round, diff)
		}
		has = next
	}
}
