package proxy

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// bucketBounds returns the upper bounds of the buckets in milliseconds: Envoy's, with further ones between 1 and
// 1000, since percentiles are interpolated within a bucket.
func bucketBounds() [bucketCount - 1]float64 {
	return [...]float64{
		0.5, 1, 2.5, 5, 7.5, 10, 15, 25, 35, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2500, 5000,
		10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
	}
}

// bucketCount includes the one without an upper bound.
const bucketCount = 31

// clusters are the counters of both sides of one service. They live as long as the service is in the table.
type clusters struct{ primary, canary cluster }

func newClusters(key table.Key) *clusters {
	c := &clusters{}
	c.primary.name, c.canary.name = key.Cluster(rollout.PrimarySide), key.Cluster(rollout.CanarySide)
	return c
}

// cluster counts the requests of one side, each once and as what the client saw. It takes no lock.
type cluster struct {
	name    string
	active  atomic.Int64
	retries atomic.Uint64
	// codes are made class by class: few of them are ever used.
	codes   [maxStatus / 100]atomic.Pointer[codeClass]
	buckets [bucketCount]atomic.Uint64
	micros  atomic.Uint64
}

type codeClass [100]atomic.Uint64

const maxStatus = 1000

func (c *cluster) count(status int) {
	if status < 0 || status >= maxStatus {
		return
	}
	slot := &c.codes[status/100]
	class := slot.Load()
	if class == nil {
		slot.CompareAndSwap(nil, new(codeClass))
		class = slot.Load()
	}
	class[status%100].Add(1)
}

// time adds to the histogram.
func (c *cluster) time(d time.Duration) {
	d = max(d, 0)
	c.micros.Add(uint64(d.Microseconds())) //nolint:gosec // G115: it is not negative.
	c.buckets[bucketOf(float64(d)/float64(time.Millisecond))].Add(1)
}

// bucketOf returns the first bucket whose bound is not below the time.
func bucketOf(ms float64) int {
	bounds := bucketBounds()
	low, high := 0, len(bounds)
	for low < high {
		if middle := (low + high) / 2; bounds[middle] < ms {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// counted is what a cluster has counted until now.
type counted struct {
	name     string
	active   int64
	retries  uint64
	codes    [maxStatus]uint64
	buckets  [bucketCount]uint64
	total    uint64
	sumMilli float64
}

// read fills in what was counted, and says whether that is anything.
func (c *cluster) read(into *counted) bool {
	*into = counted{
		name: c.name, active: c.active.Load(), retries: c.retries.Load(),
		sumMilli: math.Round(float64(c.micros.Load())) / 1000,
	}
	used := into.active > 0 || into.retries > 0
	for i := range c.codes {
		class := c.codes[i].Load()
		if class == nil {
			continue
		}
		used = true
		for j := range class {
			into.codes[100*i+j] = class[j].Load()
		}
	}
	for i := range c.buckets {
		into.total += c.buckets[i].Load()
		into.buckets[i] = into.total
	}
	return used
}
