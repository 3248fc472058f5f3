package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// routes is how many services the table has.
const routes = 10_000

// BenchmarkSwap is a change of one weight in a table of 10,000 services, from the write until the proxy has put it in
// force and said so, while a service of it gets as many requests as it can. A request that is not answered whole and
// with the status 200 is dropped.
func BenchmarkSwap(b *testing.B) {
	reported := make(chan table.Key, routes)
	p := newPlane(b, func(keys []table.Key) {
		for _, key := range keys {
			select {
			case reported <- key:
			default:
			}
		}
	})
	services := []table.Service{p.service(appKey())}
	for i := range routes - 1 {
		services = append(services, p.service(table.Key{Namespace: "bench", Name: fmt.Sprintf("app%05d", i)}))
	}
	if err := p.store.Put(services...); err != nil {
		b.Fatal(err)
	}
	for range services {
		<-reported
	}
	stop := p.busy(b, busyConnections)
	var took times
	for i := 0; b.Loop(); i++ {
		key := services[(i/2)*37%routes].Key
		if i%2 == 0 {
			key = appKey()
		}
		began := time.Now()
		p.route(b, key, rollout.Weight(1+i)%rollout.Whole)
		for got := <-reported; got != key; {
			got = <-reported
		}
		took = append(took, time.Since(began))
	}
	l := stop()
	took.report(b, "swap-")
	b.ReportMetric(float64(l.requests), "requests")
	b.ReportMetric(float64(l.failed), "dropped")
}

// service has its two versions at the same backend: what is measured is the table.
func (p *plane) service(key table.Key) table.Service {
	at := []table.Endpoint{{Address: p.backend}}
	return table.Service{Key: key, Primary: at, Canary: at, Split: &rollout.Split{Primary: rollout.Whole}}
}
