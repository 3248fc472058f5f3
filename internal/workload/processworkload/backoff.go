package processworkload

import "time"

// Backoff is how long a program that ended waits before it is started again.
type Backoff struct {
	// Min is the first wait; it doubles up to Max. Default 250 ms and 30 s.
	Min, Max time.Duration
	// Reset is how long a program has to run for the next wait to be Min again. Default 30 s.
	Reset time.Duration
}

func (b Backoff) withDefaults() Backoff {
	b.Min = orElse(b.Min, 250*time.Millisecond)
	b.Max = max(orElse(b.Max, 30*time.Second), b.Min)
	b.Reset = orElse(b.Reset, 30*time.Second)
	return b
}

// next returns the wait after last, given how long the program ran.
func (b Backoff) next(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= b.Reset {
		return b.Min
	}
	return min(2*last, b.Max)
}
