package engine

import (
	"maps"
	"slices"
	"sync"
)

// maxResults bounds the results of one kind that are kept for a canary; the oldest go first.
const maxResults = 64

// inquiry remembers the questions of one kind that one canary asked, and their results.
type inquiry[T any] struct {
	mu sync.Mutex
	// flying are the ids whose calls have not returned, overdue ones included.
	flying map[string]struct{}
	// wanted are the ids that the latest Step asked for.
	wanted  []string
	results map[string]T
	// order lists the ids of results, oldest first.
	order []string
}

// snapshot returns the results so far; the map is the caller's.
func (q *inquiry[T]) snapshot() map[string]T {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.results)
}

// begin claims a question. It is false when the question is in flight or answered, or when limit calls are in
// flight: each of them wakes the canary when it ends, and then the next pass comes back to this question.
func (q *inquiry[T]) begin(id string, limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, flying := q.flying[id]
	_, answered := q.results[id]
	if flying || answered || len(q.flying) >= limit {
		return false
	}
	if q.flying == nil {
		q.flying = map[string]struct{}{}
	}
	q.flying[id] = struct{}{}
	return true
}

// wants says whether the latest Step still asked for id: a call that waited in line asks first.
func (q *inquiry[T]) wants(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Contains(q.wanted, id)
}

// settle keeps a result, unless there is one already.
func (q *inquiry[T]) settle(id string, result T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.results[id]; ok {
		return
	}
	if q.results == nil {
		q.results = map[string]T{}
	}
	q.results[id] = result
	q.order = append(q.order, id)
	for len(q.order) > maxResults {
		delete(q.results, q.order[0])
		q.order = slices.Delete(q.order, 0, 1)
	}
}

// end says that the call for id has returned.
func (q *inquiry[T]) end(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.flying, id)
}

// want says what the latest Step asked for.
func (q *inquiry[T]) want(ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wanted = ids
}

// forget drops the results that the latest Step did not ask for.
func (q *inquiry[T]) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.order[:0]
	for _, id := range q.order {
		if slices.Contains(q.wanted, id) {
			kept = append(kept, id)
		} else {
			delete(q.results, id)
		}
	}
	q.order = kept
	if len(kept) == 0 {
		q.order, q.results = nil, nil
	}
}
