package analysis_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
)

// rate is evidence of a canary with so many requests and errors.
func rate(requests, errors uint64) analysis.Evidence {
	return analysis.Evidence{Batch: &analysis.Batch{Canary: analysis.Counts{Requests: requests, Errors: errors}}}
}

// gauge is evidence of one query.
func gauge(g analysis.Gauge) analysis.Evidence {
	return analysis.Evidence{Gauges: map[string]analysis.Gauge{"m": g}}
}

func problem(k fault.Kind) *fault.Problem {
	return &fault.Problem{Kind: k, Message: "it is " + string(k)}
}

// TestWhatAnAnswerMeans has every line of the page about it.
func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	success := analysis.Metric{Name: "m", Source: analysis.SuccessRate, Min: new(99.0)}
	duration := analysis.Metric{Name: "m", Source: analysis.Duration, Max: new(500.0)}
	query := analysis.Metric{Name: "m", Source: analysis.Query, Min: new(1.0), Max: new(5.0)}
	slow := func(le float64) analysis.Evidence {
		e := rate(100, 0)
		e.Batch.Canary.Buckets = []analysis.Bucket{{LE: le, Count: 100}, {LE: 0, Count: 100}}
		return e
	}
	cases := map[string]struct {
		metric   analysis.Metric
		evidence analysis.Evidence
		want     analysis.Outcome
		message  string
	}{
		"rate within":             {success, rate(1000, 9), analysis.Passing, "99.10% is within the limits"},
		"rate on the limit":       {success, rate(1000, 10), analysis.Passing, "99.00% is within the limits"},
		"rate below":              {success, rate(1000, 11), analysis.Failing, "98.90% is below the minimum of 99.00%"},
		"no requests":             {success, rate(0, 0), analysis.Empty, "the canary got no requests in this window"},
		"no counts":               {success, analysis.Evidence{}, analysis.Empty, "the canary got no requests in this window"},
		"more errors than all":    {success, rate(10, 11), analysis.Misconfigured, "11 errors in 10 requests: the counters contradict each other"},
		"counts unavailable":      {success, analysis.Evidence{BatchProblem: problem(fault.Unavailable)}, analysis.Unanswered, "it is Unavailable"},
		"counts refused":          {success, analysis.Evidence{BatchProblem: problem(fault.Denied)}, analysis.Misconfigured, "it is Denied"},
		"fast":                    {duration, slow(100), analysis.Passing, "99.00 ms is within the limits"},
		"slow":                    {duration, slow(2000), analysis.Failing, "1980 ms is above the maximum of 500.00 ms"},
		"requests without a time": {duration, rate(10, 0), analysis.Empty, "the canary has no latency samples in this window"},
		"within":                  {query, gauge(analysis.Gauge{Value: 3}), analysis.Passing, "3.00 is within the limits"},
		"exactly the minimum":     {query, gauge(analysis.Gauge{Value: 1}), analysis.Passing, "1.00 is within the limits"},
		"exactly the maximum":     {query, gauge(analysis.Gauge{Value: 5}), analysis.Passing, "5.00 is within the limits"},
		"just above":              {query, gauge(analysis.Gauge{Value: math.Nextafter(5, 6)}), analysis.Failing, "5.000000000000001 is above the maximum of 5.000000000000000"},
		"just below":              {query, gauge(analysis.Gauge{Value: math.Nextafter(1, 0)}), analysis.Failing, "0.9999999999999999 is below the minimum of 1.0000000000000000"},
		"no sample":               {query, analysis.Evidence{}, analysis.Empty, "no sample in this window"},
		"empty":                   {query, gauge(analysis.Gauge{Problem: problem(fault.NoData)}), analysis.Empty, "it is NoData"},
		"NaN":                     {query, gauge(analysis.Gauge{Value: math.NaN()}), analysis.Empty, "the value is not a number"},
		"+Inf":                    {query, gauge(analysis.Gauge{Value: math.Inf(1)}), analysis.Misconfigured, "the value is infinite"},
		"-Inf":                    {query, gauge(analysis.Gauge{Value: math.Inf(-1)}), analysis.Misconfigured, "the value is infinite"},
		"several series":          {query, gauge(analysis.Gauge{Problem: problem(fault.Invalid)}), analysis.Misconfigured, "it is Invalid"},
		"unreachable":             {query, gauge(analysis.Gauge{Problem: problem(fault.Unavailable)}), analysis.Unanswered, "it is Unavailable"},
		"unclassified":            {query, gauge(analysis.Gauge{Problem: problem(fault.Unknown)}), analysis.Unanswered, "it is "},
		"unheard kind":            {query, gauge(analysis.Gauge{Problem: problem("Odd")}), analysis.Unanswered, "it is Odd"},
		"conflict":                {query, gauge(analysis.Gauge{Problem: problem(fault.Conflict)}), analysis.Unanswered, "it is Conflict"},
		"forbidden":               {query, gauge(analysis.Gauge{Problem: problem(fault.Denied)}), analysis.Misconfigured, "it is Denied"},
		"unsupported":             {query, gauge(analysis.Gauge{Problem: problem(fault.Unsupported)}), analysis.Misconfigured, "it is Unsupported"},
		"no such thing":           {query, gauge(analysis.Gauge{Problem: problem(fault.NotFound)}), analysis.Misconfigured, "it is NotFound"},
		"without limits":          {analysis.Metric{Name: "m", Source: analysis.Query}, gauge(analysis.Gauge{Value: -7}), analysis.Passing, "-7.00 is within the limits"},
		"unknown source":          {analysis.Metric{Name: "m", Source: "guess"}, rate(1, 0), analysis.Misconfigured, `unknown source "guess"`},
	}
	for name, c := range cases {
		v := analysis.Judge([]analysis.Metric{c.metric}, c.evidence)
		if v.Outcome != c.want || len(v.Results) != 1 || v.Results[0].Outcome != c.want || v.Results[0].Message != c.message {
			t.Errorf("%s: got %+v, want %s: %q", name, v, c.want, c.message)
		}
	}
}

