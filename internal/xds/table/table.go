// Package table holds the routing table: which requests go where, in types of our own. It is pure. Every data
// plane is fed from it, the built-in proxy directly and Envoy through a snapshot built from it, and reports back
// what it has put in force.
package table

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Table is an immutable set of services. Two tables with the same content have the same version.
type Table struct {
	shared   string
	entries  []*entry
	index    *index
	version  string
	sequence uint64
}

// entry is one service with the hash of its content. It is immutable; tables share it.
type entry struct {
	service *Service
	hash    [sha256.Size]byte
}

// New returns a table of services. The address shared is that of the listener that all of them have in common,
// or empty for none. What cannot be served is refused with a fault.Invalid, what contradicts another service with
// a fault.Conflict.
func New(shared string, services ...Service) (*Table, error) {
	entries := make([]*entry, 0, len(services))
	for i := range services {
		e, err := newEntry(services[i])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return assemble(shared, entries)
}

// assemble makes a table of entries, which it may reorder.
func assemble(shared string, entries []*entry) (*Table, error) {
	slices.SortStableFunc(entries, func(a, b *entry) int { return compareKeys(a.service.Key, b.service.Key) })
	x, err := newIndex(shared, entries)
	if err != nil {
		return nil, err
	}
	return seal(shared, entries, x), nil
}

// newEntry checks a service and takes a copy of it that nobody else can change.
func newEntry(s Service) (*entry, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode service %s: %w", s.Key, err)
	}
	var own Service
	if err := json.Unmarshal(data, &own); err != nil {
		return nil, fmt.Errorf("copy service %s: %w", s.Key, err)
	}
	sortEndpoints(own.Primary)
	sortEndpoints(own.Canary)
	if data, err = json.Marshal(own); err != nil {
		return nil, fmt.Errorf("encode service %s: %w", s.Key, err)
	}
	return &entry{service: &own, hash: sha256.Sum256(data)}, nil
}

// sortEndpoints makes the order in which somebody found endpoints irrelevant.
func sortEndpoints(list []Endpoint) {
	slices.SortFunc(list, func(a, b Endpoint) int { return strings.Compare(a.Address, b.Address) })
}

func seal(shared string, entries []*entry, x *index) *Table {
	h := sha256.New()
	h.Write([]byte(shared))
	for i := range entries {
		h.Write(entries[i].hash[:])
	}
	return &Table{shared: shared, entries: entries, index: x, version: hex.EncodeToString(h.Sum(nil)[:16])}
}

// Version identifies the content of the table.
func (t *Table) Version() string { return t.version }

// Sequence grows with every table of one Store; it orders tables, which versions do not.
func (t *Table) Sequence() uint64 { return t.sequence }

// Shared is the address of the listener that routes by host name, or empty.
func (t *Table) Shared() string { return t.shared }

// Len is the number of services.
func (t *Table) Len() int { return len(t.entries) }

// At returns the service at a position from 0 to Len()-1; they are ordered by key. It must not be changed.
func (t *Table) At(i int) *Service { return t.entries[i].service }

// Service returns the service with the key, which must not be changed, or nil.
func (t *Table) Service(key Key) *Service {
	if i, ok := t.index.keys[key]; ok {
		return t.entries[i].service
	}
	return nil
}

// Destination is what a host name or an address stands for: a service, and one side of it or, if Side is empty,
// its split.
type Destination struct {
	// Position is where the service is in the table.
	Position int
	Side     rollout.SideName
}

// with returns the table with services replaced or added, or the same table if that changes nothing.
func (t *Table) with(changed ...*entry) (*Table, error) {
	entries, x, touched := slices.Clone(t.entries), t.index, false
	for _, e := range changed {
		i, known := t.index.keys[e.service.Key]
		if known && t.entries[i].hash == e.hash {
			continue
		}
		touched = true
		if !known || !sameNames(t.entries[i].service, e.service) {
			x = nil
		}
		if known {
			entries[i] = e
		} else {
			entries = append(entries, e)
		}
	}
	switch {
	case !touched:
		return t, nil
	case x != nil:
		return seal(t.shared, entries, x), nil
	default:
		return assemble(t.shared, entries)
	}
}

// without returns the table without a service.
func (t *Table) without(key Key) (*Table, error) {
	i, known := t.index.keys[key]
	if !known {
		return t, nil
	}
	return assemble(t.shared, slices.Delete(slices.Clone(t.entries), i, i+1))
}

// differing lists the services of b that are not the same in a, which may be nil.
func differing(a, b *Table) []Key {
	var old []*entry
	if a != nil {
		old = a.entries
	}
	var keys []Key
	for i := range b.entries {
		s := b.entries[i].service
		// Both tables are ordered by key, and share most of their services.
		for len(old) > 0 && old[0].service != s && compareKeys(old[0].service.Key, s.Key) < 0 {
			old = old[1:]
		}
		if len(old) > 0 && old[0].service == s {
			old = old[1:]
			continue
		}
		keys = append(keys, s.Key)
	}
	return keys
}

// sameNames says that the index of a table holds for both.
func sameNames(a, b *Service) bool {
	return a.Private == b.Private && a.Listen == b.Listen && slices.Equal(a.Hosts, b.Hosts)
}

func compareKeys(a, b Key) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

func notFound(key Key) error {
	return fault.Errorf(fault.NotFound, "service %s is not in the routing table", key)
}
