package prom

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/rollout"
)

// endpoint is a real HTTP endpoint for metrics that tells when it is scraped.
type endpoint struct {
	*httptest.Server

	// scraped receives the number of each scrape as it begins. The points of the scrape before are then stored,
	// because a target has one scrape at a time.
	scraped chan int
}

func newEndpoint(t *testing.T, show func(w http.ResponseWriter, r *http.Request, n int)) *endpoint {
	t.Helper()
	e := &endpoint{scraped: make(chan int, 1000)}
	numbers := make(chan int, 1)
	numbers <- 0
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := <-numbers + 1
		numbers <- n
		select {
		case e.scraped <- n:
		default:
		}
		show(w, r, n)
	}))
	t.Cleanup(e.Close)
	return e
}

// wait returns once the endpoint has been scraped n times with points stored.
func (e *endpoint) wait(t *testing.T, n int) {
	t.Helper()
	for {
		select {
		case have := <-e.scraped:
			if have > n {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("the endpoint is not scraped")
		}
	}
}

// run scrapes until the test ends.
func run(t *testing.T, p *Prometheus, list ...Target) {
	t.Helper()
	if err := p.SetTargets(list); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func values(t *testing.T, p *Prometheus, text string) map[string][]float64 {
	t.Helper()
	found, err := p.Query(t.Context(), text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]float64{}
	for _, s := range found {
		for _, point := range s.Points {
			out[s.Labels["job"]] = append(out[s.Labels["job"]], point.Value)
		}
	}
	return out
}

func TestScrape(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if r.URL.String() != "/stats?format=prometheus" {
			t.Errorf("want the path and the query of the URL, have %s", r.URL)
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE served_total counter\nserved_total{code=\"200\"} %d\n", 10*n)
	})
	p := open(t, t.TempDir(), Options{Interval: 50 * time.Millisecond})
	run(t, p, Target{Job: "shop", URL: e.URL + "/stats?format=prometheus", Labels: map[string]string{"version": "v1"}})
	e.wait(t, 3)
	found, err := p.Query(t.Context(), `served_total[5m]`, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("want one series, have %v", found)
	}
	want := map[string]string{
		"__name__": "served_total", "code": "200", "job": "shop", "version": "v1", "instance": strings.TrimPrefix(e.URL, "http://"),
	}
	if diff := cmp.Diff(want, found[0].Labels); diff != "" {
		t.Errorf("labels (-want +have):\n%s", diff)
	}
	if len(found[0].Points) < 3 {
		t.Errorf("want the points of three scrapes at once, have %d", len(found[0].Points))
	}
	for i, point := range found[0].Points[:3] {
		// A scrape that took longer than the interval on a busy machine leaves a gap and no wrong value.
		if int(point.Value)%10 != 0 || (i > 0 && point.Value <= found[0].Points[i-1].Value) {
			t.Errorf("want each scrape's own value, have %v", found[0].Points)
		}
	}
}

// TestBadTargetsHurtNobodyElse: what a target does wrong costs only its own points.
func TestBadTargetsHurtNobodyElse(t *testing.T) {
	t.Parallel()
	bad := map[string]*endpoint{
		"hangs": newEndpoint(t, func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }),
		"garbage": newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, "<html>{{{ not metrics\x00")
		}),
		"fails": newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusInternalServerError) }),
		"huge": newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			line := strings.Repeat("# nothing to see here\n", 1000)
			for range 100 {
				if _, err := fmt.Fprint(w, line); err != nil {
					return
				}
			}
		}),
		"many samples": newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			for i := range 200 {
				fmt.Fprintf(w, "m{i=\"%d\"} 1\n", i)
			}
		}),
		"redirects": newEndpoint(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}),
	}
	good := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, n int) { fmt.Fprintf(w, "m %d\n", n) })
	p := open(t, t.TempDir(), Options{Interval: 200 * time.Millisecond, SampleLimit: 100, BodyLimit: 1 << 20})
	list := []Target{{Job: "good", URL: good.URL + "/metrics"}}
	for job, e := range bad {
		list = append(list, Target{Job: job, URL: e.URL + "/metrics"})
	}
	run(t, p, list...)
	good.wait(t, 3)
	for job, e := range bad {
		e.wait(t, 1)
		up := values(t, p, `up[5m]`)[job]
		if len(up) == 0 {
			t.Errorf("%s: want it known as not up", job)
		}
		for _, v := range up {
			if v != 0 {
				t.Errorf("%s: want it never up, have %v", job, up)
			}
		}
	}
	have := values(t, p, `m[5m]`)
	if len(have["good"]) == 0 {
		t.Error("the good target has no points")
	}
	delete(have, "good")
	if len(have) != 0 {
		t.Errorf("want nothing stored of the bad targets, have %v", have)
	}
}