func TestEvidenceFromBeforeIsNone(t *testing.T) {
	t.Parallel()
	acked := time.Date(2026, 1, 1, 12, 0, 0, 1_500_000, time.UTC)
	at := func(d time.Duration) analysis.Evidence {
		e := rate(10, 0)
		e.Batch.From = acked.Add(d)
		e.Gauges = map[string]analysis.Gauge{"m": {Value: 1, At: acked.Add(d)}}
		return e
	}
	metrics := []analysis.Metric{{Name: "rate", Source: analysis.SuccessRate}, {Name: "m", Source: analysis.Query}}
	for d, want := range map[time.Duration]analysis.Outcome{
		0: analysis.Passing, time.Second: analysis.Passing,
		// Sources keep milliseconds.
		-400 * time.Microsecond: analysis.Passing,
		-time.Millisecond:       analysis.Empty, -time.Hour: analysis.Empty,
	} {
		e := at(d)
		v := analysis.Judge(metrics, e.Since(acked))
		if v.Outcome != want || v.Results[0].Outcome != want || v.Results[1].Outcome != want {
			t.Errorf("%s from the acknowledgement: got %+v, want %s", d, v, want)
		}
		if diff := cmp.Diff(at(d), e); diff != "" {
			t.Errorf("the evidence was changed (-want +got):\n%s", diff)
		}
	}
}

// TestTheWorstMetricDecides: nothing but values passes, and a bad value fails whatever else is missing.
func TestTheWorstMetricDecides(t *testing.T) {
	t.Parallel()
	order := []analysis.Outcome{analysis.Passing, analysis.Empty, analysis.Unanswered, analysis.Misconfigured, analysis.Failing}
	for i, a := range order {
		for j, b := range order {
			if got, want := analysis.Worse(a, b), order[max(i, j)]; got != want {
				t.Errorf("of %s and %s decides %s, want %s", a, b, got, want)
			}
		}
	}
	if got := analysis.Worse(analysis.Passing, "unheard"); got != "unheard" {
		t.Errorf("an outcome that nobody knows was taken for %s", got)
	}
	if v := analysis.Judge(nil, analysis.Evidence{}); v.Outcome != analysis.Passing || len(v.Results) != 0 {
		t.Errorf("without metrics: %+v", v)
	}
}

// buckets draws a cumulative histogram that ends with the bucket without a bound.
func buckets(r *rapid.T) []analysis.Bucket {
	var made []analysis.Bucket
	le, count := 0.0, uint64(0)
	for range rapid.IntRange(0, 8).Draw(r, "buckets") {
		le += rapid.Float64Range(0.1, 1000).Draw(r, "width")
		count += rapid.Uint64Range(0, 1000).Draw(r, "count")
		made = append(made, analysis.Bucket{LE: le, Count: count})
	}
	return append(made, analysis.Bucket{Count: count + rapid.Uint64Range(0, 100).Draw(r, "beyond")})
}

func TestQuantilesKeepTheirLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		h := buckets(r)
		low, high := rapid.Float64Range(0, 1).Draw(r, "q"), rapid.Float64Range(0, 1).Draw(r, "p")
		low, high = min(low, high), max(low, high)
		a, ok := analysis.Quantile(low, h)
		b, _ := analysis.Quantile(high, h)
		total, last := h[len(h)-1].Count, 0.0
		if len(h) > 1 {
			last = h[len(h)-2].LE
		}
		switch {
		case ok != (total > 0):
			r.Fatalf("%d samples, and a quantile: %t", total, ok)
		case !ok:
		case a > b+1e-9:
			r.Fatalf("the %g-quantile %g is above the %g-quantile %g", low, a, high, b)
		case a < 0 || b > last+1e-9 || math.IsNaN(a) || math.IsNaN(b):
			r.Fatalf("%g and %g are not within 0 and %g", a, b, last)
		}
		scaled := make([]analysis.Bucket, len(h))
		for i, bucket := range h {
			scaled[i] = analysis.Bucket{LE: bucket.LE, Count: 3 * bucket.Count}
		}
		if c, _ := analysis.Quantile(low, scaled); math.Abs(a-c) > 1e-6*(1+a) {
			r.Fatalf("three times the traffic moved the quantile from %g to %g", a, c)
		}
	})
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	h := []analysis.Bucket{{LE: 100, Count: 50}, {LE: 200, Count: 100}, {LE: math.Inf(1), Count: 100}}
	for q, want := range map[float64]float64{0: 0, 0.25: 50, 0.5: 100, 0.75: 150, 1: 200} {
		if got, ok := analysis.Quantile(q, h); !ok || got != want {
			t.Errorf("the %g-quantile is %g (%t), want %g", q, got, ok, want)
		}
	}
	beyond := []analysis.Bucket{{LE: 100, Count: 1}, {Count: 100}}
	if got, ok := analysis.Quantile(0.99, beyond); !ok || got != 100 {
		t.Errorf("beyond the last bound: %g (%t), want the bound", got, ok)
	}
	if _, ok := analysis.Quantile(0.99, nil); ok {
		t.Error("no buckets have a quantile")
	}
	if _, ok := analysis.Quantile(0.99, []analysis.Bucket{{LE: 1}, {}}); ok {
		t.Error("empty buckets have a quantile")
	}
}
