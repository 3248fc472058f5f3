package engine

import (
	"container/heap"
	"sync"
	"time"
)

// queue says which canary is next. A key is in it at most once and never handed out while a pass of it is in
// progress; keys that wait for a time cost one entry in a heap, idle keys nothing. It is first come, first
// served: a key that comes back goes behind all that wait.
type queue struct {
	mu      sync.Mutex
	slots   int
	ready   []Key
	tickets map[Key]*ticket
	delayed delays
	// poke holds a token when the loop has to look again.
	poke chan struct{}
}

// ticket is what the queue knows of a key that is not idle.
type ticket struct {
	key Key
	// queued says that the key is in ready, running that a pass is in progress, again that it needs another one.
	queued, running, again bool
	// due is the time of the delayed wake, if index is not -1; index is its place in the heap.
	due   time.Time
	index int
}

// slot is the right to make one pass. It can be given back before the pass is over, when the pass hangs in a call
// that ignores its deadline: the canary stays busy, the worker does not.
type slot struct {
	key      Key
	returned bool
}

func newQueue(slots int) *queue {
	return &queue{slots: slots, tickets: map[Key]*ticket{}, poke: make(chan struct{}, 1)}
}

// add asks for a pass now.
func (q *queue) add(key Key) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.readyLocked(q.ticketLocked(key))
	q.pokeLocked()
}

// addAt asks for a pass at a time, unless an earlier one is asked for already.
func (q *queue) addAt(key Key, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.ticketLocked(key)
	switch {
	case t.index < 0:
		t.due = at
		heap.Push(&q.delayed, t)
	case at.Before(t.due):
		t.due = at
		heap.Fix(&q.delayed, t.index)
	default:
		return
	}
	if t.index == 0 {
		q.pokeLocked()
	}
}

// take returns the next key whose pass may begin, or the time of the next delayed wake (zero without one).
func (q *queue) take(now time.Time) (*slot, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.delayed) > 0 && !q.delayed[0].due.After(now) {
		t := q.delayed[0]
		heap.Remove(&q.delayed, 0)
		q.readyLocked(t)
	}
	if q.slots > 0 && len(q.ready) > 0 {
		t := q.tickets[q.ready[0]]
		q.ready = q.ready[1:]
		if len(q.ready) == 0 {
			q.ready = nil
		}
		q.slots--
		t.queued, t.running = false, true
		if t.index >= 0 {
			// The pass decides anew when it needs the next one.
			heap.Remove(&q.delayed, t.index)
		}
		return &slot{key: t.key}, time.Time{}
	}
	if len(q.delayed) > 0 {
		return nil, q.delayed[0].due
	}
	return nil, time.Time{}
}

// giveBack returns a slot while its pass goes on.
func (q *queue) giveBack(s *slot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.giveBackLocked(s)
}

// done ends a pass.
func (q *queue) done(s *slot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.giveBackLocked(s)
	t := q.tickets[s.key]
	t.running = false
	if t.again {
		t.again = false
		q.readyLocked(t)
	}
	if !t.queued && t.index < 0 {
		delete(q.tickets, s.key)
	}
}

func (q *queue) giveBackLocked(s *slot) {
	if s.returned {
		return
	}
	s.returned = true
	q.slots++
	q.pokeLocked()
}

func (q *queue) ticketLocked(key Key) *ticket {
	t := q.tickets[key]
	if t == nil {
		t = &ticket{key: key, index: -1}
		q.tickets[key] = t
	}
	return t
}

func (q *queue) readyLocked(t *ticket) {
	switch {
	case t.running:
		t.again = true
	case !t.queued:
		t.queued = true
		q.ready = append(q.ready, t.key)
	}
}

func (q *queue) pokeLocked() {
	select {
	case q.poke <- struct{}{}:
	default:
	}
}

// delays is a heap of tickets, the earliest first; it keeps their index.
//
//nolint:recvcheck // heap.Interface changes the slice in Push and Pop only.
type delays []*ticket

// Len is part of heap.Interface.
func (d delays) Len() int { return len(d) }

// Less is part of heap.Interface.
func (d delays) Less(i, j int) bool { return d[i].due.Before(d[j].due) }

// Swap is part of heap.Interface.
func (d delays) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push is part of heap.Interface.
func (d *delays) Push(x any) {
	t, ok := x.(*ticket)
	if !ok {
		return
	}
	t.index = len(*d)
	*d = append(*d, t)
}

// Pop is part of heap.Interface.
func (d *delays) Pop() any {
	last := len(*d) - 1
	t := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	t.index = -1
	return t
}
