package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Give puts a command into the inbox of a canary. It fills in the UID and the time where they are missing. A UID
// that is there already returns its ticket, so giving a command again after a lost answer does it once.
func (s *Store) Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
	if c.UID == "" {
		c.UID = rand.Text()
	}
	if c.At.IsZero() {
		c.At = s.options.Now().UTC()
	}
	ticket, fresh := record.Ticket{Command: c, Status: record.Open}, false
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		b, err := makeSub(tx, key, commandsBucket)
		if err != nil {
			return err
		}
		if k, known, err := findTicket(b, c.UID); err != nil || k != nil {
			ticket = known
			return err
		}
		fresh = true
		if err := s.makeRoom(b); err != nil {
			return err
		}
		return appendJSON(b, ticket)
	})
	if err != nil {
		return record.Ticket{}, fmt.Errorf("give command %s to %s: %w", c.Verb, key, err)
	}
	if fresh {
		s.changed(key, feed.Change{Kind: feed.CommandGiven})
	}
	return ticket, nil
}

// makeRoom deletes the oldest commands that are over. Open ones are never dropped: the new one is refused.
func (s *Store) makeRoom(b *bbolt.Bucket) error {
	count, over := 0, [][]byte(nil)
	err := eachTicket(b, func(k []byte, t record.Ticket) {
		count++
		if t.Status != record.Open {
			over = append(over, bytes.Clone(k))
		}
	})
	if err != nil {
		return err
	}
	for ; count >= s.options.Commands && len(over) > 0; over = over[1:] {
		if err := b.Delete(over[0]); err != nil {
			return fmt.Errorf("drop the oldest command: %w", err)
		}
		count--
	}
	if count >= s.options.Commands {
		return fault.Errorf(fault.Unavailable, "%d commands wait for this canary already", count)
	}
	return nil
}

// Ticket says what became of a command.
func (s *Store) Ticket(ctx context.Context, key engine.Key, uid string) (record.Ticket, error) {
	var k []byte
	var ticket record.Ticket
	err := s.view(ctx, func(tx *bbolt.Tx) (err error) {
		if b := sub(tx, key, commandsBucket); b != nil {
			k, ticket, err = findTicket(b, uid)
		}
		return err
	})
	if err != nil {
		return record.Ticket{}, fmt.Errorf("read command %s of %s: %w", uid, key, err)
	}
	if k == nil {
		return record.Ticket{}, fault.Errorf(fault.NotFound, "canary %s has no command %q on record", key, uid)
	}
	return ticket, nil
}

// Commands returns the open commands of a canary, oldest first. If they cannot be read there are none for now: the
// failure is logged, and the next pass asks again.
func (s *Store) Commands(key engine.Key) []rollout.Command {
	var open []rollout.Command
	err := s.view(context.Background(), func(tx *bbolt.Tx) error {
		b := sub(tx, key, commandsBucket)
		if b == nil {
			return nil
		}
		return eachTicket(b, func(_ []byte, t record.Ticket) {
			if t.Status == record.Open {
				open = append(open, t.Command)
			}
		})
	})
	if err != nil {
		s.options.Logger.Error("Commands cannot be read", slog.String("canary", key.String()), slog.Any("error", err))
		return nil
	}
	return open
}

// Consumed takes commands out of the inbox. If that fails they are offered again: the state knows them.
func (s *Store) Consumed(key engine.Key, uids []string) {
	if len(uids) == 0 {
		return
	}
	err := s.update(context.Background(), func(tx *bbolt.Tx) error {
		return changeTickets(tx, key, func(t *record.Ticket) bool {
			if t.Status != record.Open || !slices.Contains(uids, t.Command.UID) {
				return false
			}
			t.Status = record.Consumed
			return true
		})
	})
	if err != nil {
		s.options.Logger.Error("Consumed commands stay in the inbox", slog.String("canary", key.String()), slog.Any("error", err))
	}
}

// answerCommand gives a command the answer that an event carries.
func answerCommand(tx *bbolt.Tx, key engine.Key, e rollout.Event) error {
	if e.Type != rollout.CommandTaken && e.Type != rollout.CommandRefused {
		return nil
	}
	return changeTickets(tx, key, func(t *record.Ticket) bool { return t.Take(e) })
}

// changeTickets writes the tickets for which change returns true.
func changeTickets(tx *bbolt.Tx, key engine.Key, change func(*record.Ticket) bool) error {
	b := sub(tx, key, commandsBucket)
	if b == nil {
		return nil
	}
	changed := map[string]record.Ticket{}
	err := eachTicket(b, func(k []byte, t record.Ticket) {
		if change(&t) {
			changed[string(k)] = t
		}
	})
	if err != nil {
		return err
	}
	for k, t := range changed {
		if err := putJSON(b, []byte(k), t); err != nil {
			return err
		}
	}
	return nil
}

func findTicket(b *bbolt.Bucket, uid string) (key []byte, found record.Ticket, err error) {
	err = eachTicket(b, func(k []byte, t record.Ticket) {
		if t.Command.UID == uid {
			key, found = bytes.Clone(k), t
		}
	})
	return key, found, err
}

func eachTicket(b *bbolt.Bucket, fn func([]byte, record.Ticket)) error {
	return b.ForEach(func(k, sealed []byte) error {
		var t record.Ticket
		if err := decode(sealed, &t); err != nil {
			return err
		}
		fn(k, t)
		return nil
	})
}
