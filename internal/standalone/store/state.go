package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
)

// versionSize is the length of the version before each state's data.
const versionSize = 8

// maxState bounds one state. The core's are a few kilobytes.
const maxState = 1 << 20

// Load returns the state of a canary and its version, or nil and 0 where there is none.
func (s *Store) Load(ctx context.Context, key engine.Key) (data []byte, version uint64, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		var stored []byte
		stored, version, err = readState(tx, key)
		if stored != nil {
			data = append(make([]byte, 0, len(stored)), stored...)
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("load state of %s: %w", key, err)
	}
	return data, version, nil
}

// readState returns bytes that belong to the transaction.
func readState(tx *bbolt.Tx, key engine.Key) ([]byte, uint64, error) {
	b := canary(tx, key)
	if b == nil {
		return nil, 0, nil
	}
	sealed := b.Get([]byte(stateKey))
	if sealed == nil {
		return nil, 0, nil
	}
	record, err := unseal(sealed)
	if err != nil {
		return nil, 0, fault.Errorf(fault.Invalid, "state of %s is damaged: %w", key, err)
	}
	if len(record) < versionSize {
		return nil, 0, fault.Errorf(fault.Invalid, "state of %s is damaged: it is too short", key)
	}
	return record[versionSize:], binary.BigEndian.Uint64(record), nil
}

// Save writes the state if its version is still the given one, and returns the new version. When Save has returned,
// the state survives a crash of the process and of the machine.
func (s *Store) Save(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
	if len(data) > maxState {
		return 0, fault.Errorf(fault.Invalid, "save state of %s: %d bytes are more than the limit of %d", key, len(data), maxState)
	}
	var saved uint64
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		_, stored, err := readState(tx, key)
		if err != nil {
			return err
		}
		if stored != version {
			return fault.Errorf(fault.Conflict, "the version is %d, not %d", stored, version)
		}
		saved, err = writeState(tx, key, data)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("save state of %s: %w", key, err)
	}
	s.changed(key, feed.Change{Kind: feed.StateSaved})
	return saved, nil
}

func writeState(tx *bbolt.Tx, key engine.Key, data []byte) (uint64, error) {
	all := tx.Bucket([]byte(canariesBucket))
	b, err := all.CreateBucketIfNotExists([]byte(key.String()))
	if err != nil {
		return 0, fmt.Errorf("create bucket: %w", err)
	}
	// One sequence numbers the states of all canaries, so that a version never comes back after a deletion and a
	// writer from before it is refused.
	version, err := all.NextSequence()
	if err != nil {
		return 0, fmt.Errorf("number state: %w", err)
	}
	record := append(binary.BigEndian.AppendUint64(nil, version), data...)
	return version, b.Put([]byte(stateKey), seal(record))
}

// Delete forgets a canary: its state, its manifest, its commands and its run records. A canary that is not there is deleted already.
func (s *Store) Delete(ctx context.Context, key engine.Key) error {
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		err := tx.Bucket([]byte(canariesBucket)).DeleteBucket([]byte(key.String()))
		if errors.Is(err, bolterrors.ErrBucketNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete state of %s: %w", key, err)
	}
	s.changed(key, feed.Change{Kind: feed.StateDeleted})
	return nil
}

// changed tells the feed what changed about a canary.
func (s *Store) changed(key engine.Key, c feed.Change) {
	c.Namespace, c.Name = key.Namespace, key.Name
	s.options.Feed.Publish(c)
}
