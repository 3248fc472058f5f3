package memmeter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/memmeter"
	"github.com/serin-dev/serin/internal/meter/metertest"
	"github.com/serin-dev/serin/internal/rollout"
)

type harness struct{ driver *memmeter.Driver }

func (h harness) Driver() meter.Driver { return h.driver }
func (h harness) Caps() metertest.Caps { return metertest.Caps{Ranges: true, Remote: true} }
func (h harness) Secrets() []string    { return []string{"swordfish"} }

func (h harness) Store(series ...meter.Series) error {
	for _, s := range series {
		h.driver.Append(s.Labels, s.Points...)
	}
	return nil
}

func (h harness) Disturb(t metertest.Trouble) { h.driver.Trouble(metertest.Simulate(t)) }

func TestConformance(t *testing.T) {
	t.Parallel()
	metertest.Run(t, func(*testing.T) metertest.Harness { return harness{memmeter.New()} })
}

func TestQueryRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"no selector":         `1 + 1`,
		"a function":          `sum(depth)`,
		"an operator":         `depth > 1`,
		"an unknown matcher":  `depth{app!="a"}`,
		"no string":           `depth{app=a}`,
		"an open string":      `depth{app="a`,
		"a bad pattern":       `depth{app=~"("}`,
		"a range without end": `depth[5s`,
		"an empty range":      `depth[0s]`,
		"a bad range":         `depth[soon]`,
	}
	for reason, text := range cases {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			_, err := memmeter.New().Query(t.Context(), text, time.Now())
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: want Invalid, have %v", text, err)
			}
		})
	}
}

func TestAnswersAndQuestions(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	at := time.Unix(1000, 0)
	want := []meter.Series{{Points: []meter.Point{{At: at, Value: 3}}}}
	d.Answer(`sum(rate(x[1m]))`, want...)
	have, err := d.Query(t.Context(), `sum(rate(x[1m]))`, at)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	if diff := cmp.Diff([]memmeter.Question{{Text: `sum(rate(x[1m]))`, At: at}}, d.Asked()); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	d.Trouble(func(context.Context) error { return errors.New("no") })
	if _, err := d.Query(t.Context(), `sum(rate(x[1m]))`, at); err == nil {
		t.Error("want the trouble's error")
	}
}

func TestProxyModelIsMeasured(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	p := memmeter.NewProxy(d, "proxy:1")
	start := time.Unix(1_700_000_000, 0)
	p.Handle("shop/cart-primary", 500, 200, 3*time.Millisecond)
	p.Scrape(start.Add(time.Second))
	p.Handle("shop/cart-primary", 90, 200, 3*time.Millisecond)
	p.Handle("shop/cart-canary", 9, 200, 30*time.Millisecond)
	p.Handle("shop/cart-canary", 1, 500, 700*time.Millisecond)
	p.Scrape(start.Add(2 * time.Second))
	p.Restart()
	p.Handle("shop/cart-canary", 4, 200, 30*time.Millisecond)
	p.Scrape(start.Add(3 * time.Second))

	c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "shop", Service: "cart"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(c, nil, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := m.Measure(t.Context(), rollout.Measure{From: start, To: start.Add(3500 * time.Millisecond)})
	if e.BatchProblem != nil {
		t.Fatal(e.BatchProblem.Message)
	}
	if e.Batch.Primary.Requests != 90 || e.Batch.Canary.Requests != 14 || e.Batch.Canary.Errors != 1 {
		t.Errorf("want 90 requests of the primary, 14 of the canary and 1 error, have %+v", e.Batch)
	}
	if p99, ok := analysis.Quantile(0.99, e.Batch.Canary.Buckets); !ok || p99 <= 500 || p99 > 1000 {
		t.Errorf("want the P99 in the bucket of the slow request, have %v", p99)
	}
}
