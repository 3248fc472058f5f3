// Package storetest holds the laws of the engine's Store, Journal and Inbox. Every implementation runs them against
// itself, the one in memory too, so that what the tests of the engine rely on is what a real file does.
package storetest

import (
	"context"
	"testing"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Subject is what the laws look at: the three ports, and what has to be put in from the other side for them.
type Subject interface {
	engine.Store
	engine.Journal
	engine.Inbox
	Desk
	History
}

// Desk is where people hand commands in.
type Desk interface {
	Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error)
	Ticket(ctx context.Context, key engine.Key, uid string) (record.Ticket, error)
	SetBrake(ctx context.Context, intent *rollout.Intent) error
}

// History reads back what the journal was given.
type History interface {
	Runs(ctx context.Context, key engine.Key) ([]record.Run, error)
	Run(ctx context.Context, key engine.Key, name string) (record.Run, error)
	Events(ctx context.Context, key engine.Key, q record.Query) ([]record.Entry, error)
}

// Harness is one store under test with what only its own package knows how to do.
type Harness interface {
	// Subject returns the store as it is open now.
	Subject() Subject
	// Reopen ends the store and opens it again, as a restart does.
	Reopen(ctx context.Context) error
	// Interrupted carries out change, and calls look once for every point at which a crash could have cut it off, each
	// time with the store as it would be found after that crash. It returns look's first error.
	Interrupted(ctx context.Context, change func(Subject) error, look func(Subject) error) error
	// Limits are the bounds that the store was made with.
	Limits() Limits
}

// Limits are the bounds of a store.
type Limits struct{ Runs, Events, Commands int }

// Law is one promise. Check returns how it is broken, or nil.
type Law struct {
	Name  string
	Check func(ctx context.Context, h Harness) error
}

// Laws lists every promise.
func Laws() []Law {
	var all []Law
	for _, family := range [][]Law{storeLaws(), journalLaws(), inboxLaws()} {
		all = append(all, family...)
	}
	return all
}

// Run checks every law, each on a new store.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, law := range Laws() {
		t.Run(law.Name, func(t *testing.T) {
			t.Parallel()
			if err := law.Check(t.Context(), newHarness(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
