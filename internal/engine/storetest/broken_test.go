package storetest_test

import (
	"context"
	"testing"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/engine/storetest"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// broken is a store that works, but for the calls that are replaced.
type broken struct {
	*memstore.Store

	save     func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error)
	load     func(ctx context.Context, key engine.Key) ([]byte, uint64, error)
	remove   func(ctx context.Context, key engine.Key) error
	append   func(ctx context.Context, key engine.Key, e rollout.Event) error
	give     func(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error)
	commands func(key engine.Key) []rollout.Command
	consumed func(key engine.Key, uids []string)
	brake    func() *rollout.Intent
}

func (b *broken) Save(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
	if b.save != nil {
		return b.save(ctx, key, data, version)
	}
	return b.Store.Save(ctx, key, data, version)
}

func (b *broken) Load(ctx context.Context, key engine.Key) ([]byte, uint64, error) {
	if b.load != nil {
		return b.load(ctx, key)
	}
	return b.Store.Load(ctx, key)
}

func (b *broken) Delete(ctx context.Context, key engine.Key) error {
	if b.remove != nil {
		return b.remove(ctx, key)
	}
	return b.Store.Delete(ctx, key)
}

func (b *broken) Append(ctx context.Context, key engine.Key, e rollout.Event) error {
	if b.append != nil {
		return b.append(ctx, key, e)
	}
	return b.Store.Append(ctx, key, e)
}

func (b *broken) Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
	if b.give != nil {
		return b.give(ctx, key, c)
	}
	return b.Store.Give(ctx, key, c)
}

func (b *broken) Commands(key engine.Key) []rollout.Command {
	if b.commands != nil {
		return b.commands(key)
	}
	return b.Store.Commands(key)
}

func (b *broken) Consumed(key engine.Key, uids []string) {
	if b.consumed != nil {
		b.consumed(key, uids)
		return
	}
	b.Store.Consumed(key, uids)
}

func (b *broken) Brake() *rollout.Intent {
	if b.brake != nil {
		return b.brake()
	}
	return b.Store.Brake()
}

// harness breaks the store each time it is opened.
type harness struct {
	store   *memstore.Store
	options memstore.Options
	fault   func(*broken)
	// forgets means that a restart finds nothing; tears that a crash leaves something else.
	forgets bool
	tears   func(storetest.Subject) error
}

func (h *harness) Subject() storetest.Subject {
	b := &broken{Store: h.store}
	if h.fault != nil {
		h.fault(b)
	}
	return b
}

func (h *harness) Limits() storetest.Limits {
	return storetest.Limits{Runs: 3, Events: 20, Commands: 5}
}

func (h *harness) Reopen(context.Context) error {
	if h.forgets {
		h.store = memstore.New(h.options)
	} else {
		h.store = h.store.Clone(h.options)
	}
	return nil
}

func (h *harness) Interrupted(_ context.Context, change, look func(storetest.Subject) error) error {
	if err := look(h.store.Clone(h.options)); err != nil {
		return err
	}
	if h.tears != nil {
		change = h.tears
	}
	if err := change(h.store); err != nil {
		return err
	}
	return look(h.store.Clone(h.options))
}

// saveAnyVersion is a store without an optimistic lock.
func saveAnyVersion(b *broken) {
	b.save = func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
		if _, stored, err := b.Store.Load(ctx, key); err == nil {
			version = stored
		}
		return b.Store.Save(ctx, key, data, version)
	}
}

// oneCanary is a store that looks at names alone.
func oneCanary(b *broken) {
	blur := func(key engine.Key) engine.Key { return engine.Key{Name: key.Name} }
	b.save = func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
		return b.Store.Save(ctx, blur(key), data, version)
	}
	b.load = func(ctx context.Context, key engine.Key) ([]byte, uint64, error) { return b.Store.Load(ctx, blur(key)) }
	b.give = func(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
		return b.Store.Give(ctx, blur(key), c)
	}
	b.commands = func(key engine.Key) []rollout.Command { return b.Store.Commands(blur(key)) }
}

// versionsFromOne is a store whose versions begin again with each deletion.
func versionsFromOne() func(*broken) {
	base, newest := uint64(0), uint64(0)
	return func(b *broken) {
		b.load = func(ctx context.Context, key engine.Key) ([]byte, uint64, error) {
			data, version, err := b.Store.Load(ctx, key)
			return data, version - min(base, version), err
		}
		b.save = func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
			if version > 0 {
				version += base
			}
			saved, err := b.Store.Save(ctx, key, data, version)
			newest = max(newest, saved)
			return saved - min(base, saved), err
		}
		b.remove = func(ctx context.Context, key engine.Key) error {
			base = newest
			return b.Store.Delete(ctx, key)
		}
	}
}

