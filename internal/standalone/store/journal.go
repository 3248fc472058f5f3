package store

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Append adds an event to the record of its run, and the answer to a command that it carries to the command. An
// event that is there already changes nothing. Events outside any run have a record of their own without a name.
func (s *Store) Append(ctx context.Context, key engine.Key, e rollout.Event) error {
	if e.ID == "" {
		return fault.Errorf(fault.Invalid, "append event of %s: it has no id", key)
	}
	fresh := false
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		seen, err := makeSub(tx, key, seenBucket)
		if err != nil {
			return err
		}
		if seen.Get([]byte(e.ID)) != nil {
			return nil
		}
		fresh = true
		if err := seen.Put([]byte(e.ID), seal(nil)); err != nil {
			return fmt.Errorf("note event %s: %w", e.ID, err)
		}
		if err := s.appendToRun(tx, key, e, seen); err != nil {
			return err
		}
		return answerCommand(tx, key, e)
	})
	if err != nil {
		return fmt.Errorf("append event %s of %s: %w", e.ID, key, err)
	}
	if fresh {
		s.changed(key, feed.Change{Kind: feed.EventAppended, Event: &e})
	}
	return nil
}

func (s *Store) appendToRun(tx *bbolt.Tx, key engine.Key, e rollout.Event, seen *bbolt.Bucket) error {
	runs, err := makeSub(tx, key, runsBucket)
	if err != nil {
		return err
	}
	at, run, err := findRun(runs, e.Run)
	if err != nil {
		return err
	}
	if at == nil {
		if at, err = addRun(runs); err != nil {
			return err
		}
	}
	b, err := runs.CreateBucketIfNotExists(at)
	if err != nil {
		return fmt.Errorf("open record of run %q: %w", e.Run, err)
	}
	events, err := b.CreateBucketIfNotExists([]byte(eventsBucket))
	if err != nil {
		return fmt.Errorf("open events of run %q: %w", e.Run, err)
	}
	if err := appendJSON(events, e); err != nil {
		return err
	}
	run.Take(e)
	dropped, err := dropEvents(events, s.options.Events, seen)
	if err != nil {
		return err
	}
	run.Lost += dropped
	if err := putJSON(b, []byte(headerKey), run); err != nil {
		return err
	}
	return dropRuns(runs, s.options.Runs, seen)
}

// findRun returns the key and the header of a run, or nil where it has no record yet. There are only a few.
func findRun(runs *bbolt.Bucket, name string) ([]byte, record.Run, error) {
	c := runs.Cursor()
	for k, _ := c.Last(); k != nil; k, _ = c.Prev() {
		var run record.Run
		if _, err := getJSON(runs.Bucket(k), []byte(headerKey), &run); err != nil {
			return nil, record.Run{}, fmt.Errorf("read record of a run: %w", err)
		}
		if run.Name == name {
			return bytes.Clone(k), run, nil
		}
	}
	return nil, record.Run{}, nil
}

func addRun(runs *bbolt.Bucket) ([]byte, error) {
	n, err := runs.NextSequence()
	if err != nil {
		return nil, fmt.Errorf("number run: %w", err)
	}
	return number(n), nil
}

// dropEvents deletes the oldest events above the limit and says how many.
func dropEvents(events *bbolt.Bucket, limit int, seen *bbolt.Bucket) (int, error) {
	over := -limit
	c := events.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		over++
	}
	dropped := 0
	for ; dropped < over; dropped++ {
		k, sealed := events.Cursor().First()
		if err := forgetEvent(seen, sealed); err != nil {
			return dropped, err
		}
		if err := events.Delete(k); err != nil {
			return dropped, fmt.Errorf("drop the oldest event: %w", err)
		}
	}
	return dropped, nil
}

// forgetEvent lets the ID of a dropped event go, so that the ids are bounded like the events.
func forgetEvent(seen *bbolt.Bucket, sealed []byte) error {
	var e rollout.Event
	if err := decode(sealed, &e); err != nil {
		return err
	}
	return seen.Delete([]byte(e.ID))
}

// dropRuns deletes the oldest records above the limit. The record of what happened outside runs does not count.
func dropRuns(runs *bbolt.Bucket, limit int, seen *bbolt.Bucket) error {
	var named [][]byte
	c := runs.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		var run record.Run
		if _, err := getJSON(runs.Bucket(k), []byte(headerKey), &run); err != nil {
			return fmt.Errorf("read record of a run: %w", err)
		}
		if run.Name != "" {
			named = append(named, bytes.Clone(k))
		}
	}
	for ; len(named) > limit; named = named[1:] {
		err := runs.Bucket(named[0]).Bucket([]byte(eventsBucket)).ForEach(func(_, sealed []byte) error {
			return forgetEvent(seen, sealed)
		})
		if err != nil {
			return err
		}
		if err := runs.DeleteBucket(named[0]); err != nil {
			return fmt.Errorf("drop the oldest run: %w", err)
		}
	}
	return nil
}
