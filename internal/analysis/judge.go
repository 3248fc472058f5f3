package analysis

import (
	"fmt"
	"math"
	"strconv"

	"github.com/serin-dev/serin/internal/fault"
)

// Verdict is what one check means.
type Verdict struct {
	Outcome Outcome
	Results []Result
}

// Judge holds the evidence of one check against the limits of its metrics. A value exactly on a limit passes.
// Without metrics the verdict is Passing.
func Judge(metrics []Metric, e Evidence) Verdict {
	v := Verdict{Outcome: Passing, Results: make([]Result, 0, len(metrics))}
	for i := range metrics {
		r := judgeOne(&metrics[i], &e)
		v.Results = append(v.Results, r)
		v.Outcome = Worse(v.Outcome, r.Outcome)
	}
	return v
}

// Worse returns the one of two outcomes that decides: a failed metric fails a check even where another has no
// answer, and nothing but values passes.
func Worse(a, b Outcome) Outcome {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(o Outcome) int {
	switch o {
	case Passing:
		return 0
	case Empty:
		return 1
	case Unanswered:
		return 2
	case Misconfigured:
		return 3
	case Failing:
		return 4
	default:
		return 3
	}
}

func judgeOne(m *Metric, e *Evidence) Result {
	switch m.Source {
	case SuccessRate, Duration:
		return judgeCounts(m, e)
	case Query:
		return judgeGauge(m, e)
	default:
		return m.without(Misconfigured, "unknown source "+strconv.Quote(string(m.Source)))
	}
}

func judgeCounts(m *Metric, e *Evidence) Result {
	if e.BatchProblem != nil {
		return m.problem(e.BatchProblem)
	}
	if e.Batch == nil || e.Batch.Canary.Requests == 0 {
		return m.without(Empty, "the canary got no requests in this window")
	}
	c := &e.Batch.Canary
	var value float64
	unit := "%"
	if m.Source == SuccessRate {
		if c.Errors > c.Requests {
			return m.without(Misconfigured, fmt.Sprintf("%d errors in %d requests: the counters contradict each other", c.Errors, c.Requests))
		}
		value = 100 * float64(c.Requests-c.Errors) / float64(c.Requests)
	} else {
		q, ok := Quantile(0.99, c.Buckets)
		if !ok {
			return m.without(Empty, "the canary has no latency samples in this window")
		}
		value, unit = q, "ms"
	}
	r := m.hold(value, unit)
	r.Requests = c.Requests
	return r
}

func judgeGauge(m *Metric, e *Evidence) Result {
	g, ok := e.Gauges[m.Name]
	switch {
	case !ok:
		return m.without(Empty, "no sample in this window")
	case g.Problem != nil:
		return m.problem(g.Problem)
	case math.IsNaN(g.Value):
		return m.without(Empty, "the value is not a number")
	case math.IsInf(g.Value, 0):
		return m.without(Misconfigured, "the value is infinite")
	default:
		return m.hold(g.Value, "")
	}
}

// hold compares a finite value with the limits.
func (m *Metric) hold(value float64, unit string) Result {
	r := Result{Metric: m.Name, Outcome: Passing, Value: value, Min: m.Min, Max: m.Max, Unit: unit}
	switch {
	case m.Min != nil && value < *m.Min:
		r.Outcome = Failing
		seen, limit := apart(value, *m.Min, unit)
		r.Message = fmt.Sprintf("%s is below the minimum of %s", seen, limit)
	case m.Max != nil && value > *m.Max:
		r.Outcome = Failing
		seen, limit := apart(value, *m.Max, unit)
		r.Message = fmt.Sprintf("%s is above the maximum of %s", seen, limit)
	default:
		r.Message = number(value, unit) + " is within the limits"
	}
	return r
}

func (m *Metric) problem(p *fault.Problem) Result {
	switch p.Kind {
	case fault.NoData:
		return m.without(Empty, p.Message)
	case fault.Denied, fault.Invalid, fault.Unsupported, fault.NotFound:
		return m.without(Misconfigured, p.Message)
	case fault.Unknown, fault.Unavailable, fault.Conflict:
		return m.without(Unanswered, p.Message)
	default:
		return m.without(Unanswered, p.Message)
	}
}

func (m *Metric) without(o Outcome, message string) Result {
	return Result{Metric: m.Name, Outcome: o, Min: m.Min, Max: m.Max, Message: message}
}

// apart writes two different numbers with as many digits as it takes to see that they differ.
func apart(a, b float64, unit string) (first, second string) {
	first, second = number(a, unit), number(b, unit)
	for digits := 3; first == second && digits < 17; digits++ {
		first, second = withUnit(a, digits, unit), withUnit(b, digits, unit)
	}
	return first, second
}

func number(v float64, unit string) string {
	digits := 2
	if math.Abs(v) >= 1000 {
		digits = 0
	}
	return withUnit(v, digits, unit)
}

func withUnit(v float64, digits int, unit string) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if unit == "ms" {
		return s + " ms"
	}
	return s + unit
}

// Quantile estimates the q-quantile in milliseconds from cumulative buckets, linear inside a bucket, as
// Prometheus' histogram_quantile does. A rank beyond the last finite bound gives that bound. It is false where
// the buckets are empty.
func Quantile(q float64, buckets []Bucket) (float64, bool) {
	if len(buckets) == 0 {
		return 0, false
	}
	total := buckets[len(buckets)-1].Count
	if total == 0 {
		return 0, false
	}
	target := q * float64(total)
	lower, below := 0.0, 0.0
	for _, b := range buckets {
		if b.LE <= 0 || math.IsInf(b.LE, 1) {
			return lower, true
		}
		count := float64(b.Count)
		if count >= target {
			if count <= below {
				return b.LE, true
			}
			return lower + (b.LE-lower)*(target-below)/(count-below), true
		}
		lower, below = b.LE, count
	}
	return lower, true
}
