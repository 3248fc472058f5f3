package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// mailbox delivers the events of one canary, one after the other and in their order, outside its passes. The
// outbox in the state is the durable copy: what is lost here is posted again by a later Step.
type mailbox struct {
	mu sync.Mutex
	// notifier is that of the canary as it was wanted last.
	notifier Notifier
	letters  map[string]*letter
	line     []*letter
	// busy says that a delivery is on its way.
	busy bool
	// unwritten are the letters that the journal has not been offered yet; writing says that it is being offered some.
	unwritten []*letter
	writing   bool
}

// letter is one event that is being delivered.
type letter struct {
	event rollout.Event
	// journaled and told say what is done; told is also true once the notifier was given up. offered says that the
	// journal has been offered it once: from then on a delivery offers it again.
	offered, journaled, told bool
	tries                    int
	// inLine says that a delivery is under way or about to be; due is when it may be tried again.
	inLine bool
	due    time.Time
}

// post takes the events that a Step wants delivered. begin says that the caller has to start a delivery; next is
// when to post again what has to wait, or zero.
func (b *mailbox) post(notifier Notifier, events []rollout.Event, now time.Time) (begin bool, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notifier = notifier
	for i := range events {
		l := b.letterLocked(&events[i])
		switch {
		case l.inLine, l.told && (l.journaled || !l.offered):
		case now.Before(l.due):
			next = earliest(next, l.due)
		default:
			l.inLine = true
			b.line = append(b.line, l)
		}
	}
	begin = !b.busy && len(b.line) > 0
	b.busy = b.busy || begin
	return begin, next
}

func (b *mailbox) letterLocked(e *rollout.Event) *letter {
	l := b.letters[e.ID]
	if l == nil {
		if b.letters == nil {
			b.letters = map[string]*letter{}
		}
		l = &letter{event: *e}
		b.letters[e.ID] = l
		b.unwritten = append(b.unwritten, l)
	}
	return l
}

// write says whether the caller has to begin to offer letters to the journal.
func (b *mailbox) write() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	begin := !b.writing && len(b.unwritten) > 0
	b.writing = b.writing || begin
	return begin
}

// nextUnwritten takes the first letter that the journal has not been offered, with its event. Without one the writing is
// over.
func (b *mailbox) nextUnwritten() (*letter, rollout.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.unwritten) == 0 {
		b.unwritten, b.writing = nil, false
		return nil, rollout.Event{}
	}
	l := b.unwritten[0]
	b.unwritten = b.unwritten[1:]
	return l, l.event
}

// offered notes whether the journal has taken a letter.
func (b *mailbox) offered(l *letter, taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.offered, l.journaled = true, taken
}

// delivered lists the ids of the events that have arrived or were given up.
func (b *mailbox) delivered() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for id, l := range b.letters {
		if l.journaled && l.told && !l.inLine {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// retain forgets the letters whose events nobody has to tell any more.
func (b *mailbox) retain(events map[string]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, l := range b.letters {
		if !l.inLine && !events[id] {
			delete(b.letters, id)
		}
	}
	if len(b.letters) == 0 {
		b.letters = nil
	}
}

// next takes the first letter in line, with what is done of it so far. Without one the delivery is over.
func (b *mailbox) next() (*letter, letter, Notifier) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.line) == 0 {
		b.line, b.busy = nil, false
		return nil, letter{}, nil
	}
	l := b.line[0]
	b.line = b.line[1:]
	return l, *l, b.notifier
}

// putBack ends an attempt with what it has achieved.
func (b *mailbox) putBack(l *letter, attempt letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	attempt.event, attempt.inLine = l.event, false
	attempt.offered, attempt.journaled = attempt.offered || l.offered, attempt.journaled || l.journaled
	*l = attempt
}

// write offers the journal every letter that it has not been offered, so that people can read what happened while a
// receiver hangs. What the journal does not take now is offered again with each delivery.
func (e *Engine) write(ctx context.Context, key Key, box *mailbox) {
	for l, event := box.nextUnwritten(); l != nil; l, event = box.nextUnwritten() {
		box.offered(l, ctx.Err() == nil && e.journal(ctx, key, event) == nil)
	}
	e.Wake(key)
}

// deliver makes one attempt for the first letter in line and goes to the end of the pool's line for the next, so
// that a canary with much to tell does not keep the others from telling anything.
func (e *Engine) deliver(ctx context.Context, key Key, box *mailbox) {
	l, sofar, notifier := box.next()
	if l == nil {
		e.Wake(key)
		return
	}
	if ctx.Err() == nil {
		box.putBack(l, e.attempt(ctx, key, sofar, notifier))
	}
	e.mails.submit(func() { e.deliver(ctx, key, box) })
}

// attempt tries what is still to be done for a letter: first the journal, if it has refused the letter once, then the
// receivers. A journal that fails keeps nobody from being told.
func (e *Engine) attempt(ctx context.Context, key Key, l letter, notifier Notifier) letter {
	l.tries++
	var failed []error
	if !l.journaled && l.offered {
		err := e.journal(ctx, key, l.event)
		l.journaled = err == nil
		failed = append(failed, err)
	}
	if !l.told {
		err := e.notify(ctx, notifier, l.event)
		l.told = err == nil || l.tries >= e.opts.Pace.Deliveries
		failed = append(failed, err)
	}
	err := errors.Join(failed...)
	switch {
	case err == nil || ctx.Err() != nil:
	case l.told && l.journaled:
		e.opts.Logger.Warn("Giving up the delivery of an event",
			"canary", key.String(), "event", l.event.ID, "tries", l.tries, "error", err.Error())
	default:
		e.opts.Logger.Warn("Delivery of an event failed",
			"canary", key.String(), "event", l.event.ID, "tries", l.tries, "error", err.Error())
		// Whatever the kind, another receiver of the same event may have had a passing problem.
		l.due = e.opts.Clock.Now().Add(e.backoff(fault.Unavailable, l.tries, fault.RetryAfter(err)))
	}
	return l
}

func (e *Engine) journal(ctx context.Context, key Key, event rollout.Event) error {
	if e.opts.Journal == nil {
		return nil
	}
	return e.within(ctx, e.opts.Deadlines.Store, "append to the journal", func(ctx context.Context) error {
		return e.opts.Journal.Append(ctx, key, event)
	})
}

func (e *Engine) notify(ctx context.Context, notifier Notifier, event rollout.Event) error {
	if notifier == nil {
		return nil
	}
	return e.within(ctx, e.opts.Deadlines.Notify, "notify", func(ctx context.Context) error {
		return notifier.Notify(ctx, event)
	})
}

// within calls with a deadline and turns a panic into an error.
func (e *Engine) within(
	ctx context.Context, d time.Duration, what string, call func(context.Context) error,
) (err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			e.opts.Logger.Error("Delivery panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = fault.Errorf(fault.Unavailable, "%s: internal error: %v", what, v)
		}
	}()
	if err := call(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
