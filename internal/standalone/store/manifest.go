package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
)

// maxManifest bounds one remembered manifest, as Kubernetes bounds an object.
const maxManifest = 1 << 20

// Keys lists the canaries that have a state or a remembered manifest, by namespace and name: all that have to be
// released one day. History alone makes no canary.
func (s *Store) Keys(ctx context.Context) ([]engine.Key, error) {
	var found []engine.Key
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		return eachKey(tx, engine.Key{}, func(key engine.Key) error {
			b := canary(tx, key)
			if b.Get([]byte(stateKey)) != nil || b.Get([]byte(manifestKey)) != nil {
				found = append(found, key)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list canaries: %w", err)
	}
	// The file orders by NAMESPACE/NAME as one text, in which a hyphen comes before the slash.
	slices.SortFunc(found, func(a, b engine.Key) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return found, nil
}

// Remember keeps the manifest of a canary until the canary is deleted, so that a daemon that starts after the manifest
// is gone can still release it. The same manifest again writes nothing, for a daemon remembers all of them at each edit.
func (s *Store) Remember(ctx context.Context, key engine.Key, manifest []byte) error {
	if len(manifest) > maxManifest {
		return fault.Errorf(fault.Invalid, "remember manifest of %s: %d bytes are more than the limit of %d", key, len(manifest), maxManifest)
	}
	if before, err := s.Remembered(ctx, key); err == nil && before != nil && bytes.Equal(before, manifest) {
		return nil
	}
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		b, err := tx.Bucket([]byte(canariesBucket)).CreateBucketIfNotExists([]byte(key.String()))
		if err != nil {
			return fmt.Errorf("create bucket: %w", err)
		}
		return b.Put([]byte(manifestKey), seal(manifest))
	})
	if err != nil {
		return fmt.Errorf("remember manifest of %s: %w", key, err)
	}
	return nil
}

// Remembered returns the manifest that Remember was given last, or nil where there is none.
func (s *Store) Remembered(ctx context.Context, key engine.Key) ([]byte, error) {
	var manifest []byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		b := canary(tx, key)
		if b == nil {
			return nil
		}
		sealed := b.Get([]byte(manifestKey))
		if sealed == nil {
			return nil
		}
		data, err := unseal(sealed)
		if err != nil {
			return fault.Errorf(fault.Invalid, "manifest of %s is damaged: %w", key, err)
		}
		manifest = append(make([]byte, 0, len(data)), data...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read manifest of %s: %w", key, err)
	}
	return manifest, nil
}
