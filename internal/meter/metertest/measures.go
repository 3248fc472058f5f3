package metertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/rollout"
)

// measure asks one query through the portable Meter over a window that ends at to.
func measure(ctx context.Context, d meter.Driver, g meter.Gauge, from, to time.Time) (analysis.Gauge, error) {
	g.Name, g.Driver = "g", d
	m, err := meter.New(nil, []meter.Gauge{g}, meter.Options{})
	if err != nil {
		return analysis.Gauge{}, err
	}
	return m.Measure(ctx, rollout.Measure{ID: "1", From: from, To: to}).Gauges["g"], nil
}

func wantProblem(g analysis.Gauge, want fault.Kind) error {
	if g.Problem == nil {
		return fmt.Errorf("want a problem of the kind %s, have the value %v", want, g.Value)
	}
	if g.Problem.Kind != want {
		return fmt.Errorf("want a problem of the kind %s, have %s: %s", want, g.Problem.Kind, g.Problem.Message)
	}
	return nil
}

func oldSample(ctx context.Context, h Harness) error {
	at := now()
	if err := h.Store(gauge("depth", "a", 1, at.Add(-6*time.Minute))); err != nil {
		return err
	}
	g, err := measure(ctx, h.Driver(), meter.Gauge{Text: `depth`}, at.Add(-time.Minute), at)
	if err != nil {
		return err
	}
	return wantProblem(g, fault.NoData)
}

func escaped(ctx context.Context, h Harness) error {
	at := now()
	nasty := []string{`say "hi"`, `back\slash`, "new\nline", `it's`, `"} or depth{app="plain`, `é ✓`}
	for i, app := range append([]string{"plain"}, nasty...) {
		if err := h.Store(gauge("depth", app, float64(i), at)); err != nil {
			return err
		}
	}
	for i, app := range nasty {
		q := meter.Gauge{Text: `depth{app="{{ variables.app }}"}`, Vars: meter.Vars{Variables: map[string]string{"app": app}}}
		g, err := measure(ctx, h.Driver(), q, at.Add(-time.Minute), at)
		if err != nil {
			return err
		}
		if g.Problem != nil {
			return fmt.Errorf("%q: %s", app, g.Problem.Message)
		}
		if g.Value != float64(i+1) {
			return fmt.Errorf("%q: want the value %d, have %v", app, i+1, g.Value)
		}
	}
	return nil
}

func meanings(ctx context.Context, h Harness) error {
	at := now()
	err := h.Store(
		gauge("one", "a", 0, at), gauge("nan", "a", math.NaN(), at), gauge("inf", "a", math.Inf(-1), at),
		gauge("two", "a", 1, at), gauge("two", "b", 1, at))
	if err != nil {
		return err
	}
	problems := map[string]fault.Kind{
		"nothing": fault.NoData, "nan": fault.NoData, "inf": fault.Invalid, "two": fault.Invalid, `one{app="a`: fault.Invalid,
	}
	for text, kind := range problems {
		g, err := measure(ctx, h.Driver(), meter.Gauge{Text: text}, at.Add(-time.Minute), at)
		if err != nil {
			return err
		}
		if err := wantProblem(g, kind); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	g, err := measure(ctx, h.Driver(), meter.Gauge{Text: "one"}, at.Add(-time.Minute), at)
	if err != nil {
		return err
	}
	if g.Problem != nil || g.Value != 0 || g.At.IsZero() {
		return fmt.Errorf("want the value 0 with its time, have %+v", g)
	}
	return nil
}

// counter returns one of Envoy's series that shows values at seconds 1, 2, … after from.
func counter(name, version string, label [2]string, from time.Time, values ...float64) meter.Series {
	s := meter.Series{Labels: map[string]string{
		"__name__": name, "envoy_cluster_name": "shop/cart-" + version, label[0]: label[1], "instance": "proxy:1",
	}}
	for i, v := range values {
		s.Points = append(s.Points, meter.Point{At: from.Add(time.Duration(i+1) * time.Second), Value: v})
	}
	return s
}

func storeCounters(h Harness, from time.Time) error {
	const rq, duration = "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket"
	code := func(c string) [2]string { return [2]string{"envoy_response_code", c} }
	le := func(b string) [2]string { return [2]string{"le", b} }
	return h.Store(
		counter(rq, "primary", code("200"), from, 1000, 1090, 1200),
		counter(rq, "canary", code("200"), from, 50, 60, 5),
		counter(rq, "canary", code("503"), from, 4, 5, 6),
		counter(duration, "primary", le("10"), from, 900, 980, 1080),
		counter(duration, "primary", le("+Inf"), from, 1000, 1090, 1200),
		counter(duration, "canary", le("10"), from, 40, 45, 1),
		counter(duration, "canary", le("+Inf"), from, 54, 65, 7),
	)
}

func countsMeter(d meter.Driver) (*meter.Meter, error) {
	c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "shop", Service: "cart"})
	if err != nil {
		return nil, err
	}
	return meter.New(c, nil, meter.Options{})
}

func counts(ctx context.Context, h Harness) error {
	to := now()
	from := to.Add(-4 * time.Second)
	if err := storeCounters(h, from); err != nil {
		return err
	}
	m, err := countsMeter(h.Driver())
	if err != nil {
		return err
	}
	e := m.Measure(ctx, rollout.Measure{ID: "1", From: from, To: to})
	if e.BatchProblem != nil {
		return errors.New(e.BatchProblem.Message)
	}
	return same(&analysis.Batch{
		From: from, To: to,
		Primary: analysis.Counts{Requests: 200, Buckets: []analysis.Bucket{{LE: 10, Count: 180}, {Count: 200}}},
		Canary:  analysis.Counts{Requests: 10 + 5 + 2, Errors: 2, Buckets: []analysis.Bucket{{LE: 10, Count: 6}, {Count: 18}}},
	}, e.Batch)
}

// recorder notes what is asked, and turns the order of every answer around from the second measurement on.
type recorder struct {
	meter.Driver

	mu      sync.Mutex
	asked   []string
	reverse bool
}

func (r *recorder) Query(ctx context.Context, text string, at time.Time) ([]meter.Series, error) {
	r.mu.Lock()
	r.asked = append(r.asked, text+at.String())
	reverse := r.reverse
	r.mu.Unlock()
	series, err := r.Driver.Query(ctx, text, at)
	if reverse {
		slices.Reverse(series)
	}
	return series, err
}

func sameWindow(ctx context.Context, h Harness) error {
	to := now()
	from := to.Add(-4 * time.Second)
	if err := storeCounters(h, from); err != nil {
		return err
	}
	r := &recorder{Driver: h.Driver()}
	m, err := countsMeter(r)
	if err != nil {
		return err
	}
	w := rollout.Measure{ID: "1", From: from, To: to}
	first := m.Measure(ctx, w)
	half := len(r.asked)
	r.reverse = true
	second := m.Measure(ctx, w)
	if first.Batch == nil {
		return fmt.Errorf("want a batch, have %+v", first.BatchProblem)
	}
	if err := same(first, second); err != nil {
		return fmt.Errorf("the evidence depends on the order of the answer %w", err)
	}
	return same(r.asked[:half], r.asked[half:])
}
