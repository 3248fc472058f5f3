// Package analysis turns what was measured into a verdict. It is pure: the same evidence gives the same
// verdict, whenever and wherever it is computed.
package analysis

import (
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// Evidence is everything that one check measured: the counts of both versions over one window at one weight,
// and one sample for each metric that is not made of counts.
type Evidence struct {
	// Batch is nil when no metric needed counts or when reading them failed (then BatchProblem says why).
	Batch        *Batch         `json:"batch,omitempty"`
	BatchProblem *fault.Problem `json:"batchProblem,omitempty"`
	// Gauges hold the answers to templates and inline queries, keyed by the metric's name.
	Gauges map[string]Gauge `json:"gauges,omitempty"`
}

// Since returns the evidence without what was sampled before a time: a sample from before the weight was acknowledged
// says nothing about that weight.
func (e Evidence) Since(t time.Time) Evidence {
	// Sources keep times in milliseconds.
	t = t.Truncate(time.Millisecond)
	if e.Batch != nil && e.Batch.From.Before(t) {
		e.Batch = nil
		e.BatchProblem = stale()
	}
	gauges := make(map[string]Gauge, len(e.Gauges))
	for name, g := range e.Gauges {
		if g.Problem == nil && g.At.Before(t) {
			g = Gauge{At: g.At, Problem: stale()}
		}
		gauges[name] = g
	}
	e.Gauges = gauges
	return e
}

func stale() *fault.Problem {
	return &fault.Problem{Kind: fault.NoData, Message: "the newest sample is from before the weight was acknowledged"}
}

// Batch holds the client-visible requests of both versions in one window at one weight. Counts are
// differences of raw counters, taken per series, so a restart of a process never makes them negative.
type Batch struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Canary  Counts    `json:"canary"`
	Primary Counts    `json:"primary"`
}

// Counts are the requests of one version.
type Counts struct {
	// Requests counts answered requests; Errors those of them that were answered with 5xx or not at all.
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
	// Buckets are cumulative, ascending, and end with the bucket whose bound is +Inf (LE = 0 stands for it).
	Buckets []Bucket `json:"buckets,omitempty"`
}

// Bucket counts the requests that took LE milliseconds or less. LE = 0 means without a bound.
type Bucket struct {
	LE    float64 `json:"le"`
	Count uint64  `json:"count"`
}

// Gauge is one value of one metric, or the reason why there is none.
type Gauge struct {
	Value float64   `json:"value"`
	At    time.Time `json:"at"`
	// Problem is set instead of Value. Its kind is NoData for an empty answer and NaN; Invalid for ±Inf, several
	// series or a wrong type; Denied for a refused query; Unavailable for no usable answer.
	Problem *fault.Problem `json:"problem,omitempty"`
}

// Metric is a value that every check looks at, with its limits.
type Metric struct {
	Name   string `json:"name"`
	Source Source `json:"source"`
	// Min and Max are inclusive limits; nil means none.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

// Source says where a metric's value comes from.
type Source string

// The sources.
const (
	// SuccessRate is the percentage of the canary's requests that are not errors.
	SuccessRate Source = "success-rate"
	// Duration is the canary's 99th percentile in milliseconds.
	Duration Source = "duration"
	// Query is a gauge: a template or an inline query.
	Query Source = "query"
)

// Outcome says what a check or one of its metrics means.
type Outcome string

// The outcomes; where several metrics differ, the first of Failing, Misconfigured, Unanswered, Empty, Passing
// that any of them has is the check's.
const (
	Passing       Outcome = "pass"
	Failing       Outcome = "failed"
	Empty         Outcome = "no-data"
	Unanswered    Outcome = "unavailable"
	Misconfigured Outcome = "error"
)

// Result is what one metric said in one check.
type Result struct {
	Metric  string  `json:"metric"`
	Outcome Outcome `json:"outcome"`
	// Value is meaningful when Outcome is Passing or Failing.
	Value float64  `json:"value"`
	Min   *float64 `json:"min,omitempty"`
	Max   *float64 `json:"max,omitempty"`
	// Unit is what Value counts: "%", "ms" or nothing.
	Unit string `json:"unit,omitempty"`
	// Requests are the canary's requests behind the value, where it is made of counts.
	Requests uint64 `json:"requests,omitempty"`
	// Message says in a sentence what was seen.
	Message string `json:"message"`
}
