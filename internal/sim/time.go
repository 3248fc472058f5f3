package sim

import (
	"context"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/engine"
)

// Time is how time passes for a world. In a bubble of testing/synctest it is virtual and exact; a machine's own time
// serves those who want to look on.
type Time interface {
	engine.Clock
	// Settle returns once nothing moves any more before time passes.
	Settle()
}

// clock is the wall clock that the engine reads. It can be set; timers do not follow it, as on a real machine.
type clock struct {
	time Time

	mu   sync.Mutex
	skew time.Duration
}

// Now is part of engine.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time.Now().Add(c.skew).Round(0)
}

// AfterFunc is part of engine.Clock.
func (c *clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return c.time.AfterFunc(d, f)
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew += d
}

// offset is how far the wall clock is from the true time.
func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew
}

// pause lets d pass, or returns false when ctx ends before.
func pause(ctx context.Context, t Time, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	over := make(chan struct{})
	stop := t.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}
