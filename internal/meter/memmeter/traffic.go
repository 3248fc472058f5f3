package memmeter

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/meter"
)

// Proxy is a model of a data plane: it counts the requests that a test says were made, under Envoy's names,
// and shows its counters to a Driver whenever it is scraped.
type Proxy struct {
	driver   *Driver
	instance string

	mu       sync.Mutex
	requests map[cluster]map[int]uint64
	latency  map[cluster]map[float64]uint64
}

type cluster string

// bounds are the upper bounds of the buckets, in milliseconds.
func bounds() []float64 {
	return []float64{1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, math.Inf(1)}
}

// NewProxy returns a proxy that has counted nothing yet. Its series carry the instance.
func NewProxy(d *Driver, instance string) *Proxy {
	p := &Proxy{driver: d, instance: instance}
	p.Restart()
	return p
}

// Handle counts n requests to a cluster that were answered with the code after the time took.
func (p *Proxy) Handle(name string, n uint64, code int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := cluster(name)
	if p.requests[c] == nil {
		p.requests[c] = map[int]uint64{}
		p.latency[c] = map[float64]uint64{}
	}
	p.requests[c][code] += n
	ms := float64(took) / float64(time.Millisecond)
	for _, le := range bounds() {
		if ms <= le {
			p.latency[c][le] += n
		}
	}
}

// Restart forgets all counts, as a process does that starts again.
func (p *Proxy) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = map[cluster]map[int]uint64{}
	p.latency = map[cluster]map[float64]uint64{}
}

// Scrape stores what the counters show at a time.
func (p *Proxy) Scrape(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range slices.Sorted(maps.Keys(p.requests)) {
		for code, n := range p.requests[c] {
			p.driver.Append(map[string]string{
				"__name__": "envoy_cluster_upstream_rq", "instance": p.instance,
				"envoy_cluster_name": string(c), "envoy_response_code": strconv.Itoa(code),
			}, meter.Point{At: at, Value: float64(n)})
		}
		for _, le := range bounds() {
			p.driver.Append(map[string]string{
				"__name__": "envoy_cluster_upstream_rq_time_bucket", "instance": p.instance,
				"envoy_cluster_name": string(c), "le": formatBound(le),
			}, meter.Point{At: at, Value: float64(p.latency[c][le])})
		}
	}
}

func formatBound(le float64) string {
	if math.IsInf(le, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(le, 'g', -1, 64)
}
