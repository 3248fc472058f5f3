package table

import (
	"sync"
	"sync/atomic"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Options adjust a Store.
type Options struct {
	// Shared is the address of the listener that routes by host name, or empty for none.
	Shared string
	// Reported is called with the services of which a data plane has reported something new: the moment to look
	// again at Status. It is called by the data plane, without a lock held, and must not block.
	Reported func(keys []Key)
}

// Store holds the table in force. Several writers may share it: each change is one new table. Its methods may be
// called from several goroutines; reading the table takes no lock.
type Store struct {
	reported func([]Key)
	current  atomic.Pointer[published]

	// mu orders writers, and guards the planes.
	mu     sync.Mutex
	planes map[*Plane]struct{}
	joined int
}

// published is a table and the news of its successor.
type published struct {
	table *Table
	// replaced is closed once there is a newer table.
	replaced chan struct{}
}

// NewStore returns a store with an empty table.
func NewStore(o Options) (*Store, error) {
	if o.Shared != "" {
		var c checker
		c.address("shared", o.Shared)
		if len(c.problems) > 0 {
			return nil, fault.Errorf(fault.Invalid, "routing table: %w", c.problems[0])
		}
	}
	t, err := New(o.Shared)
	if err != nil {
		return nil, err
	}
	if o.Reported == nil {
		o.Reported = func([]Key) {}
	}
	s := &Store{reported: o.Reported, planes: map[*Plane]struct{}{}}
	s.current.Store(&published{table: t, replaced: make(chan struct{})})
	return s, nil
}

// Table returns the table in force.
func (s *Store) Table() *Table { return s.current.Load().table }

// Watch returns the table in force and a channel that is closed once there is a newer one.
func (s *Store) Watch() (*Table, <-chan struct{}) {
	p := s.current.Load()
	return p.table, p.replaced
}

// Put adds services or replaces them, all or none. The Split of a service that is there already stays as it is, for
// it belongs to whoever routes; a new service may come with one.
func (s *Store) Put(services ...Service) error {
	return s.edit(func(t *Table) (*Table, error) {
		entries := make([]*entry, 0, len(services))
		for _, service := range services {
			if old := t.Service(service.Key); old != nil {
				service.Split, service.Returned = old.Split, old.Returned
			}
			e, err := newEntry(service)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		return t.with(entries...)
	})
}

// SetEndpoints replaces the endpoints of both sides of a service, which must be there.
func (s *Store) SetEndpoints(key Key, primary, canary []Endpoint) error {
	return s.change(key, func(service *Service) error {
		service.Primary, service.Canary = primary, canary
		return nil
	})
}

// Route lets decide look at a service and say how its requests are to be divided from now on: by the split, or, if
// that is nil, as it was before anybody wrote one. No other writer comes between the look and the change.
func (s *Store) Route(key Key, decide func(*Service) (split *rollout.Split, returned bool, err error)) error {
	return s.change(key, func(service *Service) error {
		split, returned, err := decide(service)
		if err != nil {
			return err
		}
		service.Split, service.Returned = split, returned
		return nil
	})
}

// Delete takes a service out of the table, if it is there.
func (s *Store) Delete(key Key) error {
	return s.edit(func(t *Table) (*Table, error) { return t.without(key) })
}

func (s *Store) change(key Key, f func(*Service) error) error {
	return s.edit(func(t *Table) (*Table, error) {
		old := t.Service(key)
		if old == nil {
			return nil, notFound(key)
		}
		changed := *old
		if err := f(&changed); err != nil {
			return nil, err
		}
		e, err := newEntry(changed)
		if err != nil {
			return nil, err
		}
		return t.with(e)
	})
}

// edit publishes what f makes of the table, unless that is the same table.
func (s *Store) edit(f func(*Table) (*Table, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.current.Load()
	next, err := f(old.table)
	if err != nil || next == old.table {
		return err
	}
	next.sequence = old.table.sequence + 1
	s.current.Store(&published{table: next, replaced: make(chan struct{})})
	close(old.replaced)
	return nil
}
