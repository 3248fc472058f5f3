package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/standalone/store"
)

func remember(t *testing.T, s *store.Store, key engine.Key, manifest string) {
	t.Helper()
	if err := s.Remember(t.Context(), key, []byte(manifest)); err != nil {
		t.Fatal(err)
	}
}

func expectManifest(t *testing.T, s *store.Store, key engine.Key, want []byte) {
	t.Helper()
	got, err := s.Remembered(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest of %s (-want +got):\n%s", key, diff)
	}
}

func expectKeys(t *testing.T, s *store.Store, want ...engine.Key) {
	t.Helper()
	got, err := s.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestAManifestIsRememberedUntilTheCanaryIsDeleted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	expectManifest(t, s, web(), nil)
	remember(t, s, web(), `{"old":true}`)
	version, err := s.Save(t.Context(), web(), []byte("state"), 0)
	if err != nil {
		t.Fatal(err)
	}
	remember(t, s, web(), `{"new":true}`)
	closed(t, s)

	s = opened(t, path)
	defer closed(t, s)
	expectManifest(t, s, web(), []byte(`{"new":true}`))
	// A manifest and a state do not disturb each other.
	if data, got, err := s.Load(t.Context(), web()); err != nil || string(data) != "state" || got != version {
		t.Errorf("state is %q at version %d (%v), want the saved one at %d", data, got, err, version)
	}
	if err := s.Delete(t.Context(), web()); err != nil {
		t.Fatal(err)
	}
	expectManifest(t, s, web(), nil)
	expectKeys(t, s)
}

func TestKeysAreThoseThatHaveToBeReleased(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	expectKeys(t, s)
	stated := engine.Key{Namespace: "team", Name: "stated"}
	both := engine.Key{Namespace: "team-b", Name: "both"}
	gone := engine.Key{Namespace: "team", Name: "gone"}
	for _, key := range []engine.Key{both, stated, gone} {
		if _, err := s.Save(t.Context(), key, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	remember(t, s, both, "{}")
	remember(t, s, web(), "{}")
	if err := s.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	// What arrives late about a released canary is history.
	if err := s.Append(t.Context(), gone, rollout.Event{ID: "1", Type: rollout.Warning}); err != nil {
		t.Fatal(err)
	}
	want := []engine.Key{web(), stated, both}
	expectKeys(t, s, want...)
	closed(t, s)
	s = opened(t, path)
	defer closed(t, s)
	expectKeys(t, s, want...)
}

func TestAManifestIsBounded(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "serin.db"))
	defer closed(t, s)
	if err := s.Remember(t.Context(), web(), make([]byte, 1<<20+1)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("remember too much: %v, want kind Invalid", err)
	}
	expectKeys(t, s)
	if err := s.Remember(t.Context(), web(), make([]byte, 1<<20)); err != nil {
		t.Errorf("remember as much as is allowed: %v", err)
	}
}

// transactions returns how many changes a file has seen, the one that looks included.
func transactions(t *testing.T, path string) int {
	t.Helper()
	count := 0
	meddle(t, path, func(tx *bbolt.Tx) error {
		count = tx.ID()
		return nil
	})
	return count
}

func TestRememberingTwiceWritesOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	remember(t, s, web(), "{}")
	remember(t, s, web(), "{}")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sub := s.Feed().Subscribe(0)
	if c, err := sub.Next(ctx); err == nil {
		t.Errorf("a manifest is not a change of the canary's state, and %+v was told", c)
	}
	closed(t, s)
	before := transactions(t, path)
	s = opened(t, path)
	remember(t, s, web(), "{}")
	closed(t, s)
	// Looking is a transaction of its own.
	if writes := transactions(t, path) - before - 1; writes != 0 {
		t.Errorf("the same manifest again took %d writes, want none", writes)
	}
}

func TestADamagedManifestIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	remember(t, s, web(), "{}")
	closed(t, s)
	meddle(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("canaries")).Bucket([]byte(web().String())).Put([]byte("manifest"), []byte("\x00\x00\x00\x00{}"))
	})
	mustMention(t, refusal(t, path, fault.Invalid), "damaged", "default/web/manifest")
}

func TestAClosedStoreKnowsNoManifests(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "serin.db"))
	closed(t, s)
	_, keysErr := s.Keys(t.Context())
	_, readErr := s.Remembered(t.Context(), web())
	for what, err := range map[string]error{
		"keys": keysErr, "remembered": readErr, "remember": s.Remember(t.Context(), web(), []byte("{}")),
	} {
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v, want kind Unavailable", what, err)
		}
	}
}
