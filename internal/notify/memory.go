package notify

import "sync"

// memory knows which routes, by their index, are done with which events, for a bounded number of events.
type memory struct {
	limit int

	mu   sync.Mutex
	done map[string]map[int]bool
	// order lists the ids of events, oldest first.
	order []string
}

func newMemory(limit int) *memory { return &memory{limit: limit, done: map[string]map[int]bool{}} }

func (m *memory) settled(event string, route int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done[event][route]
}

func (m *memory) settle(event string, route int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done[event] == nil {
		m.done[event] = map[int]bool{}
		m.order = append(m.order, event)
	}
	m.done[event][route] = true
	for len(m.order) > m.limit {
		delete(m.done, m.order[0])
		m.order = m.order[1:]
	}
}
