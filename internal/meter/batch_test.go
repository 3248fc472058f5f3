package meter_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/memmeter"
	"github.com/serin-dev/serin/internal/rollout"
)

// absent marks a scrape in which a series did not occur. No counter can show it.
const absent = -1e300

func start() time.Time { return time.Unix(1_700_000_000, 0) }

// shows stores what one series showed in the scrapes at 0 s, 1 s, … after start.
func shows(d *memmeter.Driver, labels map[string]string, values ...float64) {
	for i, v := range values {
		if v != absent {
			d.Append(labels, meter.Point{At: start().Add(time.Duration(i) * time.Second), Value: v})
		}
	}
}

func requests(instance, version, code string) map[string]string {
	return map[string]string{
		"__name__": "envoy_cluster_upstream_rq", "instance": instance,
		"envoy_cluster_name": "shop/cart-" + version, "envoy_response_code": code,
	}
}

func bucket(instance, version, le string) map[string]string {
	return map[string]string{
		"__name__": "envoy_cluster_upstream_rq_time_bucket", "instance": instance,
		"envoy_cluster_name": "shop/cart-" + version, "le": le,
	}
}

func started(instance string, at time.Time) (map[string]string, float64) {
	return map[string]string{"__name__": "process_start_time_seconds", "instance": instance}, float64(at.Unix())
}

// window is the 10 s after start; the scrape at its very beginning belongs to it.
func window() rollout.Measure {
	return rollout.Measure{ID: "1", From: start(), To: start().Add(10 * time.Second), Weight: 10 * rollout.Percent}
}

func countsMeter(t *testing.T, d meter.Driver) *meter.Meter {
	t.Helper()
	c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "shop", Service: "cart"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(c, nil, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIncrements(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		store  func(d *memmeter.Driver)
		want   uint64
	}{
		"steady": {
			"a counter that grows", func(d *memmeter.Driver) { shows(d, requests("a", "canary", "200"), 100, 130) }, 30,
		},
		"reset": {
			"what a counter shows after a reset was counted since", func(d *memmeter.Driver) { shows(d, requests("a", "canary", "200"), 100, 12) }, 12,
		},
		"several resets": {
			"each is taken by itself", func(d *memmeter.Driver) { shows(d, requests("a", "canary", "200"), 100, 130, 5, 9, 2) }, 30 + 5 + 4 + 2,
		},
		"two pods, one restarted": {
			"differences are per series, never of the sum", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 130)
				shows(d, requests("b", "canary", "200"), 500, 7)
			}, 37,
		},
		"pod gone": {
			"a vanished series adds nothing and takes nothing", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 130)
				shows(d, requests("b", "canary", "200"), 500, absent)
			}, 30,
		},
		"new pod, started inside the window": {
			"all that it shows was counted in the window", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 100, 100)
				shows(d, requests("b", "canary", "200"), absent, absent, 40)
				labels, at := started("b", start().Add(time.Second))
				shows(d, labels, absent, absent, at)
			}, 40,
		},
		"new series, start time unknown": {
			"nobody knows when it was counted", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 100)
				shows(d, requests("b", "canary", "200"), absent, 40)
			}, 0,
		},
		"new series, started earlier": {
			"it was counted before the window", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 100)
				shows(d, requests("b", "canary", "200"), absent, 40)
				labels, at := started("b", start().Add(-time.Hour))
				shows(d, labels, absent, at)
			}, 0,
		},
		"a code that was not seen before": {
			"the proxy had no such series at the last scrape, so it was counted since", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 110, 120)
				shows(d, requests("a", "canary", "404"), absent, 3, 5)
			}, 20 + 5,
		},
		"the canary's first request": {
			"the primary's series show that the proxy was there", func(d *memmeter.Driver) {
				shows(d, requests("a", "primary", "200"), 100, 110, 120)
				shows(d, requests("a", "canary", "200"), absent, 3, 5)
			}, 5,
		},
		"one point": {
			"a window with fewer than two points has no increment", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100)
			}, 0,
		},
		"a gap": {
			"a scrape that failed loses nothing", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, absent, absent, 130)
			}, 30,
		},
		"before the window": {
			"points from before the weight was acknowledged do not count", func(d *memmeter.Driver) {
				d.Append(requests("a", "canary", "200"), meter.Point{At: start().Add(-time.Second), Value: 1})
				shows(d, requests("a", "canary", "200"), 100, 130)
			}, 30,
		},
		"another canary": {
			"only the two versions of this one are counted", func(d *memmeter.Driver) {
				shows(d, requests("a", "canary", "200"), 100, 130)
				shows(d, requests("a", "canary-2", "200"), 100, 900)
			}, 30,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memmeter.New()
			c.store(d)
			e := countsMeter(t, d).Measure(t.Context(), window())
			if e.BatchProblem != nil {
				t.Fatal(e.BatchProblem.Message)
			}
			if have := e.Batch.Canary.Requests; have != c.want {
				t.Errorf("%s: want %d, have %d", c.reason, c.want, have)
			}
		})
	}
}