func mutants() map[string]*harness {
	limits := memstore.Options{Runs: 3, Events: 20, Commands: 5}
	faulty := func(fault func(*broken)) *harness { return &harness{options: limits, fault: fault} }
	return map[string]*harness{
		"no optimistic lock": faulty(saveAnyVersion),
		"one canary":         faulty(oneCanary),
		"empty state instead of none": faulty(func(b *broken) {
			b.load = func(ctx context.Context, key engine.Key) ([]byte, uint64, error) {
				data, version, err := b.Store.Load(ctx, key)
				return append([]byte{}, data...), version, err
			}
		}),
		"drops the last byte": faulty(func(b *broken) {
			b.save = func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
				return b.Store.Save(ctx, key, data[:len(data)-1], version)
			}
		}),
		"hands out its own bytes": faulty(func(b *broken) {
			var own []byte
			b.save = func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
				own = data
				return b.Store.Save(ctx, key, data, version)
			}
			b.load = func(ctx context.Context, key engine.Key) ([]byte, uint64, error) {
				_, version, err := b.Store.Load(ctx, key)
				return own, version, err
			}
		}),
		"deletes nothing":       faulty(func(b *broken) { b.remove = func(context.Context, engine.Key) error { return nil } }),
		"starts versions again": {options: limits, fault: versionsFromOne()},
		"deaf to the context": faulty(func(b *broken) {
			b.save = func(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
				return b.Store.Save(context.WithoutCancel(ctx), key, data, version)
			}
		}),
		"forgets everything": {options: limits, forgets: true},
		"tears states": {options: limits, tears: func(s storetest.Subject) error {
			_, err := s.Save(context.Background(), engine.Key{Namespace: "default", Name: "web"}, []byte("half"), 1)
			return err
		}},
		"appends again": faulty(func(b *broken) {
			b.append = func(ctx context.Context, key engine.Key, e rollout.Event) error {
				if e.ID != "" {
					e.ID += "'"
					if err := b.Store.Append(ctx, key, e); err != nil {
						return err
					}
				}
				return b.Store.Append(ctx, key, e)
			}
		}),
		"invents ids": faulty(func(b *broken) {
			b.append = func(ctx context.Context, key engine.Key, e rollout.Event) error {
				if e.ID == "" {
					e.ID = "invented"
				}
				return b.Store.Append(ctx, key, e)
			}
		}),
		"keeps all events":   {options: memstore.Options{Runs: 3, Events: 1000, Commands: 5}},
		"keeps all runs":     {options: memstore.Options{Runs: 1000, Events: 20, Commands: 5}},
		"keeps all commands": {options: memstore.Options{Runs: 3, Events: 20, Commands: 1000}},
		"has something at once": faulty(func(b *broken) {
			if err := b.Store.Append(context.Background(), engine.Key{Namespace: "default", Name: "web"}, rollout.Event{ID: "0", Run: "r0"}); err == nil {
				b.commands = func(engine.Key) []rollout.Command { return []rollout.Command{{UID: "ghost"}} }
			}
		}),
		"consumes nothing": faulty(func(b *broken) { b.consumed = func(engine.Key, []string) {} }),
		"newest command first": faulty(func(b *broken) {
			b.commands = func(key engine.Key) []rollout.Command {
				all := b.Store.Commands(key)
				for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
					all[i], all[j] = all[j], all[i]
				}
				return all
			}
		}),
		"takes a command twice": faulty(func(b *broken) {
			b.give = func(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
				if _, err := b.Ticket(ctx, key, c.UID); err == nil {
					c.UID += "'"
				}
				return b.Store.Give(ctx, key, c)
			}
		}),
		"names every command alike": faulty(func(b *broken) {
			b.give = func(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
				if c.UID == "" {
					c.UID = "command"
				}
				return b.Store.Give(ctx, key, c)
			}
		}),
		"answers nothing": faulty(func(b *broken) {
			b.append = func(ctx context.Context, key engine.Key, e rollout.Event) error {
				e.Reason = ""
				return b.Store.Append(ctx, key, e)
			}
		}),
		"has no brake": faulty(func(b *broken) { b.brake = func() *rollout.Intent { return nil } }),
		"loses the record's head": faulty(func(b *broken) {
			b.append = func(ctx context.Context, key engine.Key, e rollout.Event) error {
				e.Ending = ""
				return b.Store.Append(ctx, key, e)
			}
		}),
	}
}

// TestEveryLawCatchesSomething is the test of the tests: a law that no broken store breaks promises nothing.
func TestEveryLawCatchesSomething(t *testing.T) {
	t.Parallel()
	for _, law := range storetest.Laws() {
		t.Run(law.Name, func(t *testing.T) {
			t.Parallel()
			for name, h := range mutants() {
				h.store = memstore.New(h.options)
				if err := law.Check(t.Context(), h); err != nil {
					t.Logf("%s: caught", name)
					return
				}
			}
			t.Error("no broken store was caught")
		})
	}
}

// TestEveryBrokenStoreIsCaught keeps the list of broken stores honest.
func TestEveryBrokenStoreIsCaught(t *testing.T) {
	t.Parallel()
	for name := range mutants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, law := range storetest.Laws() {
				h := mutants()[name]
				h.store = memstore.New(h.options)
				if law.Check(t.Context(), h) != nil {
					return
				}
			}
			t.Error("no law caught it")
		})
	}
}
