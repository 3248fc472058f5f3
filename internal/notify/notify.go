// Package notify tells people and machines what happened: a portable Notifier routes events by severity and
// wraps the small Driver that each receiver implements.
package notify

import (
	"context"

	"github.com/serin-dev/serin/internal/rollout"
)

// Message is an event of one canary, ready to be told.
type Message struct {
	Namespace, Name, Target string
	Event                   rollout.Event
}

// Driver delivers one message to one receiver, at least once, always with the event's id. Errors carry a
// fault.Kind: Invalid or Denied for an answer that will not change, Unavailable (with RetryAfter) otherwise.
type Driver interface {
	Send(ctx context.Context, m Message) error
}
