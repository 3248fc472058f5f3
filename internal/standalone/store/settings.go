package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/rollout"
)

// The keys in the settings bucket.
const (
	brakeKey   = "brake"
	portPrefix = "port/"
)

// SetBrake pauses every canary of the installation, or lets them go on if the intent is nil.
func (s *Store) SetBrake(ctx context.Context, intent *rollout.Intent) error {
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(settingsBucket))
		if intent == nil {
			return b.Delete([]byte(brakeKey))
		}
		return putJSON(b, []byte(brakeKey), intent)
	})
	if err != nil {
		return fmt.Errorf("set the brake: %w", err)
	}
	s.options.Feed.Publish(feed.Change{Kind: feed.BrakeChanged})
	return nil
}

// Brake returns the pause of the whole installation, or nil. A brake that cannot be read counts as set: not to move
// is the safe side.
func (s *Store) Brake() *rollout.Intent {
	var intent *rollout.Intent
	err := s.view(context.Background(), func(tx *bbolt.Tx) error {
		var stored rollout.Intent
		found, err := getJSON(tx.Bucket([]byte(settingsBucket)), []byte(brakeKey), &stored)
		if found {
			intent = &stored
		}
		return err
	})
	if err != nil {
		s.options.Logger.Error("The brake cannot be read", slog.Any("error", err))
		return &rollout.Intent{By: "serin", Reason: "the store cannot be read", At: s.options.Now().UTC()}
	}
	return intent
}

// Ports returns the ports that were given to names, so that they stay the same over restarts.
func (s *Store) Ports(ctx context.Context) (map[string]int, error) {
	ports := map[string]int{}
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(settingsBucket)).Cursor()
		for k, sealed := c.Seek([]byte(portPrefix)); bytes.HasPrefix(k, []byte(portPrefix)); k, sealed = c.Next() {
			var port int
			if err := decode(sealed, &port); err != nil {
				return err
			}
			ports[string(k[len(portPrefix):])] = port
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ports: %w", err)
	}
	return ports, nil
}

// SetPort remembers the port of a name; 0 forgets it.
func (s *Store) SetPort(ctx context.Context, name string, port int) error {
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		b, key := tx.Bucket([]byte(settingsBucket)), []byte(portPrefix+name)
		if port == 0 {
			return b.Delete(key)
		}
		return putJSON(b, key, port)
	})
	if err != nil {
		return fmt.Errorf("remember the port of %s: %w", name, err)
	}
	return nil
}
