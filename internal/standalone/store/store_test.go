package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/standalone/store"
)

func web() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }

// filled makes a store with a few states and events in it, closes it and returns its path.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	for i := range 20 {
		key := engine.Key{Namespace: "default", Name: fmt.Sprint("canary-", i)}
		if _, err := s.Save(t.Context(), key, bytes.Repeat([]byte("state "), 300), 0); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(t.Context(), key, rollout.Event{ID: "1", Run: "r1", Type: rollout.RunStarted}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// refusal opens a store that must be refused and returns the reason.
func refusal(t *testing.T, path string, kind fault.Kind) string {
	t.Helper()
	o := options()
	o.LockTimeout = time.Millisecond
	s, err := store.Open(t.Context(), path, o)
	if err == nil {
		closed(t, s)
		t.Fatal("the store was opened")
	}
	if got := fault.KindOf(err); got != kind {
		t.Errorf("kind is %q, want %q: %v", got, kind, err)
	}
	return err.Error()
}

func mustMention(t *testing.T, message string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("%q does not mention %q", message, word)
		}
	}
}

func TestASecondProcessIsToldWhoHasTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	mustMention(t, refusal(t, path, fault.Conflict), "another serin up is running on this directory",
		fmt.Sprintf("pid %d", os.Getpid()), path, "serin down", "--data-dir")
	if err := os.Remove(path + ".owner"); err != nil {
		t.Fatal(err)
	}
	mustMention(t, refusal(t, path, fault.Conflict), "its process is unknown")
	closed(t, s)
	// The lock is the process's: once it is free, what the dead one left behind does not matter.
	if err := os.WriteFile(path+".owner", []byte(`{"pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	closed(t, opened(t, path))
	if _, err := os.Stat(path + ".owner"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note of the owner is still there: %v", err)
	}
}

func TestADamagedFileIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		damage func([]byte) []byte
	}{
		"Empty":     {"a file that lost everything is no new store", func([]byte) []byte { return nil }},
		"Text":      {"a file of another kind is not ours", func([]byte) []byte { return bytes.Repeat([]byte("notes\n"), 5000) }},
		"Tiny":      {"a file that ends in its first page", func(b []byte) []byte { return b[:100] }},
		"Truncated": {"a file that lost its end", func(b []byte) []byte { return b[:len(b)/3] }},
		"Zeroed":    {"a file with a hole", func(b []byte) []byte { return zeroed(b, len(b)/2) }},
		"Bit":       {"one wrong bit in a state", flippedInState},
		"Metas":     {"both first pages are gone", func(b []byte) []byte { return zeroed(b[:2*os.Getpagesize()], 0) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filled(t)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := tc.damage(data)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			mustMention(t, refusal(t, path, fault.Invalid), path, "damaged", "was left as it is", "copy", "move it away", "mv ")
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, bad) {
				t.Errorf("%s: the file was changed (%v)", tc.reason, err)
			}
		})
	}
}

func zeroed(b []byte, from int) []byte {
	clear(b[from:])
	return b
}

func flippedInState(b []byte) []byte {
	at := bytes.LastIndex(b, bytes.Repeat([]byte("state "), 3))
	b[at] ^= 1
	return b
}

func TestAStoreOfAnotherFormatIsRefused(t *testing.T) {
	t.Parallel()
	path := filled(t)
	meddle(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("2")) })
	mustMention(t, refusal(t, path, fault.Invalid), `format "2"`, "nothing was touched", "newer")

	strange := filepath.Join(t.TempDir(), "strange.db")
	meddle(t, strange, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("other"))
		return err
	})
	mustMention(t, refusal(t, strange, fault.Invalid), "not a store of serin")
}

// meddle changes a file behind the store's back.
func meddle(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(change), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenCreatesWhatIsMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "serin.db")
	closed(t, opened(t, path))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the mode of the file is %o, want 600", got)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("the directory has %v (%v), want the store alone", left, err)
	}
}

func TestAClosedStoreRefuses(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "serin.db"))
	closed(t, s)
	if _, _, err := s.Load(t.Context(), web()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("load: %v, want kind Unavailable", err)
	}
	if got := s.Commands(web()); got != nil {
		t.Errorf("commands = %v, want none", got)
	}
	if s.Brake() == nil {
		t.Error("a brake that cannot be read must count as set")
	}
}

func TestAStateIsBounded(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "serin.db"))
	defer closed(t, s)
	if _, err := s.Save(t.Context(), web(), make([]byte, 1<<20+1), 0); fault.KindOf(err) != fault.Invalid {
		t.Errorf("save of too much: %v, want kind Invalid", err)
	}
}

func TestPortsAreRemembered(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "serin.db")
	s := opened(t, path)
	ctx := t.Context()
	err := errors.Join(s.SetPort(ctx, "default/web", 4001), s.SetPort(ctx, "default/web-canary", 4002),
		s.SetPort(ctx, "default/old", 4003), s.SetPort(ctx, "default/old", 0), s.SetPort(ctx, "default/web", 4010))
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	s = opened(t, path)
	defer closed(t, s)
	got, err := s.Ports(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"default/web": 4010, "default/web-canary": 4002}, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

func TestEveryChangeIsTold(t *testing.T) {
	t.Parallel()
	o := options()
	o.Feed = feed.New(feed.Options{})
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "serin.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	sub, ctx := s.Feed().Subscribe(0), t.Context()
	version, err := s.Save(ctx, web(), []byte("x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(ctx, web(), []byte("stale"), version+1); err == nil {
		t.Fatal("a stale save was accepted")
	}
	e := rollout.Event{ID: "1", Type: rollout.Warning}
	command := rollout.Command{UID: "c", Verb: rollout.Pause}
	for range 2 {
		if err := s.Append(ctx, web(), e); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Give(ctx, web(), command); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.SetBrake(ctx, &rollout.Intent{By: "ada"}), s.Delete(ctx, web())); err != nil {
		t.Fatal(err)
	}
	want := []feed.Change{
		{ID: 1, Kind: feed.StateSaved, Namespace: "default", Name: "web"},
		{ID: 2, Kind: feed.EventAppended, Namespace: "default", Name: "web", Event: &e},
		{ID: 3, Kind: feed.CommandGiven, Namespace: "default", Name: "web"},
		{ID: 4, Kind: feed.BrakeChanged},
		{ID: 5, Kind: feed.StateDeleted, Namespace: "default", Name: "web"},
	}
	got := make([]feed.Change, 0, len(want))
	for range want {
		c, err := sub.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if c, err := sub.Next(ended); err == nil {
		t.Errorf("one change too many: %+v", c)
	}
}
