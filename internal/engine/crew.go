package engine

import (
	"sync"
	"time"
)

// crew owns every goroutine of an engine, so that a shutdown can wait for them and none begins afterwards.
type crew struct {
	mu     sync.Mutex
	busy   int
	closed bool
	empty  chan struct{}
}

func newCrew() *crew { return &crew{empty: make(chan struct{})} }

// start runs f in a goroutine, and nothing once the crew was dismissed.
func (c *crew) start(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.busy++
	go func() {
		defer c.leave()
		f()
	}()
}

func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	if c.closed && c.busy == 0 {
		close(c.empty)
	}
}

// dismiss lets nobody start any more, waits until all have left, at most for patience, and returns how many
// have not.
func (c *crew) dismiss(patience time.Duration) int {
	c.mu.Lock()
	c.closed = true
	busy := c.busy
	c.mu.Unlock()
	if busy == 0 {
		return 0
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.empty:
		return 0
	case <-timer.C:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.busy
	}
}

// pool bounds how many calls of one kind run at the same time. The others wait in line, without a goroutine.
type pool struct {
	crew *crew
	mu   sync.Mutex
	free int
	line []func()
}

func newPool(c *crew, size int) *pool { return &pool{crew: c, free: size} }

// submit never blocks. What is in line when the crew is dismissed still runs, on the goroutines that are there:
// it has to look at its context first.
func (p *pool) submit(call func()) {
	p.mu.Lock()
	if p.free == 0 {
		p.line = append(p.line, call)
		p.mu.Unlock()
		return
	}
	p.free--
	p.mu.Unlock()
	p.crew.start(func() {
		for next := call; next != nil; next = p.next() {
			next()
		}
	})
}

// next takes the first call in line, or gives the caller's place back.
func (p *pool) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) == 0 {
		p.line = nil
		p.free++
		return nil
	}
	call := p.line[0]
	p.line[0] = nil
	p.line = p.line[1:]
	return call
}
