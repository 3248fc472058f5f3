// Package feed tells subscribers what has changed. All of them read one ring of bounded size at their own pace, so a
// slow one costs no memory and delays nobody: it misses changes and is told how many.
package feed

import (
	"context"
	"sync"

	"github.com/serin-dev/serin/internal/rollout"
)

// Kind says what sort of change it was.
type Kind string

// The kinds.
const (
	// StateSaved means that the state of a canary is a new one.
	StateSaved Kind = "state"
	// StateDeleted means that a canary is gone.
	StateDeleted Kind = "deleted"
	// EventAppended means that something happened to a canary; the change carries the event.
	EventAppended Kind = "event"
	// CommandGiven means that a person told a canary what to do.
	CommandGiven Kind = "command"
	// BrakeChanged means that the whole installation was paused or resumed.
	BrakeChanged Kind = "brake"
	// Missed means that the subscriber has lost Lost changes and has to read everything again. Lost is 0 if nobody
	// knows how many.
	Missed Kind = "missed"
)

// Change is one thing that changed.
type Change struct {
	// ID grows with every change.
	ID        uint64 `json:"id" doc:"Number of the change; a stream is resumed after it"`
	Kind      Kind   `json:"kind" enum:"state,deleted,event,command,brake,missed" doc:"What sort of change it is"`
	Namespace string `json:"namespace,omitempty" doc:"Namespace of the canary that changed"`
	Name      string `json:"name,omitempty" doc:"Name of the canary that changed"`
	// Event is what happened, for EventAppended.
	Event *rollout.Event `json:"event,omitempty" doc:"What happened, for changes of the kind event"`
	Lost  uint64         `json:"lost,omitempty" doc:"Number of changes that were missed"`
}

// Options adjust a Feed.
type Options struct {
	// Size is how many changes are kept for subscribers that read slowly or come back. Default 1024.
	Size int
	// First is the ID of the first change. A daemon derives it from the time it starts, so that the ID that a
	// subscriber knows from an earlier daemon is never taken for one of this daemon's. Default 1.
	First uint64
}

// Feed is a stream of changes. Its methods may be called from several goroutines.
type Feed struct {
	mu   sync.Mutex
	ring []Change
	next uint64
	// first is the oldest ID that there ever was.
	first uint64
	// news is closed and replaced when a change is published.
	news chan struct{}
}

// New returns an empty Feed.
func New(o Options) *Feed {
	if o.Size <= 0 {
		o.Size = 1024
	}
	if o.First == 0 {
		o.First = 1
	}
	return &Feed{ring: make([]Change, o.Size), next: o.First, first: o.First, news: make(chan struct{})}
}

// Publish gives the change its ID and hands it to every subscriber. It never blocks on one.
func (f *Feed) Publish(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.ID = f.next
	f.ring[c.ID%uint64(len(f.ring))] = c
	f.next++
	close(f.news)
	f.news = make(chan struct{})
}

// Subscribe returns a subscription to the changes after the one with the ID after; 0 means from now on. Where those
// changes are not known any more, the first change is of the kind Missed. A subscription needs no closing.
func (f *Feed) Subscribe(after uint64) *Subscription {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &Subscription{feed: f, at: after + 1}
	switch {
	case after == 0:
		s.at = f.next
	case after < f.first-1 || after >= f.next:
		s.at, s.foreign = f.next, true
	}
	return s
}

// Subscription is one reader of a Feed. It belongs to one goroutine.
type Subscription struct {
	feed *Feed
	at   uint64
	// foreign means that the reader came with an ID that this feed has never given.
	foreign bool
}

// Next waits for the next change. It returns the context's error when that ends first.
func (s *Subscription) Next(ctx context.Context) (Change, error) {
	for {
		c, news, ok := s.take()
		if ok {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return Change{}, ctx.Err()
		case <-news:
		}
	}
}

func (s *Subscription) take() (Change, <-chan struct{}, bool) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.foreign {
		s.foreign = false
		return Change{ID: s.at - 1, Kind: Missed}, nil, true
	}
	oldest := f.first
	if size := uint64(len(f.ring)); f.next-f.first > size {
		oldest = f.next - size
	}
	switch {
	case s.at < oldest:
		lost := oldest - s.at
		s.at = oldest
		return Change{ID: oldest - 1, Kind: Missed, Lost: lost}, nil, true
	case s.at < f.next:
		c := f.ring[s.at%uint64(len(f.ring))]
		s.at++
		return c, nil, true
	default:
		return Change{}, f.news, false
	}
}
