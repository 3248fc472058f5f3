package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Runs returns the headers of the runs of a canary, newest first.
func (s *Store) Runs(ctx context.Context, key engine.Key) ([]record.Run, error) {
	var found []record.Run
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		return eachRun(tx, key, func(run record.Run, _ *bbolt.Bucket) error {
			if run.Name != "" {
				found = append(found, run)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read runs of %s: %w", key, err)
	}
	slices.Reverse(found)
	return found, nil
}

// Run returns the record of one run with its events.
func (s *Store) Run(ctx context.Context, key engine.Key, name string) (record.Run, error) {
	var found *record.Run
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		return eachRun(tx, key, func(run record.Run, events *bbolt.Bucket) error {
			if run.Name != name || name == "" {
				return nil
			}
			found = &run
			return eachEvent(events, func(e rollout.Event) { found.Events = append(found.Events, e) })
		})
	})
	if err != nil {
		return record.Run{}, fmt.Errorf("read run %s of %s: %w", name, key, err)
	}
	if found == nil {
		return record.Run{}, fault.Errorf(fault.NotFound, "canary %s has no run %q on record", key, name)
	}
	return *found, nil
}

// Events returns the events of one canary, or of all if key is zero, oldest first.
func (s *Store) Events(ctx context.Context, key engine.Key, q record.Query) ([]record.Entry, error) {
	var found []record.Entry
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		return eachKey(tx, key, func(key engine.Key) error {
			return eachRun(tx, key, func(_ record.Run, events *bbolt.Bucket) error {
				return eachEvent(events, func(e rollout.Event) {
					found = append(found, record.Entry{Namespace: key.Namespace, Name: key.Name, Event: e})
				})
			})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return q.Select(found), nil
}

// eachKey calls fn with key, or with every canary that the store knows if key is zero.
func eachKey(tx *bbolt.Tx, key engine.Key, fn func(engine.Key) error) error {
	if key != (engine.Key{}) {
		return fn(key)
	}
	return tx.Bucket([]byte(canariesBucket)).ForEachBucket(func(k []byte) error {
		namespace, name, _ := strings.Cut(string(k), "/")
		return fn(engine.Key{Namespace: namespace, Name: name})
	})
}

func eachRun(tx *bbolt.Tx, key engine.Key, fn func(record.Run, *bbolt.Bucket) error) error {
	runs := sub(tx, key, runsBucket)
	if runs == nil {
		return nil
	}
	return runs.ForEachBucket(func(k []byte) error {
		var run record.Run
		b := runs.Bucket(k)
		if _, err := getJSON(b, []byte(headerKey), &run); err != nil {
			return err
		}
		return fn(run, b.Bucket([]byte(eventsBucket)))
	})
}

func eachEvent(events *bbolt.Bucket, fn func(rollout.Event)) error {
	return events.ForEach(func(_, sealed []byte) error {
		var e rollout.Event
		if err := decode(sealed, &e); err != nil {
			return err
		}
		fn(e)
		return nil
	})
}
