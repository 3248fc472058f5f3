package sim

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/rollout"
)

const (
	// perProxy is how many requests a second each proxy gets, testers what test tools send to a ready canary.
	perProxy, testers = 50.0, 5.0
	// gaugeText is the query of the canary's metric that is not made of counts.
	gaugeText = "cart_queue_length"
)

// counters is how many requests each side has answered: well, with errors.
type counters struct{ primary, canary, primaryBad, canaryBad float64 }

// flow is the traffic as a function of time: counters that grow evenly between two marks.
type flow struct {
	marks []mark
}

type mark struct {
	counters

	at   time.Time
	rate counters
}

func (c counters) plus(r counters, d time.Duration) counters {
	s := d.Seconds()
	return counters{c.primary + r.primary*s, c.canary + r.canary*s, c.primaryBad + r.primaryBad*s, c.canaryBad + r.canaryBad*s}
}

// at returns the counters at a time.
func (f *flow) at(t time.Time) counters {
	i, _ := slices.BinarySearchFunc(f.marks, t, func(m mark, t time.Time) int { return m.at.Compare(t) })
	if i == 0 {
		return counters{}
	}
	m := &f.marks[i-1]
	return m.plus(m.rate, t.Sub(m.at))
}

// reflow computes anew how fast the counters grow. The caller holds mu.
func (w *World) reflow() {
	now := w.time.Now()
	pods := w.target.Pods()
	up := upOf(pods)
	var r counters
	revisions := map[rollout.SideName]string{}
	for i := range pods {
		if pods[i].Ready && !pods[i].Ending {
			revisions[pods[i].Side] = pods[i].Revision
		}
	}
	for i := range w.plane.proxies {
		x := &w.plane.proxies[i]
		users, _ := x.share(rollout.PrimarySide, up)
		r.primary += perProxy * users
		users, _ = x.share(rollout.CanarySide, up)
		r.canary += perProxy * (users + float64(x.split.Mirror)/float64(rollout.Whole))
	}
	if up[rollout.CanarySide] > 0 {
		r.canary += testers
	}
	r.primaryBad = r.primary * w.scenario.Errors[revisions[rollout.PrimarySide]]
	r.canaryBad = r.canary * w.scenario.Errors[revisions[rollout.CanarySide]]
	w.flow.marks = append(w.flow.marks, mark{at: now, counters: w.flow.at(now), rate: r})
}

// answer is what the metrics source says to a query at a time of the wall clock. The caller holds mu.
func (w *World) answer(text string, at time.Time, active []*Fault) ([]meter.Series, error) {
	kind := Kind("")
	for _, f := range active {
		kind = f.Kind
	}
	if text == gaugeText {
		return gauge(at, kind), nil
	}
	window, err := windowOf(text)
	if err != nil {
		return nil, err
	}
	if kind == Empty || kind == Stale || strings.HasPrefix(text, "process_start") {
		return nil, nil
	}
	series := w.series(at, window)
	for i := range series {
		switch kind {
		case NaN:
			series[i].Points[0].Value = math.NaN()
		case Inf:
			series[i].Points[0].Value = math.Inf(1)
		case NegInf:
			series[i].Points[0].Value = math.Inf(-1)
		default:
		}
	}
	return series, nil
}

// gauge is the answer to the query of the gauge.
func gauge(at time.Time, kind Kind) []meter.Series {
	one := meter.Series{Points: []meter.Point{{At: at, Value: 3}}}
	switch kind {
	case Empty:
		return nil
	case NaN:
		one.Points[0].Value = math.NaN()
	case Inf:
		one.Points[0].Value = math.Inf(1)
	case NegInf:
		one.Points[0].Value = math.Inf(-1)
	case Stale:
		one.Points[0].At = at.Add(-7 * time.Minute)
	case Two:
		return []meter.Series{one, {Labels: map[string]string{"pod": "b"}, Points: []meter.Point{{At: at, Value: 1}}}}
	default:
	}
	return []meter.Series{one}
}

var windows = regexp.MustCompile(`\[(\d+)ms\]$`)

func windowOf(text string) (time.Duration, error) {
	m := windows.FindStringSubmatch(text)
	if m == nil {
		return 0, fault.Errorf(fault.Invalid, "the query %q has no range", text)
	}
	d, err := time.ParseDuration(m[1] + "ms")
	if err != nil {
		return 0, fault.Errorf(fault.Invalid, "the range of %q: %w", text, err)
	}
	return d, nil
}

// mostPoints bounds what an answer shows of one series.
const mostPoints = 120

// series is what a scrape a second shows of both sides over a window, in the words of the data plane.
func (w *World) series(at time.Time, window time.Duration) []meter.Series {
	var times []time.Time
	for t := at; t.After(at.Add(-window)) && len(times) < mostPoints; t = t.Add(-time.Second) {
		times = append(times, t)
	}
	slices.Reverse(times)
	skew := w.clock.offset()
	var all []meter.Series
	for _, side := range []rollout.SideName{rollout.PrimarySide, rollout.CanarySide} {
		cluster := fmt.Sprintf("%s/%s-%s", w.key.Namespace, w.key.Name, side)
		good, bad := meter.Series{Labels: labels("envoy_cluster_upstream_rq", cluster, "envoy_response_code", "200")},
			meter.Series{Labels: labels("envoy_cluster_upstream_rq", cluster, "envoy_response_code", "503")}
		bucket := meter.Series{Labels: labels("envoy_cluster_upstream_rq_time_bucket", cluster, "le", "100")}
		last := meter.Series{Labels: labels("envoy_cluster_upstream_rq_time_bucket", cluster, "le", "+Inf")}
		for _, t := range times {
			c := w.flow.at(t.Add(-skew))
			total, errors := c.primary, c.primaryBad
			if side == rollout.CanarySide {
				total, errors = c.canary, c.canaryBad
			}
			good.Points = append(good.Points, meter.Point{At: t, Value: math.Floor(total - errors)})
			bad.Points = append(bad.Points, meter.Point{At: t, Value: math.Floor(errors)})
			bucket.Points = append(bucket.Points, meter.Point{At: t, Value: math.Floor(total)})
			last.Points = append(last.Points, meter.Point{At: t, Value: math.Floor(total)})
		}
		all = append(all, good, bad, bucket, last)
	}
	return all
}

func labels(name, cluster, key, value string) map[string]string {
	return map[string]string{"__name__": name, "envoy_cluster_name": cluster, "instance": "proxy:9090", key: value}
}
