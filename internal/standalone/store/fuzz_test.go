package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// FuzzRecord reads arbitrary bytes as a sealed record: what was not sealed is refused, and what was is read or refused.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"a-1","outcome":"Failed","events":[{"id":"1"}]}`, `[]`, `null`, `{"started":"yesterday"}`, ``, "\x00\x00\x00\x00"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		stored := data
		if sealed {
			stored = seal(data)
		}
		plain, err := unseal(stored)
		if sealed && (err != nil || !bytes.Equal(plain, data)) {
			t.Errorf("%q was sealed and is %q, %v", data, plain, err)
		}
		var run record.Run
		var ticket record.Ticket
		var event rollout.Event
		for _, v := range []any{&run, &ticket, &event} {
			if decode(stored, v) == nil && err != nil {
				t.Errorf("%q is read without its seal", data)
			}
		}
	})
}

// FuzzOpen changes bytes of a store's file: it is opened with what was in it, or refused with what to do.
func FuzzOpen(f *testing.F) {
	key := engine.Key{Namespace: "default", Name: "web"}
	path := filepath.Join(f.TempDir(), "serin.db")
	s, err := Open(f.Context(), path, Options{})
	if err == nil {
		_, err = s.Save(f.Context(), key, []byte("state"), 0)
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for _, at := range []int{0, 16, 20, 24, 80, 4096, 4100, 4112, 8192, 8206, 8207, 8208, 8212, 12426, 12288, 16384, 20480, len(good) - 1} {
		f.Add(at, byte(0xff), len(good))
		f.Add(at, byte(0x01), at)
	}
	f.Fuzz(func(t *testing.T, at int, mask byte, size int) {
		data := append([]byte(nil), good...)
		if at >= 0 && at < len(data) {
			data[at] ^= mask
		}
		if size >= 0 && size < len(data) {
			data = data[:size]
		}
		path := filepath.Join(t.TempDir(), "serin.db")
		if err := os.WriteFile(path, data, 0o600); err != nil { //nolint:gosec // G703: the test made the path itself.
			t.Fatal(err)
		}
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid {
				t.Errorf("byte %d ^ %x of %d: %s: %v", at, mask, size, kind, err)
			}
			return
		}
		loaded, _, err := s.Load(t.Context(), key)
		if err == nil && len(loaded) > 0 && string(loaded) != "state" {
			t.Errorf("byte %d ^ %x of %d: the state is %q", at, mask, size, loaded)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
