package metertest

import (
	"context"
	"errors"

	"github.com/serin-dev/serin/internal/fault"
)

// Simulate returns what a well-behaved driver would make of a trouble, for sources that have no network of
// their own to disturb. It returns nil for Calm.
func Simulate(t Trouble) func(context.Context) error {
	var err error
	switch t {
	case Calm:
		return nil
	case Unauthorized, Forbidden:
		err = fault.Errorf(fault.Denied, "the source refused access")
	case Overloaded:
		err = &fault.Error{Kind: fault.Unavailable, RetryAfter: RetryAfter, Err: errors.New("the source is overloaded")}
	case Failing, Down, Garbage:
		err = fault.Errorf(fault.Unavailable, "the source gave no usable answer")
	case Huge, Redirecting:
		err = fault.Errorf(fault.Invalid, "the source's answer cannot be accepted")
	case Hanging:
		return func(ctx context.Context) error {
			<-ctx.Done()
			return fault.Errorf(fault.Unavailable, "the source did not answer: %w", ctx.Err())
		}
	}
	return func(context.Context) error { return err }
}
