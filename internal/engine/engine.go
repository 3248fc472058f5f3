package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/serin-dev/serin/internal/fault"
)

// Engine runs all canaries of one Source. At any time at most one pass is in progress for a canary.
type Engine struct {
	source Source
	store  Store
	opts   Options

	queue *queue
	crew  *crew
	// One pool for each kind of third party, so that hooks that hang do not keep metrics or people waiting.
	asks, measures, mails *pool

	running atomic.Bool
	mu      sync.Mutex
	members map[Key]*member
}

// New returns an engine that does nothing until Run.
func New(source Source, store Store, opts Options) (*Engine, error) {
	if source == nil || store == nil {
		return nil, fault.Errorf(fault.Invalid, "an engine needs a source of canaries and a store")
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	crew := newCrew()
	return &Engine{
		source:   source,
		store:    store,
		opts:     opts,
		queue:    newQueue(opts.Workers),
		crew:     crew,
		asks:     newPool(crew, opts.Background),
		measures: newPool(crew, opts.Background),
		mails:    newPool(crew, opts.Background),
		members:  map[Key]*member{},
	}, nil
}

// Wake asks for a pass of a canary as soon as a worker is free. It never blocks; wakes that arrive before the pass
// begins are one, and a wake during a pass leads to another pass. Waking an unknown key costs a look-up.
func (e *Engine) Wake(key Key) { e.queue.add(key) }

// Status returns what the latest pass of a canary left behind; false before the first pass.
func (e *Engine) Status(key Key) (Status, bool) {
	e.mu.Lock()
	m := e.members[key]
	e.mu.Unlock()
	if m == nil {
		return Status{}, false
	}
	s := m.status.Load()
	if s == nil {
		return Status{}, false
	}
	return *s, true
}

// Run wakes every canary of the source and makes passes until ctx ends. Then it begins nothing more, waits for the
// passes and the background calls, a bounded time, and returns: nil, or an error that says how many calls ignored
// the end of their context. An engine runs once.
func (e *Engine) Run(ctx context.Context) error {
	if !e.running.CompareAndSwap(false, true) {
		return errors.New("this engine has run already")
	}
	for _, key := range e.source.Keys() {
		e.queue.add(key)
	}
	e.loop(ctx)
	if left := e.crew.dismiss(e.opts.Deadlines.Stop); left > 0 {
		return fault.Errorf(fault.Unavailable, "%d calls did not return within %s of the shutdown", left, e.opts.Deadlines.Stop)
	}
	return nil
}

// member returns what the engine remembers of a canary.
func (e *Engine) member(key Key) *member {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.members[key]
	if m == nil {
		m = &member{}
		e.members[key] = m
	}
	return m
}

func (e *Engine) forget(key Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.members, key)
}
