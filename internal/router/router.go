// Package router moves traffic: a portable Router with deadlines and checks wraps the small Driver that each
// data plane implements.
package router

import (
	"context"

	"github.com/serin-dev/serin/internal/rollout"
)

// Driver reads and writes where the requests of one canary go. Its methods may be called from several
// goroutines; each returns within 100 ms of its context's end and leaves a valid configuration behind. Errors
// carry a fault.Kind.
type Driver interface {
	// Caps says what the data plane can do. It does not block.
	Caps() rollout.Capabilities
	// Read returns what is written and what the data plane has acknowledged. Exists is false (and the error nil)
	// before the first Write.
	Read(ctx context.Context) (rollout.Traffic, error)
	// Write makes split the wanted one. A second identical Write changes nothing.
	Write(ctx context.Context, split rollout.Split) error
	// Restore takes Serin's part out of the data plane; revert says that the target itself serves from now on.
	Restore(ctx context.Context, revert bool) error
}
