package standalone

import (
	"cmp"
	"slices"
	"sync"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
)

var _ engine.Source = (*source)(nil)

// source tells the engine which canaries are wanted. Each of them is immutable and replaced as a whole.
type source struct {
	// gone is called once a canary has been released.
	gone func(engine.Key)

	mu       sync.RWMutex
	canaries map[engine.Key]*engine.Canary
}

// Canary returns the canary, or a fault.NotFound error.
func (s *source) Canary(key engine.Key) (*engine.Canary, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c, ok := s.canaries[key]; ok {
		return c, nil
	}
	return nil, fault.Errorf(fault.NotFound, "there is no canary %s", key)
}

// Keys lists all canaries, those to be released included.
func (s *source) Keys() []engine.Key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := make([]engine.Key, 0, len(s.canaries))
	for key := range s.canaries {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b engine.Key) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

// Gone is called once a canary has been released and its state deleted.
func (s *source) Gone(key engine.Key) { s.gone(key) }

// replace makes canaries the ones that are wanted.
func (s *source) replace(canaries map[engine.Key]*engine.Canary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canaries = canaries
}
