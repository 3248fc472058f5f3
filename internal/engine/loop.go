package engine

import (
	"context"
	"time"
)

// loop hands out passes until ctx ends. It is the only goroutine that an engine without work has, and it has one
// timer: the earliest delayed wake.
func (e *Engine) loop(ctx context.Context) {
	alarm := alarm{clock: e.opts.Clock, ring: e.queue.ring}
	defer alarm.clear()
	for ctx.Err() == nil {
		slot, next := e.queue.take(e.opts.Clock.Now())
		if slot != nil {
			e.crew.start(func() {
				defer e.queue.done(slot)
				e.pass(ctx, slot)
			})
			continue
		}
		alarm.set(next)
		select {
		case <-ctx.Done():
		case <-e.queue.poke:
		}
	}
}

// ring makes the loop look again.
func (q *queue) ring() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pokeLocked()
}

// alarm is one timer.
type alarm struct {
	clock Clock
	ring  func()
	stop  func() bool
}

// set replaces the time; zero means never.
func (a *alarm) set(at time.Time) {
	a.clear()
	if !at.IsZero() {
		a.stop = a.clock.AfterFunc(at.Sub(a.clock.Now()), a.ring)
	}
}

func (a *alarm) clear() {
	if a.stop != nil {
		a.stop()
		a.stop = nil
	}
}
