package table

import (
	"cmp"
	"slices"

	"github.com/serin-dev/serin/internal/rollout"
)

// Plane is one data plane as the store knows it: which table it has put in force, and what it refused.
type Plane struct {
	name  string
	store *Store
	// joined is the number of planes that had joined before.
	joined int

	// The rest is guarded by the store's lock. The table in force is nil until the first report. Services that the
	// plane refused stay with the version that it kept, in held (nil if it never had one).
	inForce *Table
	held    map[Key]*Service
	refused map[Key]string
}

// Refusal is a service that a data plane could not serve as the table says.
type Refusal struct {
	Key Key
	// Message is the data plane's own sentence.
	Message string
	// InForce says that the split holds all the same (a listener is missing, say). Otherwise the data plane keeps the
	// service as it was.
	InForce bool
}

// Join makes a data plane known under a name for people. Until it leaves, nothing counts as acknowledged that it
// has not reported.
func (s *Store) Join(name string) *Plane {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &Plane{name: name, store: s, joined: s.joined}
	s.joined++
	s.planes[p] = struct{}{}
	return p
}

// Leave forgets the data plane.
func (p *Plane) Leave() {
	p.store.mu.Lock()
	delete(p.store.planes, p)
	keys := p.keysLocked()
	p.store.mu.Unlock()
	p.store.reported(keys)
}

// Report says that the data plane has put t in force, except for what it refused.
func (p *Plane) Report(t *Table, refused ...Refusal) {
	p.store.mu.Lock()
	changed := p.reportLocked(t, refused)
	p.store.mu.Unlock()
	if len(changed) > 0 {
		p.store.reported(changed)
	}
}

func (p *Plane) reportLocked(t *Table, refused []Refusal) []Key {
	before := *p
	p.inForce, p.held, p.refused = t, nil, nil
	for _, r := range refused {
		if p.refused == nil {
			p.refused, p.held = map[Key]string{}, map[Key]*Service{}
		}
		p.refused[r.Key] = r.Message
		if !r.InForce {
			p.held[r.Key] = before.serviceLocked(r.Key)
		}
	}
	var changed []Key
	for _, key := range p.suspectsLocked(&before) {
		if before.serviceLocked(key) != p.serviceLocked(key) || before.refused[key] != p.refused[key] {
			changed = append(changed, key)
		}
	}
	return changed
}

// suspectsLocked lists, each once, the services that may be another now than before: those that differ between the
// tables, and those that the plane refused or refuses. A change of one weight among 10,000 services has to be cheap.
func (p *Plane) suspectsLocked(before *Plane) []Key {
	suspects := differing(before.inForce, p.inForce)
	for _, refused := range []map[Key]string{before.refused, p.refused} {
		for key := range refused {
			if _, held := p.held[key]; held || p.inForce.Service(key) != nil {
				suspects = append(suspects, key)
			}
		}
	}
	slices.SortFunc(suspects, compareKeys)
	return slices.Compact(suspects)
}

// serviceLocked returns the service as the plane has it in force, or nil.
func (p *Plane) serviceLocked(key Key) *Service {
	if s, ok := p.held[key]; ok {
		return s
	}
	if p.inForce == nil {
		return nil
	}
	return p.inForce.Service(key)
}

func (p *Plane) keysLocked() []Key {
	if p.inForce == nil {
		return nil
	}
	keys := make([]Key, 0, p.inForce.Len())
	for i := range p.inForce.Len() {
		keys = append(keys, p.inForce.At(i).Key)
	}
	for key := range p.held {
		if p.inForce.Service(key) == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// Status is what is wanted of the data planes for one service and what they have made of it.
type Status struct {
	// Split is what was written, or nil.
	Split *rollout.Split
	// Acked is what every data plane has in force or, while they differ, the one that has waited longest for news;
	// nil if one of them has nothing, or if there is none.
	Acked *rollout.Split
	// Rejected holds the sentences of the data planes that refused what is wanted, or nothing.
	Rejected []string
}

// Status returns the status of a service, or a fault.NotFound.
func (s *Store) Status(key Key) (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := s.Table().Service(key)
	if service == nil {
		return Status{}, notFound(key)
	}
	status := Status{Split: service.Split}
	first := true
	for _, p := range s.planesLocked() {
		var has *rollout.Split
		if held := p.serviceLocked(key); held != nil {
			has = held.Split
		}
		// A plane that agrees with what is wanted never hides one that does not.
		if first || !equal(has, status.Split) {
			status.Acked = has
		}
		first = false
		if m, ok := p.refused[key]; ok {
			status.Rejected = append(status.Rejected, p.name+": "+m)
		}
	}
	return status, nil
}

// planesLocked lists the planes, the one with the oldest table last, so that its word counts.
func (s *Store) planesLocked() []*Plane {
	list := make([]*Plane, 0, len(s.planes))
	for p := range s.planes {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Plane) int {
		return cmp.Or(cmp.Compare(b.sequence(), a.sequence()), cmp.Compare(a.joined, b.joined))
	})
	return list
}

func (p *Plane) sequence() uint64 {
	if p.inForce == nil {
		return 0
	}
	return p.inForce.sequence
}

func equal(a, b *rollout.Split) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
