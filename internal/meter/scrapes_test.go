package meter_test

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/memmeter"
)

// busy is a source that stores one more scrape as soon as it has answered a question.
type busy struct {
	*memmeter.Driver

	scrape func()
}

func (b busy) Query(ctx context.Context, text string, at time.Time) ([]meter.Series, error) {
	series, err := b.Driver.Query(ctx, text, at)
	b.scrape()
	return series, err
}

// TestCountersAndHistogramsAreOfTheSameScrapes: otherwise the latencies are of other requests than those counted.
func TestCountersAndHistogramsAreOfTheSameScrapes(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	proxy := memmeter.NewProxy(d, "proxy:1")
	second := 0
	scrape := func() {
		for _, v := range []string{"primary", "canary"} {
			proxy.Handle("shop/cart-"+v, 10, 200, time.Millisecond)
		}
		proxy.Scrape(start().Add(time.Duration(second) * time.Second))
		second++
	}
	for range 4 {
		scrape()
	}
	e := countsMeter(t, busy{d, scrape}).Measure(t.Context(), window())
	if e.BatchProblem != nil {
		t.Fatal(e.BatchProblem.Message)
	}
	c := e.Batch.Canary
	if last := c.Buckets[len(c.Buckets)-1]; c.Requests != 30 || last.Count != c.Requests {
		t.Errorf("counted %d requests and the latencies of %d, want 30 of both", c.Requests, last.Count)
	}
}
