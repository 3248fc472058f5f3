package meter

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// batch counts the requests of both versions in a window: it asks for raw counters and takes differences per
// series itself, because rate() and increase() extrapolate to numbers that nobody counted.
func (m *Meter) batch(ctx context.Context, w rollout.Measure) (*analysis.Batch, error) {
	window := w.To.Sub(w.From)
	if window <= 0 {
		return nil, fault.Errorf(fault.NoData, "the window is empty")
	}
	c := m.counts
	answer, err := m.ask(ctx, c.Driver, c.rangeQuery(window), w.To)
	if err != nil {
		return nil, err
	}
	requests, latency := c.split(within(answer, w))
	if len(requests) == 0 {
		return nil, fault.Errorf(fault.NoData, "no request to %s or %s was counted in this window (%s)", c.Primary, c.Canary, c.Builtin.Requests)
	}
	if err := m.fresh(newest(requests), w); err != nil {
		return nil, err
	}
	if err := countable(requests, latency); err != nil {
		return nil, err
	}
	births, err := m.births(ctx, w, requests, latency)
	if err != nil {
		return nil, err
	}
	b := &analysis.Batch{From: w.From, To: w.To}
	if b.Canary, err = c.side(c.Canary, births, requests, latency); err != nil {
		return nil, err
	}
	if b.Primary, err = c.side(c.Primary, births, requests, latency); err != nil {
		return nil, err
	}
	return b, nil
}

// split takes the counters and the histograms of an answer apart.
func (c *Counts) split(answer []Series) (requests, latency []Series) {
	for _, s := range answer {
		switch s.Labels["__name__"] {
		case c.Builtin.Requests:
			requests = append(requests, s)
		case c.Builtin.Latency:
			latency = append(latency, s)
		}
	}
	return requests, latency
}

// side adds up the counts of one version.
func (c *Counts) side(version string, births births, requests, latency []Series) (analysis.Counts, error) {
	var counts analysis.Counts
	for _, s := range requests {
		if s.Labels[c.Builtin.Version] != version {
			continue
		}
		n := increment(s.Points, births.inside(c.target(s), s.Points[0].At))
		counts.Requests += n
		if code := s.Labels[c.Builtin.Code]; len(code) == 3 && code[0] == '5' {
			counts.Errors += n
		}
	}
	h, err := c.histograms(version, births, latency)
	counts.Buckets = h
	return counts, err
}

// target identifies the process that counted a series: every label but those that only say what was counted.
func (c *Counts) target(s Series) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		switch name {
		case "__name__", "le", c.Builtin.Code, c.Builtin.Version:
			continue
		}
		b.WriteString(name + "\x00" + s.Labels[name] + "\x00")
	}
	return b.String()
}

// increment is how much a counter grew over its points. A counter that falls was reset, and what it shows then
// was counted since. Where the series was born inside the window, its first value was counted in it too.
func increment(points []Point, born bool) uint64 {
	var n uint64
	for i, p := range points {
		cur := uint64(math.Round(p.Value))
		if i == 0 {
			if born {
				n = cur
			}
			continue
		}
		prev := uint64(math.Round(points[i-1].Value))
		if cur >= prev {
			n += cur - prev
		} else {
			n += cur
		}
	}
	return n
}

// within keeps the points of the window and drops series that have none. It orders points and series, so that
// the order of an answer never matters.
func within(series []Series, w rollout.Measure) []Series {
	// Sources keep milliseconds; the beginning must not lose the point that lies on it.
	from := w.From.Truncate(time.Millisecond)
	var kept []Series
	for _, s := range series {
		var points []Point
		for _, p := range s.Points {
			if !p.At.Before(from) && !p.At.After(w.To) {
				points = append(points, p)
			}
		}
		if len(points) == 0 {
			continue
		}
		slices.SortStableFunc(points, func(a, b Point) int { return a.At.Compare(b.At) })
		kept = append(kept, Series{Labels: s.Labels, Points: points})
	}
	return kept
}

func newest(series []Series) time.Time {
	var at time.Time
	for _, s := range series {
		if last := s.Points[len(s.Points)-1].At; last.After(at) {
			at = last
		}
	}
	return at
}

// countable refuses points that no counter of requests can have.
func countable(answers ...[]Series) error {
	// Above 2^53 a float no longer holds every integer, and differences would be wrong.
	const exact = 1 << 53
	for _, series := range answers {
		for _, s := range series {
			for _, p := range s.Points {
				if math.IsNaN(p.Value) || p.Value < 0 || p.Value > exact {
					return fault.Errorf(fault.Invalid, "%s shows %v, which is not a count", s.Labels["__name__"], p.Value)
				}
			}
		}
	}
	return nil
}
