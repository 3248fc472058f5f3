package rollout

import "time"

// Default returns the spec with the documented default for everything that is zero.
func (s Spec) Default() Spec {
	orDuration(&s.ProgressDeadline, 10*time.Minute)
	orDuration(&s.Interval, time.Minute)
	orDuration(&s.Drain, 5*time.Second)
	orDuration(&s.UnavailableLimit, 10*time.Minute)
	orNumber(&s.Threshold, 1)
	orNumber(&s.MaxWeight, Whole)
	orNumber(&s.MirrorWeight, Whole)
	orNumber(&s.PrimaryReady, 100)
	orNumber(&s.CanaryReady, 100)
	return s
}

func orDuration(d *time.Duration, or time.Duration) {
	if *d <= 0 {
		*d = or
	}
}

func orNumber[T ~int | ~int32](n *T, or T) {
	if *n <= 0 {
		*n = or
	}
}
