package demo

import (
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Release is one new version of the sample app and how Serin must answer to it.
type Release struct {
	// Name says what is special about the release.
	Name string
	App  Variant
	// Expect is how the run must end, and Because the metric that must have decided it (empty for a promotion).
	Expect  rollout.Outcome
	Because string
}

// Variant is what a version of the sample app does.
type Variant struct {
	Version     string
	ErrorRate   float64
	Median, P99 time.Duration
}

// The limits lie well away from what the good versions do, because a busy machine adds its own delays, and close
// enough to the slow one that a handful of its requests show it: 1 in 20 takes longer than maxDuration.
const (
	median  = 120 * time.Millisecond
	p99     = 220 * time.Millisecond
	slowP99 = 3 * p99
	// maxDuration is a bound of the histogram's buckets, where a quantile needs no interpolation.
	maxDuration = 400 * time.Millisecond
	minSuccess  = 99
	errorRate   = 0.05
)

const (
	successMetric  = "request-success-rate"
	durationMetric = "request-duration"
)

// Baseline is the version that serves before the first release.
func Baseline() Variant { return Variant{Version: "v1", Median: median, P99: p99} }

// Releases are the three of the demo.
func Releases() []Release {
	return []Release{
		{
			Name:   "a good release",
			App:    Variant{Version: "v2", Median: median, P99: p99},
			Expect: rollout.OutcomeSucceeded,
		},
		{
			Name:    "5 % of requests fail",
			App:     Variant{Version: "v3", Median: median, P99: p99, ErrorRate: errorRate},
			Expect:  rollout.OutcomeFailed,
			Because: successMetric,
		},
		{
			Name:    "p99 is three times as long",
			App:     Variant{Version: "v4", Median: median, P99: slowP99},
			Expect:  rollout.OutcomeFailed,
			Because: durationMetric,
		},
	}
}