func TestErrorsAreServerErrors(t *testing.T) {
	t.Parallel()
	d := memmeter.New()
	for code, grows := range map[string]float64{"200": 100, "301": 10, "404": 20, "499": 1, "500": 2, "503": 3, "0": 5} {
		shows(d, requests("a", "canary", code), 1000, 1000+grows)
		shows(d, requests("a", "primary", code), 1000, 1000+2*grows)
	}
	e := countsMeter(t, d).Measure(t.Context(), window())
	want := &analysis.Batch{
		From: window().From, To: window().To,
		Canary:  analysis.Counts{Requests: 141, Errors: 5},
		Primary: analysis.Counts{Requests: 282, Errors: 10},
	}
	if diff := cmp.Diff(want, e.Batch); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

func TestHistograms(t *testing.T) {
	t.Parallel()
	type row struct {
		instance string
		le       string
		values   []float64
	}
	cases := map[string]struct {
		reason string
		rows   []row
		want   []analysis.Bucket
	}{
		"reset as a whole": {
			"if any bucket falls, all new values are increments", []row{
				{"a", "1", []float64{10, 3}}, {"a", "2", []float64{20, 9}}, {"a", "+Inf", []float64{25, 9}},
			}, []analysis.Bucket{{LE: 1, Count: 3}, {LE: 2, Count: 9}, {Count: 9}},
		},
		"a reset that only one bucket shows": {
			"the others grew past their old values since, and are increments too", []row{
				{"a", "1", []float64{10, 3}}, {"a", "2", []float64{20, 30}}, {"a", "+Inf", []float64{25, 40}},
			}, []analysis.Bucket{{LE: 1, Count: 3}, {LE: 2, Count: 30}, {Count: 40}},
		},
		"steady": {
			"differences per bucket, added up over targets", []row{
				{"a", "1", []float64{10, 12}}, {"a", "+Inf", []float64{20, 25}},
				{"b", "1", []float64{0, 4}}, {"b", "+Inf", []float64{0, 4}},
			}, []analysis.Bucket{{LE: 1, Count: 6}, {Count: 9}},
		},
		"different bounds": {
			"cumulative counts can be added where both have a bound", []row{
				{"a", "1", []float64{0, 2}}, {"a", "5", []float64{0, 3}}, {"a", "+Inf", []float64{0, 4}},
				{"b", "5", []float64{0, 7}}, {"b", "+Inf", []float64{0, 9}},
			}, []analysis.Bucket{{LE: 5, Count: 10}, {Count: 13}},
		},
		"bounds change": {
			"a process with other bounds is a new one", []row{
				{"a", "1", []float64{5, absent}}, {"a", "2", []float64{absent, 6}}, {"a", "+Inf", []float64{7, 8}},
			}, []analysis.Bucket{{LE: 2, Count: 6}, {Count: 8}},
		},
		"one point": {"no increment", []row{{"a", "1", []float64{5}}, {"a", "+Inf", []float64{7}}}, nil},
		"the canary's first request": {
			"the proxy was there before", []row{
				{"a", "1", []float64{absent, 5, 6}}, {"a", "+Inf", []float64{absent, 7, 9}},
			}, []analysis.Bucket{{LE: 1, Count: 6}, {Count: 9}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memmeter.New()
			if name != "one point" {
				shows(d, requests("a", "primary", "200"), 0, 0, 0)
			} else {
				shows(d, requests("a", "primary", "200"), 0)
			}
			for _, r := range c.rows {
				shows(d, bucket(r.instance, "canary", r.le), r.values...)
			}
			e := countsMeter(t, d).Measure(t.Context(), window())
			if e.BatchProblem != nil {
				t.Fatal(e.BatchProblem.Message)
			}
			if diff := cmp.Diff(c.want, e.Batch.Canary.Buckets); diff != "" {
				t.Errorf("%s (-want +have):\n%s", c.reason, diff)
			}
		})
	}
}

func TestBatchProblems(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind fault.Kind
		text string
		do   func(d *memmeter.Driver)
		w    rollout.Measure
	}{
		"no series": {fault.NoData, "no request to shop/cart-primary or shop/cart-canary", func(*memmeter.Driver) {}, window()},
		"scraping stopped": {fault.NoData, "the newest sample is 9m59s old; the limit is 1m0s", func(d *memmeter.Driver) {
			shows(d, requests("a", "canary", "200"), 100, 130)
		}, rollout.Measure{From: start(), To: start().Add(10 * time.Minute)}},
		"an empty window": {fault.NoData, "window is empty", func(*memmeter.Driver) {}, rollout.Measure{From: start(), To: start()}},
		"infinite": {fault.Invalid, "not a count", func(d *memmeter.Driver) {
			shows(d, requests("a", "canary", "200"), 100, math.Inf(1))
		}, window()},
		"negative": {fault.Invalid, "not a count", func(d *memmeter.Driver) {
			shows(d, requests("a", "canary", "200"), -1, 3)
		}, window()},
		"a bound that is no number": {fault.Invalid, `bound "many"`, func(d *memmeter.Driver) {
			shows(d, requests("a", "canary", "200"), 1, 3)
			shows(d, bucket("a", "canary", "many"), 1, 3)
		}, window()},
		"refused": {fault.Denied, "no access", func(d *memmeter.Driver) {
			d.Trouble(refuse)
		}, window()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := memmeter.New()
			c.do(d)
			e := countsMeter(t, d).Measure(t.Context(), c.w)
			if e.Batch != nil || e.BatchProblem == nil {
				t.Fatalf("want a problem and no batch, have %+v", e.Batch)
			}
			if e.BatchProblem.Kind != c.kind || !strings.Contains(e.BatchProblem.Message, c.text) {
				t.Errorf("want %s with %q, have %+v", c.kind, c.text, e.BatchProblem)
			}
		})
	}
}

