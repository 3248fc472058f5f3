// Package notify tells people and machines what happened: a portable Notifier routes events by severity and
// wraps the small Driver that each receiver implements.
package notify

import (
	"context"

	"github.com/serin-dev/serin/internal/rollout"
)

// Subject is the canary that events are about.
type Subject struct{ Namespace, Name, Target string }

// Message is an event of one canary, ready to be told.
type Message struct {
	Subject

	Event rollout.Event
}

// Driver delivers one message to one receiver, at least once, always with the event's id. Errors are sentences without
// a secret and carry a fault.Kind: Invalid or Denied for an answer that will not change, Unavailable (with RetryAfter
// where the receiver named a delay) otherwise, which includes the end of ctx.
//
// Send blocks until there is an answer or ctx ends, and may be called from several goroutines. It does not change the
// message. The same message leads to the same body.
type Driver interface {
	Send(ctx context.Context, m Message) error
}
