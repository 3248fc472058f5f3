// Package memstore keeps states, journal and inbox in memory. It is deterministic, and its faults are chosen by whoever
// runs it: that is how whole releases are tested with a store that fails at every point.
package memstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

var (
	_ engine.Store   = (*Store)(nil)
	_ engine.Journal = (*Store)(nil)
	_ engine.Inbox   = (*Store)(nil)
)

// Op is a call that can be made to fail.
type Op string

// The calls.
const (
	Load   Op = "load"
	Save   Op = "save"
	Delete Op = "delete"
	Append Op = "append"
)

// Fate is what happens to a call.
type Fate int

// The fates.
const (
	// Works means that nothing goes wrong.
	Works Fate = iota
	// Fails means that the call does nothing and returns an error.
	Fails
	// Lost means that the call does its work and its answer gets lost: the caller sees an error.
	Lost
)

// Options adjust a Store. The zero value is the default.
type Options struct {
	// Fate decides what happens to the k-th call of an operation, counted from 1 over all canaries; nil means that
	// everything works. It is called under the store's lock and must not call back.
	Fate func(op Op, k int, key engine.Key) Fate
	// Runs, Events and Commands bound what is kept for each canary. Defaults 10, 500 and 100.
	Runs, Events, Commands int
	// Now is the clock of commands that come without a time; nil means the real one.
	Now func() time.Time
}

// Store is everything in memory. Its methods may be called from several goroutines.
type Store struct {
	mu       sync.Mutex
	options  Options
	calls    map[Op]int
	canaries map[engine.Key]*canary
	brake    *rollout.Intent
	version  uint64
	uid      int
}

// canary is what is kept for one canary. Version 0 means that there is no state.
type canary struct {
	data    []byte
	version uint64
	tickets []record.Ticket
	// runs are oldest first; the one without a name holds what happened outside runs.
	runs []*record.Run
}