func TestTargetsChangeWhileRunning(t *testing.T) {
	t.Parallel()
	show := func(w http.ResponseWriter, _ *http.Request, n int) { fmt.Fprintf(w, "m %d\n", n) }
	a, b := newEndpoint(t, show), newEndpoint(t, show)
	p := open(t, t.TempDir(), Options{Interval: 50 * time.Millisecond})
	run(t, p, Target{Job: "a", URL: a.URL + "/metrics"})
	a.wait(t, 1)
	if err := p.SetTargets([]Target{{Job: "b", URL: b.URL + "/metrics"}}); err != nil {
		t.Fatal(err)
	}
	b.wait(t, 1)
	if have := values(t, p, `m[5m]`); len(have["a"]) == 0 || len(have["b"]) == 0 {
		t.Errorf("want points of both, have %v", have)
	}
	if err := p.SetTargets(nil); err != nil {
		t.Fatal(err)
	}
}

func TestSetTargetsRefuses(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{MaxTargets: 1})
	cases := map[string][]Target{
		"no URL":         {{Job: "a"}},
		"no host":        {{Job: "a", URL: "http:///metrics"}},
		"another scheme": {{Job: "a", URL: "file:///etc"}},
		"no job":         {{URL: "http://127.0.0.1:1/metrics"}},
		"reserved label": {{Job: "a", URL: "http://127.0.0.1:1/metrics", Labels: map[string]string{"__address__": "x"}}},
		"job as a label": {{Job: "a", URL: "http://127.0.0.1:1/metrics", Labels: map[string]string{"job": "x"}}},
		"a bad label":    {{Job: "a", URL: "http://127.0.0.1:1/metrics", Labels: map[string]string{"a-b": "x"}}},
		"too many":       {{Job: "a", URL: "http://127.0.0.1:1/metrics"}, {Job: "b", URL: "http://127.0.0.1:2/metrics"}},
	}
	for reason, list := range cases {
		if err := p.SetTargets(list); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: want Invalid, have %v", reason, err)
		}
	}
}

// TestCountsOfARealScrape measures a canary from end to end: a proxy's page, scraped, asked and differenced.
func TestCountsOfARealScrape(t *testing.T) {
	t.Parallel()
	const last = 5
	// The window ends between two scrapes: one that is on its way could otherwise come between the two queries.
	end := make(chan time.Time, 1)
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		// The canary's first error comes with the third scrape.
		for version, grows := range map[string]int{"primary": 90, "canary": 10} {
			fmt.Fprintf(w, "envoy_cluster_upstream_rq{envoy_cluster_name=\"shop/cart-%s\",envoy_response_code=\"200\"} %d\n", version, grows*n)
			for le, share := range map[string]int{"5": 5, "+Inf": 10} {
				fmt.Fprintf(w, "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"shop/cart-%s\",le=%q} %d\n", version, le, grows*n*share/10)
			}
		}
		if n >= 3 {
			fmt.Fprintf(w, "envoy_cluster_upstream_rq{envoy_cluster_name=\"shop/cart-canary\",envoy_response_code=\"503\"} %d\n", n-2)
		}
		if n == last {
			end <- time.Now()
		}
	})
	from := time.Now()
	p := open(t, t.TempDir(), Options{Interval: 200 * time.Millisecond})
	run(t, p, Target{Job: "proxy", URL: e.URL + "/metrics"})
	e.wait(t, last)

	c, err := meter.CountsOf(p, "envoy", meter.Subject{Namespace: "shop", Service: "cart"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(c, []meter.Gauge{{
		Name: "errors", Driver: p, Text: `sum(envoy_cluster_upstream_rq{envoy_cluster_name="{{ namespace }}/{{ service }}-canary",envoy_response_code="503"})`,
		Vars: meter.Vars{Subject: meter.Subject{Namespace: "shop", Service: "cart"}},
	}}, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ev := m.Measure(t.Context(), rollout.Measure{From: from, To: <-end})
	if ev.BatchProblem != nil {
		t.Fatal(ev.BatchProblem.Message)
	}
	errorsSeen := ev.Batch.Canary.Errors
	good := ev.Batch.Canary.Requests - errorsSeen
	if errorsSeen < 2 || good%10 != 0 || ev.Batch.Primary.Requests != 9*good {
		t.Errorf("want what the page showed, have %+v", ev.Batch)
	}
	if diff := cmp.Diff([]analysis.Bucket{{LE: 5, Count: good / 2}, {Count: good}}, ev.Batch.Canary.Buckets); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	if g := ev.Gauges["errors"]; g.Problem != nil || uint64(g.Value) != last-2 {
		t.Errorf("want the template's value, have %+v", g)
	}
}
