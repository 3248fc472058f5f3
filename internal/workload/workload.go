// Package workload runs versions: a portable Workload with deadlines and checks wraps the small Driver that each
// kind of target implements.
package workload

import (
	"context"

	"github.com/serin-dev/serin/internal/rollout"
)

// Driver observes and changes the two versions of one target. Its methods may be called from several
// goroutines and are idempotent. None waits for pods to become ready. Errors carry a fault.Kind.
type Driver interface {
	// Observe reads and never changes.
	Observe(ctx context.Context) (rollout.Workload, error)
	// Pin keeps an immutable snapshot of the target's revision; NotFound if the target is not at it any more.
	Pin(ctx context.Context, revision string) error
	// Promote writes the pinned revision into the primary (and nothing else: never replicas), creating the primary
	// where there is none. The replacement goes on by itself and keeps capacity.
	Promote(ctx context.Context, p rollout.PromoteTo) error
	// Resize carries out a rollout.Scale or a rollout.Floor.
	Resize(ctx context.Context, a rollout.Action) error
	// Release gives the target back. With revert it gets its replicas back and serves, before the primary goes.
	Release(ctx context.Context, revert bool) error
}
