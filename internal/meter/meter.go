// Package meter measures versions: a portable Meter turns counters and queries into evidence and wraps the small
// Driver that each metrics source implements.
package meter

import (
	"context"
	"time"
)

// Driver answers queries of one metrics source. Its methods may be called from several goroutines. Errors carry
// a fault.Kind: Denied for 401 and 403, Invalid for a query that the source refuses, Unavailable (with
// RetryAfter where it was given) for 429, 5xx, time-outs and no connection. No secret occurs in an error.
type Driver interface {
	// Query evaluates text at the time at. No series is an empty answer, not an error. A range selector gives
	// every raw point in its range, ascending.
	Query(ctx context.Context, text string, at time.Time) ([]Series, error)
}

// Series is one series of an answer.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is one value at one time.
type Point struct {
	At    time.Time
	Value float64
}
