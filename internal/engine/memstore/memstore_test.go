package memstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/engine/storetest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

func limits() storetest.Limits { return storetest.Limits{Runs: 3, Events: 20, Commands: 5} }

func options() memstore.Options {
	l := limits()
	return memstore.Options{Runs: l.Runs, Events: l.Events, Commands: l.Commands}
}

type harness struct{ store *memstore.Store }

func (h *harness) Subject() storetest.Subject { return h.store }
func (h *harness) Limits() storetest.Limits   { return limits() }

func (h *harness) Reopen(context.Context) error {
	h.store = h.store.Clone(options())
	return nil
}

// Interrupted lets the change fail before and after its work: those are the two places where memory can be cut off.
func (h *harness) Interrupted(_ context.Context, change, look func(storetest.Subject) error) error {
	for _, fate := range []memstore.Fate{memstore.Fails, memstore.Lost} {
		o := options()
		o.Fate = func(_ memstore.Op, k int, _ engine.Key) memstore.Fate {
			if k == 1 {
				return fate
			}
			return memstore.Works
		}
		victim := h.store.Clone(o)
		if err := change(victim); fault.KindOf(err) != fault.Unavailable {
			return fmt.Errorf("a change that fails returns %w", err)
		}
		if err := look(victim.Clone(options())); err != nil {
			return err
		}
	}
	return nil
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Harness { return &harness{store: memstore.New(options())} })
}

func TestFatesCountEachOperation(t *testing.T) {
	t.Parallel()
	key := engine.Key{Namespace: "default", Name: "web"}
	s := memstore.New(memstore.Options{Fate: func(op memstore.Op, k int, _ engine.Key) memstore.Fate {
		switch {
		case op == memstore.Save && k == 2:
			return memstore.Fails
		case op == memstore.Save && k == 3:
			return memstore.Lost
		default:
			return memstore.Works
		}
	}})
	ctx := t.Context()
	version, err := s.Save(ctx, key, []byte("one"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(ctx, key, []byte("two"), version); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("second save: %v, want a failure", err)
	}
	if data, _, err := s.Load(ctx, key); err != nil || string(data) != "one" {
		t.Errorf("after a failed save: %q, %v; want the state before", data, err)
	}
	if _, err := s.Save(ctx, key, []byte("three"), version); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("third save: %v, want a failure", err)
	}
	if data, _, err := s.Load(ctx, key); err != nil || string(data) != "three" {
		t.Errorf("after a lost answer: %q, %v; want the new state", data, err)
	}
	if err := s.Append(ctx, key, rollout.Event{ID: "1"}); err != nil {
		t.Errorf("append: %v", err)
	}
	if got := s.Calls(memstore.Save); got != 3 {
		t.Errorf("%d saves were counted, want 3", got)
	}
}