// New returns an empty Store.
func New(o Options) *Store {
	o.Runs, o.Events, o.Commands = cmp.Or(o.Runs, 10), cmp.Or(o.Events, 500), cmp.Or(o.Commands, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{options: o, calls: map[Op]int{}, canaries: map[engine.Key]*canary{}}
}

// Load returns the state of a canary and its version, or nil and 0 where there is none.
func (s *Store) Load(ctx context.Context, key engine.Key) (data []byte, version uint64, err error) {
	err = s.do(ctx, Load, key, func() error {
		if c := s.canaries[key]; c != nil && c.version > 0 {
			data, version = bytes.Clone(c.data), c.version
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return data, version, nil
}

// Save writes the state if its version is still the given one, and returns the new version.
func (s *Store) Save(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
	var saved uint64
	err := s.do(ctx, Save, key, func() error {
		c := s.of(key)
		if c.version != version {
			return fault.Errorf(fault.Conflict, "save state of %s: the version is %d, not %d", key, c.version, version)
		}
		// One count for all canaries and for ever: a version never comes back after a deletion.
		s.version++
		saved = s.version
		c.data, c.version = append([]byte{}, data...), saved
		return nil
	})
	if err != nil {
		return 0, err
	}
	return saved, nil
}

// Delete forgets a canary: its state, its commands and its run records.
func (s *Store) Delete(ctx context.Context, key engine.Key) error {
	return s.do(ctx, Delete, key, func() error {
		delete(s.canaries, key)
		return nil
	})
}

// do makes one call with its fate.
func (s *Store) do(ctx context.Context, op Op, key engine.Key, work func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fault.Errorf(fault.Unavailable, "%s of %s: %w", op, key, err)
	}
	s.calls[op]++
	fate := Works
	if s.options.Fate != nil {
		fate = s.options.Fate(op, s.calls[op], key)
	}
	if fate == Fails {
		return fault.Errorf(fault.Unavailable, "%s %d of %s failed, as it was told to", op, s.calls[op], key)
	}
	if err := work(); err != nil {
		return err
	}
	if fate == Lost {
		return fault.Errorf(fault.Unavailable, "the answer to %s %d of %s was lost, as it was told to", op, s.calls[op], key)
	}
	return nil
}

// Calls returns how many calls of an operation there were.
func (s *Store) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// Clone returns a store with the same content and other options: what a restarted process finds.
func (s *Store) Clone(o Options) *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	twin := New(o)
	twin.version, twin.uid = s.version, s.uid
	if s.brake != nil {
		brake := *s.brake
		twin.brake = &brake
	}
	for key, c := range s.canaries {
		t := &canary{data: bytes.Clone(c.data), version: c.version, tickets: slices.Clone(c.tickets)}
		for _, run := range c.runs {
			t.runs = append(t.runs, cloneRun(run))
		}
		twin.canaries[key] = t
	}
	return twin
}

func cloneRun(run *record.Run) *record.Run {
	clone := *run
	clone.Events = slices.Clone(run.Events)
	return &clone
}

// of returns what is kept for a canary and begins to keep it.
func (s *Store) of(key engine.Key) *canary {
	c := s.canaries[key]
	if c == nil {
		c = &canary{}
		s.canaries[key] = c
	}
	return c
}

// Give puts a command into the inbox of a canary; see the file's store for what that means.
func (s *Store) Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return record.Ticket{}, fault.Errorf(fault.Unavailable, "give command to %s: %w", key, err)
	}
	if c.UID == "" {
		s.uid++
		c.UID = fmt.Sprintf("command-%d", s.uid)
	}
	if c.At.IsZero() {
		c.At = s.options.Now().UTC()
	}
	box := s.of(key)
	if t := box.ticket(c.UID); t != nil {
		return *t, nil
	}
	if len(box.tickets) >= s.options.Commands {
		over := slices.IndexFunc(box.tickets, func(t record.Ticket) bool { return t.Status != record.Open })
		if over < 0 {
			return record.Ticket{}, fault.Errorf(fault.Unavailable, "%d commands wait for %s already", len(box.tickets), key)
		}
		box.tickets = slices.Delete(box.tickets, over, over+1)
	}
	t := record.Ticket{Command: c, Status: record.Open}
	box.tickets = append(box.tickets, t)
	return t, nil
}

func (c *canary) ticket(uid string) *record.Ticket {
	for i := range c.tickets {
		if c.tickets[i].Command.UID == uid {
			return &c.tickets[i]
		}
	}
	return nil
}

// Ticket says what became of a command.
func (s *Store) Ticket(_ context.Context, key engine.Key, uid string) (record.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.canaries[key]; c != nil {
		if t := c.ticket(uid); t != nil {
			return *t, nil
		}
	}
	return record.Ticket{}, fault.Errorf(fault.NotFound, "canary %s has no command %q on record", key, uid)
}

// Commands returns the open commands of a canary, oldest first.
func (s *Store) Commands(key engine.Key) []rollout.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []rollout.Command
	if c := s.canaries[key]; c != nil {
		for _, t := range c.tickets {
			if t.Status == record.Open {
				open = append(open, t.Command)
			}
		}
	}
	return open
}

// Consumed takes commands out of the inbox.
func (s *Store) Consumed(key engine.Key, uids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.canaries[key]
	if c == nil {
		return
	}
	for i := range c.tickets {
		if t := &c.tickets[i]; t.Status == record.Open && slices.Contains(uids, t.Command.UID) {
			t.Status = record.Consumed
		}
	}
}

// Brake returns the pause of the whole installation, or nil.
func (s *Store) Brake() *rollout.Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.brake == nil {
		return nil
	}
	brake := *s.brake
	return &brake
}

// SetBrake pauses every canary of the installation, or lets them go on if the intent is nil.
func (s *Store) SetBrake(_ context.Context, intent *rollout.Intent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brake = nil
	if intent != nil {
		brake := *intent
		s.brake = &brake
	}
	return nil
}
