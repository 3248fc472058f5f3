package engine

import (
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// maxRetryAfter bounds the delay that another side can ask for.
const maxRetryAfter = 10 * time.Minute

// backoff returns how long to wait after the failures-th failure in a row. A first conflict is tried again at
// once, since the next pass reads anew; what does not pass by itself is tried slowly.
func (e *Engine) backoff(kind fault.Kind, failures int, retryAfter time.Duration) time.Duration {
	pace := &e.opts.Pace
	first, longest := pace.Retry, pace.RetryMax
	switch kind {
	case fault.Conflict:
		failures--
		if failures <= 0 {
			return 0
		}
	case fault.Denied, fault.Invalid, fault.Unsupported:
		first, longest = pace.Slow, pace.SlowMax
	case fault.Unknown, fault.NotFound, fault.Unavailable, fault.NoData:
	}
	delay := first
	for i := 1; i < failures && delay < longest; i++ {
		delay *= 2
	}
	delay = min(delay, longest)
	// Half of the delay is fixed, half is spread.
	delay = delay/2 + time.Duration(e.opts.Jitter()*float64(delay/2))
	return max(delay, min(retryAfter, maxRetryAfter))
}

// earliest returns the earlier time that is not zero.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
