package memstore

import (
	"context"
	"slices"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Append adds an event to the record of its run, and the answer to a command that it carries to the command. An
// event that is there already changes nothing.
func (s *Store) Append(ctx context.Context, key engine.Key, e rollout.Event) error {
	return s.do(ctx, Append, key, func() error {
		if e.ID == "" {
			return fault.Errorf(fault.Invalid, "append event of %s: it has no id", key)
		}
		c := s.of(key)
		if c.has(e.ID) {
			return nil
		}
		run := c.run(e.Run)
		if run == nil {
			run = &record.Run{}
			c.runs = append(c.runs, run)
		}
		run.Take(e)
		run.Events = append(run.Events, e)
		if over := len(run.Events) - s.options.Events; over > 0 {
			run.Events, run.Lost = slices.Clone(run.Events[over:]), run.Lost+over
		}
		c.dropRuns(s.options.Runs)
		for i := range c.tickets {
			c.tickets[i].Take(e)
		}
		return nil
	})
}

func (c *canary) has(id string) bool {
	for _, run := range c.runs {
		if slices.ContainsFunc(run.Events, func(e rollout.Event) bool { return e.ID == id }) {
			return true
		}
	}
	return false
}

func (c *canary) run(name string) *record.Run {
	for _, run := range c.runs {
		if run.Name == name {
			return run
		}
	}
	return nil
}

func (c *canary) dropRuns(limit int) {
	named := 0
	for _, run := range c.runs {
		if run.Name != "" {
			named++
		}
	}
	c.runs = slices.DeleteFunc(c.runs, func(run *record.Run) bool {
		if run.Name == "" || named <= limit {
			return false
		}
		named--
		return true
	})
}

// Runs returns the headers of the runs of a canary, newest first.
func (s *Store) Runs(_ context.Context, key engine.Key) ([]record.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []record.Run
	if c := s.canaries[key]; c != nil {
		for _, run := range slices.Backward(c.runs) {
			if run.Name != "" {
				found = append(found, run.Header())
			}
		}
	}
	return found, nil
}

// Run returns the record of one run with its events.
func (s *Store) Run(_ context.Context, key engine.Key, name string) (record.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.canaries[key]; c != nil && name != "" {
		if run := c.run(name); run != nil {
			return *cloneRun(run), nil
		}
	}
	return record.Run{}, fault.Errorf(fault.NotFound, "canary %s has no run %q on record", key, name)
}

// Events returns the events of one canary, or of all if key is zero, oldest first.
func (s *Store) Events(_ context.Context, key engine.Key, q record.Query) ([]record.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []record.Entry
	for k, c := range s.canaries {
		if key != (engine.Key{}) && k != key {
			continue
		}
		for _, run := range c.runs {
			for _, e := range run.Events {
				found = append(found, record.Entry{Namespace: k.Namespace, Name: k.Name, Event: e})
			}
		}
	}
	return q.Select(found), nil
}
