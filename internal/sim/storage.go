package sim

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
)

var (
	_ engine.Store   = (*storage)(nil)
	_ engine.Journal = (*storage)(nil)
	_ engine.Inbox   = (*storage)(nil)
)

// storage is the store, the journal and the inbox as a process reaches them.
type storage struct{ process *process }

// Load is part of engine.Store.
func (s *storage) Load(ctx context.Context, key engine.Key) (data []byte, version uint64, err error) {
	w := s.process.world
	err = s.process.call(ctx, call{op: Load, do: func() error {
		data, version, err = w.store.Load(ctx, key)
		return err
	}})
	return data, version, err
}

// Save is part of engine.Store.
func (s *storage) Save(ctx context.Context, key engine.Key, data []byte, version uint64) (saved uint64, err error) {
	p := s.process
	w := p.world
	var held []byte
	err = p.call(ctx, call{op: Save, what: summary(&p.decision.after), check: func() { held = w.saved }, do: func() error {
		if saved, err = w.store.Save(ctx, key, data, version); err != nil {
			return err
		}
		w.laws.successor(p, held)
		return w.remember(p, data)
	}})
	return saved, err
}

// Delete is part of engine.Store.
func (s *storage) Delete(ctx context.Context, key engine.Key) error {
	w := s.process.world
	return s.process.call(ctx, call{op: Forget, do: func() error {
		w.saved, w.state = nil, rollout.State{}
		return w.store.Delete(ctx, key)
	}})
}

// Append is part of engine.Journal.
func (s *storage) Append(ctx context.Context, key engine.Key, e rollout.Event) error {
	w := s.process.world
	return s.process.call(ctx, call{op: Append, takes: 5 * time.Millisecond, do: func() error { return w.store.Append(ctx, key, e) }})
}

// Commands is part of engine.Inbox.
func (s *storage) Commands(key engine.Key) []rollout.Command {
	return s.process.world.store.Commands(key)
}

// Consumed is part of engine.Inbox. It has no answer, so an error of the call stays here.
func (s *storage) Consumed(key engine.Key, uids []string) {
	w := s.process.world
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.process.call(ended, call{op: Consume, do: func() error {
		w.store.Consumed(key, uids)
		return nil
	}})
}

// Brake is part of engine.Inbox.
func (s *storage) Brake() *rollout.Intent { return s.process.world.store.Brake() }

// remember notes what is durable now. The caller holds mu.
func (w *World) remember(p *process, data []byte) error {
	state, err := rollout.Decode(data)
	if err != nil {
		return err
	}
	before := w.state
	w.saved, w.state = bytes.Clone(data), state
	w.laws.saved(w, p, &before, &state)
	w.people.see(w, &state)
	return nil
}

// summary is what a log says of a state.
func summary(s *rollout.State) string {
	text := string(s.Phase)
	if r := s.Run; r != nil {
		text += fmt.Sprintf(" %s %s step %d weight %s", r.Name, r.Stage, r.Step, r.Weight)
		if r.Outcome != "" {
			text += " " + string(r.Outcome) + " " + r.Reason
		}
	}
	if s.Wait.Reason != "" {
		text += " waits: " + s.Wait.Reason
	}
	return text
}

func splitText(s rollout.Split) string {
	text := fmt.Sprintf("%s/%s", s.Primary, s.Canary)
	if s.Mirror > 0 {
		text += " mirror " + s.Mirror.String()
	}
	if s.Match {
		text += " match"
	}
	return text
}

func sizeText(s rollout.Scale) string {
	return fmt.Sprintf("%s to %d of %s", s.Side, s.Replicas, s.Revision)
}
