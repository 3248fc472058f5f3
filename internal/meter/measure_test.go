package meter_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/memmeter"
	"github.com/serin-dev/serin/internal/rollout"
)

// The engine's port, which this package must not import.
var _ interface {
	Measure(ctx context.Context, m rollout.Measure) analysis.Evidence
} = (*meter.Meter)(nil)

func refuse(context.Context) error { return fault.Errorf(fault.Denied, "no access") }

func answer(points ...meter.Point) []meter.Series { return []meter.Series{{Points: points}} }

func at(seconds int, value float64) meter.Point {
	return meter.Point{At: start().Add(time.Duration(seconds) * time.Second), Value: value}
}

func TestGauges(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		series []meter.Series
		value  float64
		kind   fault.Kind
		text   string
	}{
		"value":          {"one finite fresh value", answer(at(10, 0.5)), 0.5, "", ""},
		"zero":           {"zero is a value", answer(at(10, 0)), 0, "", ""},
		"at the start":   {"a sample from the very beginning belongs to the window", answer(at(0, 1)), 1, "", ""},
		"empty":          {"no series", nil, 0, fault.NoData, "empty"},
		"no points":      {"a series without points", answer(), 0, fault.NoData, "empty"},
		"NaN":            {"nothing divided by nothing", answer(at(10, math.NaN())), 0, fault.NoData, "not a number"},
		"+Inf":           {"an error of the query", answer(at(10, math.Inf(1))), 0, fault.Invalid, "infinite"},
		"-Inf":           {"an error of the query", answer(at(10, math.Inf(-1))), 0, fault.Invalid, "infinite"},
		"several series": {"never the first or the last", append(answer(at(10, 1)), answer(at(10, 1))...), 0, fault.Invalid, "2 series"},
		"range":          {"a wrong type", answer(at(9, 1), at(10, 1)), 0, fault.Invalid, "range of 2 points"},
		"before":         {"a sample from before the weight was acknowledged", answer(at(-3, 1)), 0, fault.NoData, "3s before the window began"},
		"stale":          {"an old sample, with its age", answer(at(-80, 1)), 0, fault.NoData, "1m30s old"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memmeter.New()
			d.Answer("q", c.series...)
			m, err := meter.New(nil, []meter.Gauge{{Name: "g", Driver: d, Text: "q"}}, meter.Options{})
			if err != nil {
				t.Fatal(err)
			}
			g := m.Measure(t.Context(), window()).Gauges["g"]
			if c.kind == "" {
				if g.Problem != nil || g.Value != c.value || !g.At.Equal(c.series[0].Points[0].At) {
					t.Errorf("%s: want %v, have %+v", c.reason, c.value, g)
				}
				return
			}
			if g.Problem == nil || g.Problem.Kind != c.kind || !strings.Contains(g.Problem.Message, c.text) {
				t.Errorf("%s: want %s with %q, have %+v", c.reason, c.kind, c.text, g)
			}
		})
	}
}

func TestKindsPassOn(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.Denied, fault.Unavailable, fault.Invalid, fault.Unsupported} {
		d := memmeter.New()
		d.Trouble(func(context.Context) error { return fault.Errorf(kind, "because") })
		m, err := meter.New(nil, []meter.Gauge{{Name: "g", Driver: d, Text: "q"}}, meter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g := m.Measure(t.Context(), window()).Gauges["g"]
		if g.Problem == nil || g.Problem.Kind != kind || g.Problem.Message != "because" {
			t.Errorf("want %s, have %+v", kind, g.Problem)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	good := func() *meter.Counts {
		c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "a", Service: "b"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	noDriver, sameNames, incomplete := good(), good(), good()
	noDriver.Driver = nil
	sameNames.Canary = sameNames.Primary
	incomplete.Builtin.Code = ""
	cases := map[string]struct {
		counts *meter.Counts
		gauges []meter.Gauge
		text   string
	}{
		"counts without a source":    {noDriver, nil, "builtin metrics: there is no source"},
		"one name for both versions": {sameNames, nil, "two different names"},
		"an incomplete table entry":  {incomplete, nil, "not described completely"},
		"a query without a source":   {nil, []meter.Gauge{{Name: "g", Text: "q"}}, `metric "g" has no source`},
		"two of one name":            {nil, []meter.Gauge{{Name: "g", Text: "q", Driver: d}, {Name: "g", Text: "r", Driver: d}}, `"g" is there twice`},
		"a template with a mistake":  {good(), []meter.Gauge{{Name: "g", Text: "{{ nam }}", Driver: d}}, `metric "g": unknown variable "nam"`},
	}
	for reason, c := range cases {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			_, err := meter.New(c.counts, c.gauges, meter.Options{})
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.text) {
				t.Errorf("want Invalid with %q, have %v", c.text, err)
			}
		})
	}
	if _, err := meter.CountsOf(d, "pigeon", meter.Subject{}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "envoy") {
		t.Errorf("want the known providers in the error, have %v", err)
	}
	if _, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "a"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("want a canary without a service refused, have %v", err)
	}
}

