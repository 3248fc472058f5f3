// Package fault gives every failure that crosses a border of Serin a kind, so that decisions depend on what
// a failure means and never on its text.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what a failure means to whoever has to decide what happens next.
type Kind string

// The kinds, from "look elsewhere" to "ask later".
const (
	// Unknown is the kind of an error that nobody classified; it is treated like Unavailable.
	Unknown Kind = ""
	// NotFound means that the thing does not exist.
	NotFound Kind = "NotFound"
	// Conflict means that somebody else changed the thing first: read again and recompute.
	Conflict Kind = "Conflict"
	// Denied means that we are not allowed; trying again does not help.
	Denied Kind = "Denied"
	// Invalid means that the request itself is wrong; trying again does not help.
	Invalid Kind = "Invalid"
	// Unavailable means that there was no usable answer; trying again may help.
	Unavailable Kind = "Unavailable"
	// Unsupported means that this driver can never do it; nothing was written.
	Unsupported Kind = "Unsupported"
	// NoData means that the answer came and was empty.
	NoData Kind = "NoData"
)

// Error is a failure with its kind. The zero RetryAfter means that the other side named no delay.
type Error struct {
	Kind       Kind
	RetryAfter time.Duration
	Err        error
}

// Error returns the text of the wrapped error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of the kind; the format may wrap another error with %w.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost classified error in err's chain. Errors of an ended context are
// Unavailable; nil and unclassified errors are Unknown.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable
	default:
		return Unknown
	}
}

// RetryAfter returns the delay that the other side asked for, or 0.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// Problem is a failure as a fact: what an observation carries instead of an error.
type Problem struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
}

// ProblemOf turns an error into a fact. It returns nil for nil.
func ProblemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	kind := KindOf(err)
	if kind == Unknown {
		kind = Unavailable
	}
	return &Problem{Kind: kind, Message: err.Error()}
}
