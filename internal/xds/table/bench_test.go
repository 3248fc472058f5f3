package table_test

import (
	"fmt"
	"testing"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// crowd is a store with 10,000 services, and the key of one of them.
func crowd(b *testing.B) (*table.Store, table.Key) {
	b.Helper()
	s := newStore(b, table.Options{})
	services := make([]table.Service, 0, 10_000)
	for i := range cap(services) {
		services = append(services, service("prod", fmt.Sprintf("s%d", i)))
	}
	if err := s.Put(services...); err != nil {
		b.Fatal(err)
	}
	return s, table.Key{Namespace: "prod", Name: "s5000"}
}

func BenchmarkRouteAmong10000(b *testing.B) {
	s, key := crowd(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		route(b, s, key, rollout.Weight(i)%rollout.Whole)
	}
}

// BenchmarkReportAmong10000 is a data plane that reports tables which differ in one weight.
func BenchmarkReportAmong10000(b *testing.B) {
	s, key := crowd(b)
	tables := make([]*table.Table, 2)
	for i := range tables {
		route(b, s, key, rollout.Weight(1+i))
		tables[i] = s.Table()
	}
	p := s.Join("a")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Report(tables[i%2])
	}
}

// BenchmarkByHost is the look-up of every request.
func BenchmarkByHost(b *testing.B) {
	s, _ := crowd(b)
	t := s.Table()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := t.ByHost("s5000.prod.svc.cluster.local:8080"); !ok {
			b.Fatal("it was not found")
		}
	}
}
