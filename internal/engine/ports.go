// Package engine runs canaries: one pass observes, lets the core decide, saves the state and only then performs
// what was decided. Everything it touches is behind the ports in this file, which both modes implement.
package engine

import (
	"context"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// Key names one canary.
type Key struct{ Namespace, Name string }

// String returns NAMESPACE/NAME.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Canary is one canary as it is wanted now, with the ports that act for it. It is immutable: an edited
// manifest makes a new one.
type Canary struct {
	Key  Key
	Spec rollout.Spec
	// Deleting means that the manifest is gone and the canary has to be released.
	Deleting bool
	// Blocked is why the canary may not act, or empty.
	Blocked string

	Workload Workload
	Router   Router
	Meter    Meter
	Gate     Gate
	Notifier Notifier
}

// Workload observes and changes what runs. Observe puts a failure into the facts instead of returning it.
type Workload interface {
	Observe(ctx context.Context) rollout.Workload
	Pin(ctx context.Context, revision string) error
	Promote(ctx context.Context, p rollout.PromoteTo) error
	// Resize takes a rollout.Scale or a rollout.Floor.
	Resize(ctx context.Context, a rollout.Action) error
	Release(ctx context.Context, revert bool) error
}

// Router observes and changes where requests go.
type Router interface {
	Observe(ctx context.Context) rollout.Traffic
	SetSplit(ctx context.Context, s rollout.Split) error
	// Restore puts back what was there before Serin; revert says that the target serves again.
	Restore(ctx context.Context, revert bool) error
}

// Meter measures. It never fails: what could not be measured is in the evidence.
type Meter interface {
	Measure(ctx context.Context, m rollout.Measure) analysis.Evidence
}

// Gate asks hooks. It never fails: an answer that did not come is a refusal with a message.
type Gate interface {
	Ask(ctx context.Context, a rollout.Ask) rollout.Answer
}

// Notifier tells the outside world about an event: alerts, event hooks, post-rollout hooks. An error means that
// not every receiver has it; the engine calls again with the same event, later, a bounded number of times.
type Notifier interface {
	Notify(ctx context.Context, e rollout.Event) error
}

// Source knows the canaries that are wanted.
type Source interface {
	// Canary returns the canary, or a fault.NotFound error.
	Canary(key Key) (*Canary, error)
	// Keys lists all canaries, those to be released included.
	Keys() []Key
	// Gone is called once a canary has been released and its state deleted.
	Gone(key Key)
}

// Store keeps states. A version is opaque; Save with a version that is not the stored one is a fault.Conflict.
type Store interface {
	// Load returns nil data and version 0 for a key that it does not have.
	Load(ctx context.Context, key Key) (data []byte, version uint64, err error)
	// Save returns the new version. Version 0 means that the key must not exist yet.
	Save(ctx context.Context, key Key, data []byte, version uint64) (uint64, error)
	Delete(ctx context.Context, key Key) error
}

// Journal keeps the events of runs, bounded. Append with an event id that it has already is a no-op.
type Journal interface {
	Append(ctx context.Context, key Key, e rollout.Event) error
}

// Inbox holds the commands of people until the state has consumed them.
type Inbox interface {
	// Commands returns the open commands of a canary, oldest first.
	Commands(key Key) []rollout.Command
	// Consumed drops those of uids.
	Consumed(key Key, uids []string)
	// Brake is the pause of the whole installation, or nil.
	Brake() *rollout.Intent
}
