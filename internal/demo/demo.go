// Package demo shows what Serin does: it brings up a sample app behind a daemon, sends requests at a constant rate,
// makes three releases by editing a manifest, and checks that each ended as it must without losing a request.
//
// Run is the story from start to end; Judge decides what counts as success.
package demo

import (
	"context"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// Daemon is Serin as the demo uses it: the same standalone daemon that `serin up` starts.
type Daemon interface {
	// Start brings up what dir describes, watches it for changes, and returns once the canary is Initialized. It
	// returns early when ctx ends; what it started lives until Stop.
	Start(ctx context.Context, dir, canary string) (Address, error)
	// RunEnded waits for the end of the first run that began after the run named after; an empty after means the
	// first run of all.
	RunEnded(ctx context.Context, canary, after string) (Ended, error)
	// Progress says where the canary stands now. It does not block; it returns the zero Progress for a canary
	// that is not there.
	Progress(canary string) Progress
	// Stop ends everything that Start started, and waits for it.
	Stop(ctx context.Context) error
}

// Address is how requests reach a service.
type Address struct {
	URL string
	// Host is the Host header that selects the service; empty means that of URL.
	Host string
}

// Ended is how a run ended.
type Ended struct {
	Run     string
	Outcome rollout.Outcome
	Reason  string
	Message string
	// Failing names the metrics that were outside their limits in the deciding check.
	Failing []string
}

// Progress is what one live line shows.
type Progress struct {
	Phase        rollout.Phase
	Stage        rollout.Stage
	Run          string
	Wanted       rollout.Weight
	Acknowledged rollout.Weight
	// Step counts from 1 to Steps; 0 is before the first.
	Step, Steps             int
	FailedChecks, Threshold int
	Results                 []analysis.Result
	// Wait is what the canary waits for, in a sentence.
	Wait string
}

// Options change the demo. The zero value is the demo that `make demo` runs.
type Options struct {
	// Rate is the load in requests per second. Default 200.
	Rate int
	// Interval is the length of an analysis step. Default 2 s, at least 1 s.
	Interval time.Duration
	// Limit is how long one release may take before the demo gives up on it. Default 5 min. It is far above what a
	// release takes, so that a slow machine does not decide the outcome.
	Limit time.Duration
	// Terminal redraws one live line instead of printing a line per change.
	Terminal bool
	// Keep leaves everything running, under load, after the table, until the context ends.
	Keep bool
	// Blind takes the metrics out of the analysis. The demo must then fail: that is how its own test knows that it
	// can.
	Blind bool
	// Releases are made one after the other. Default: Releases().
	Releases []Release
}

func (o Options) withDefaults() Options {
	if o.Rate == 0 {
		o.Rate = 200
	}
	if o.Interval == 0 {
		o.Interval = 2 * time.Second
	}
	if o.Limit == 0 {
		o.Limit = 5 * time.Minute
	}
	if o.Releases == nil {
		o.Releases = Releases()
	}
	return o
}
