package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi/client"
	"github.com/serin-dev/serin/internal/rollout"
)

// The exit codes. They are part of what users rely on: "serin help exit-codes" explains them.
const (
	// Done means that what was asked for happened.
	Done = 0
	// Failure means that something went wrong that has no code of its own.
	Failure = 1
	// Usage means that the command line makes no sense.
	Usage = 2
	// RolledBack means that Serin took the release back: a metric, a hook, a deadline.
	RolledBack = 3
	// Aborted means that a person, or a hook that speaks for one, took the release back.
	Aborted = 4
	// TimedOut means that the time was over before it happened.
	TimedOut = 5
	// NotFound means that there is no canary, run or log of that name.
	NotFound = 6
	// Refused means that the daemon understood the command and did not obey.
	Refused = 7
	// Unreachable means that no daemon answers.
	Unreachable = 8
)

// exitError is an error that knows its exit code. One without an error has been told already.
type exitError struct {
	code int
	err  error
}

// Error returns what is shown to the user, or nothing if that was done already.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns the reason.
func (e *exitError) Unwrap() error { return e.err }

func exitf(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

func usagef(format string, args ...any) error { return exitf(Usage, format, args...) }

// codeOf returns the exit code of an error.
func codeOf(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return Done
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, client.ErrUnreachable):
		return Unreachable
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case fault.KindOf(err) == fault.NotFound:
		return NotFound
	default:
		return Failure
	}
}

// codeOfOutcome returns the exit code for a run that ended in a way that nobody waited for.
func codeOfOutcome(o rollout.Outcome) int {
	switch o {
	case rollout.OutcomeSucceeded:
		return Done
	case rollout.OutcomeFailed:
		return RolledBack
	case rollout.OutcomeAborted:
		return Aborted
	case rollout.OutcomeSuperseded, rollout.OutcomeReverted:
		return Failure
	default:
		return Failure
	}
}