func TestNothingToMeasure(t *testing.T) {
	t.Parallel()
	m, err := meter.New(nil, nil, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := m.Measure(t.Context(), window())
	if e.Batch != nil || e.BatchProblem != nil || len(e.Gauges) != 0 {
		t.Errorf("want no evidence, have %+v", e)
	}
}

func TestNamesAreQuotedInBuiltinQueries(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	shows(d, requests("a", "canary", "200"), 1, 2)
	c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: `s.op`, Service: `ca"rt`})
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(c, nil, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := m.Measure(t.Context(), window()); e.BatchProblem == nil || e.BatchProblem.Kind != fault.NoData {
		t.Errorf("a dot or a quote in a name must not match another canary, have %+v", e)
	}
}

// TestDeadlineAndBound: hanging queries end at their own deadline, no more than Parallel are open at once, and
// the others keep their answers.
func TestDeadlineAndBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hung, fine := memmeter.New(), memmeter.New()
		var (
			mu         sync.Mutex
			open, most int
		)
		hung.Trouble(func(ctx context.Context) error {
			mu.Lock()
			open++
			most = max(most, open)
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			open--
			mu.Unlock()
			return fault.Errorf(fault.Unavailable, "gave up: %w", ctx.Err())
		})
		fine.Answer("q", answer(at(10, 1))...)
		gauges := []meter.Gauge{{Name: "fine", Driver: fine, Text: "q"}}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			gauges = append(gauges, meter.Gauge{Name: name, Driver: hung, Text: "q"})
		}
		m, err := meter.New(nil, gauges, meter.Options{Timeout: 10 * time.Second, Parallel: 2})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		e := m.Measure(t.Context(), window())
		if took := time.Since(begin); took > 30*time.Second {
			t.Errorf("want five queries, two at a time, to end after 30 s, took %s", took)
		}
		if most != 2 {
			t.Errorf("want two open at once, had %d", most)
		}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			p := e.Gauges[name].Problem
			if p == nil || p.Kind != fault.Unavailable || !strings.Contains(p.Message, "no answer within 10s") {
				t.Errorf("%s: want no answer within 10s, have %+v", name, p)
			}
		}
		if g := e.Gauges["fine"]; g.Problem != nil || g.Value != 1 {
			t.Errorf("want the answered query kept, have %+v", g)
		}
	})
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := memmeter.New()
	m, err := meter.New(nil, []meter.Gauge{{Name: "g", Driver: d, Text: "q"}}, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := m.Measure(ctx, window()).Gauges["g"]
	if g.Problem == nil || g.Problem.Kind != fault.Unavailable {
		t.Errorf("want Unavailable, have %+v", g)
	}
}

func TestEvidenceIsJudged(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	shows(d, requests("a", "canary", "200"), 0, 99)
	shows(d, requests("a", "canary", "500"), 0, 1)
	d.Answer("q", answer(at(10, 5))...)
	c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "shop", Service: "cart"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(c, []meter.Gauge{{Name: "depth", Driver: d, Text: "q"}}, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	limit := 99.0
	low := 4.0
	v := analysis.Judge([]analysis.Metric{
		{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &limit},
		{Name: "depth", Source: analysis.Query, Max: &low},
	}, m.Measure(t.Context(), rollout.Measure{From: window().From, To: window().To}))
	if v.Results[0].Outcome != analysis.Passing || v.Results[1].Outcome != analysis.Failing {
		t.Errorf("want the rate of 99%% on its limit to pass and the depth to fail, have %+v", v)
	}
}