// TestCountsAreExact lets proxies count, restart and be scraped at random and compares with a plain tally.
func TestCountsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := memmeter.New()
		var proxies []*memmeter.Proxy
		for i := range rapid.IntRange(1, 3).Draw(t, "proxies") {
			p := memmeter.NewProxy(d, "proxy:"+strconv.Itoa(i))
			for _, v := range []string{"canary", "primary"} {
				p.Handle("shop/cart-"+v, rapid.Uint64Range(1, 1000).Draw(t, "before"), 200, time.Millisecond)
				p.Handle("shop/cart-"+v, rapid.Uint64Range(1, 1000).Draw(t, "before"), 500, time.Millisecond)
			}
			p.Scrape(start())
			proxies = append(proxies, p)
		}
		tally := map[string]*analysis.Counts{"canary": {}, "primary": {}}
		for second := 1; second <= rapid.IntRange(1, 9).Draw(t, "seconds"); second++ {
			for _, p := range proxies {
				if rapid.IntRange(0, 5).Draw(t, "restart") == 0 {
					// A restarted process shows smaller counts only if it has not caught up, so its reset is visible to a
					// counter when it has counted nothing yet.
					p.Restart()
					for v := range tally {
						p.Handle("shop/cart-"+v, 0, 200, time.Millisecond)
						p.Handle("shop/cart-"+v, 0, 500, time.Millisecond)
					}
					p.Scrape(start().Add(time.Duration(second)*time.Second - 500*time.Millisecond))
				}
				for v, c := range tally {
					good, bad := rapid.Uint64Range(0, 50).Draw(t, "good"), rapid.Uint64Range(0, 5).Draw(t, "bad")
					p.Handle("shop/cart-"+v, good, 200, time.Millisecond)
					p.Handle("shop/cart-"+v, bad, 500, 80*time.Millisecond)
					c.Requests += good + bad
					c.Errors += bad
				}
				p.Scrape(start().Add(time.Duration(second) * time.Second))
			}
		}
		c, err := meter.CountsOf(d, "envoy", meter.Subject{Namespace: "shop", Service: "cart"})
		if err != nil {
			t.Fatal(err)
		}
		m, err := meter.New(c, nil, meter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		e := m.Measure(t.Context(), window())
		if e.BatchProblem != nil {
			t.Fatal(e.BatchProblem.Message)
		}
		for v, have := range map[string]analysis.Counts{"canary": e.Batch.Canary, "primary": e.Batch.Primary} {
			if have.Requests != tally[v].Requests || have.Errors != tally[v].Errors {
				t.Fatalf("%s: want %+v, have %+v", v, *tally[v], have)
			}
			if last := have.Buckets[len(have.Buckets)-1]; last.LE != 0 || last.Count != tally[v].Requests {
				t.Fatalf("%s: want %d in the last bucket, have %+v", v, tally[v].Requests, last)
			}
		}
	})
}
