// Package store keeps what standalone mode must not forget in one file: the states and manifests of canaries, the commands
// of people, the records of runs and a few settings of the installation. Exactly one process has the file open. A file
// that is damaged is refused and left alone: what a canary serves must never be decided from a guess.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
)

var (
	_ engine.Store   = (*Store)(nil)
	_ engine.Journal = (*Store)(nil)
	_ engine.Inbox   = (*Store)(nil)
)

// Options adjust a Store. The zero value is the default.
type Options struct {
	// LockTimeout is how long Open waits for another process to let the file go. Default 3 s.
	LockTimeout time.Duration
	// Runs is how many run records are kept for each canary. Default 10.
	Runs int
	// Events is how many events are kept in each record. Default 500, at least 200: the core delivers again up to
	// 100 events, and those have to be recognised.
	Events int
	// Commands is how many commands, the open ones included, are kept for each canary. Default 100.
	Commands int
	// Feed gets every change; nil means a feed of the store's own.
	Feed *feed.Feed
	// Logger gets the failures that an interface of the engine has no error for; nil means none.
	Logger *slog.Logger
	// Now is the clock; nil means the real one.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.LockTimeout <= 0 {
		o.LockTimeout = 3 * time.Second
	}
	if o.Runs <= 0 {
		o.Runs = 10
	}
	const defaultEvents, leastEvents = 500, 200
	if o.Events <= 0 {
		o.Events = defaultEvents
	}
	o.Events = max(o.Events, leastEvents)
	if o.Commands <= 0 {
		o.Commands = 100
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Feed == nil {
		// A microsecond is shorter than any change takes, so a later daemon begins above every ID of an earlier one.
		o.Feed = feed.New(feed.Options{First: uint64(max(o.Now().UnixMicro(), 1))})
	}
	return o
}

// Store is the open file. Its methods may be called from several goroutines.
type Store struct {
	db      *bbolt.DB
	path    string
	options Options
}

// Feed returns the stream of everything that changes in the store.
func (s *Store) Feed() *feed.Feed { return s.options.Feed }

// Close ends the use of the file and lets the next process have it. It waits for what is being written.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store %s: %w", s.path, err)
	}
	return disown(s.path)
}

// view reads. What fn gets must not be kept after it returns.
func (s *Store) view(ctx context.Context, fn func(*bbolt.Tx) error) error {
	return s.guard(ctx, func() error { return s.db.View(fn) })
}

// update writes all of fn or nothing.
func (s *Store) update(ctx context.Context, fn func(*bbolt.Tx) error) error {
	return s.guard(ctx, func() error { return s.db.Update(fn) })
}

// guard turns every way in which the file can fail into an error with a kind. The database panics when it meets a
// page that makes no sense; one damaged record must not end the daemon that serves all the others.
func (s *Store) guard(ctx context.Context, use func() error) (err error) {
	if err := ctx.Err(); err != nil {
		return fault.Errorf(fault.Unavailable, "use store: %w", err)
	}
	defer func() {
		if r := recover(); r != nil {
			err = damaged(s.path, fmt.Errorf("%v", r))
		}
	}()
	err = use()
	var classified *fault.Error
	if err == nil || errors.As(err, &classified) {
		return err
	}
	return fault.Errorf(fault.Unavailable, "store %s: %w", s.path, err)
}
