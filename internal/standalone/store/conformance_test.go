package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/serin-dev/serin/internal/engine/storetest"
	"github.com/serin-dev/serin/internal/standalone/store"
)

// limits are the store's least ones.
func limits() storetest.Limits { return storetest.Limits{Runs: 3, Events: 200, Commands: 5} }

func options() store.Options {
	l := limits()
	return store.Options{Runs: l.Runs, Events: l.Events, Commands: l.Commands}
}

type harness struct {
	dir   string
	store *store.Store
}

func newHarness(t *testing.T) storetest.Harness {
	t.Helper()
	h := &harness{dir: t.TempDir()}
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *harness) path() string { return filepath.Join(h.dir, "serin.db") }

func (h *harness) open(ctx context.Context) (err error) {
	h.store, err = store.Open(ctx, h.path(), options())
	return err
}

func (h *harness) Subject() storetest.Subject { return h.store }
func (h *harness) Limits() storetest.Limits   { return limits() }

func (h *harness) Reopen(ctx context.Context) error {
	return errors.Join(h.store.Close(), h.open(ctx))
}

// Interrupted compares the file before and after the change and builds every file that a crash could have left: the
// pages of the change arrive in any order until the database waits for the disk, and the page that makes them valid
// comes last and may be torn.
func (h *harness) Interrupted(ctx context.Context, change, look func(storetest.Subject) error) error {
	before, err := os.ReadFile(h.path())
	if err != nil {
		return err
	}
	if err := change(h.store); err != nil {
		return err
	}
	after, err := os.ReadFile(h.path())
	if err != nil {
		return err
	}
	for i, image := range crashes(before, after) {
		if err := h.lookAt(ctx, i, image, look); err != nil {
			return fmt.Errorf("crash image %d: %w", i, err)
		}
	}
	return nil
}

func (h *harness) lookAt(ctx context.Context, i int, image []byte, look func(storetest.Subject) error) error {
	path := filepath.Join(h.dir, fmt.Sprintf("crash-%d.db", i))
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return err
	}
	s, err := store.Open(ctx, path, options())
	if err != nil {
		return err
	}
	return errors.Join(look(s), s.Close(), os.Remove(path))
}

// crashes returns the images of the file after each crash, the ones of no and of the whole change included.
func crashes(before, after []byte) [][]byte {
	page := os.Getpagesize()
	grown := append(bytes.Clone(before), make([]byte, max(0, len(after)-len(before)))...)
	var data, meta []int
	for at := 0; at < len(after); at += page {
		switch {
		case bytes.Equal(grown[at:at+page], after[at:at+page]):
		case at < 2*page:
			meta = append(meta, at)
		default:
			data = append(data, at)
		}
	}
	images := [][]byte{before, grown}
	with := func(base []byte, at, length int) []byte {
		image := bytes.Clone(base)
		copy(image[at:at+length], after[at:at+length])
		images = append(images, image)
		return image
	}
	all := grown
	for _, at := range data {
		with(grown, at, page)
		with(all, at, page/2)
		all = with(all, at, page)
	}
	for _, at := range meta {
		// The header of the page and the fields before its checksum have arrived, the rest has not.
		with(all, at, 40)
		all = with(all, at, page)
	}
	return images
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, newHarness)
}
