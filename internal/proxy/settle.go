package proxy

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Settle returns nil once the table in force names none of the addresses (HOST:PORT) and no exchange with them is
// under way, or ctx's error. From then on none of them gets a request, unless a later table names it again.
func (p *Proxy) Settle(ctx context.Context, addresses []string) error {
	for {
		changed := p.news.next()
		if p.settled(addresses) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the last exchanges with %s: %w", strings.Join(addresses, ", "), ctx.Err())
		case <-changed:
		}
	}
}

// settled relies on the order of things. A request counts itself at its endpoint before it looks whether its snapshot
// is still in force; an endpoint is unnamed after the next snapshot is in force. So whoever sees an endpoint that is
// unnamed and counts 0 knows that a request that is about to count itself will notice, and pick again.
func (p *Proxy) settled(addresses []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := true
	for _, address := range addresses {
		e := p.endpoints[address]
		if e == nil {
			continue
		}
		e.watched.Store(true)
		if e.named > 0 || e.inFlight.Load() != 0 {
			all = false
		}
	}
	return all
}

// quiet waits until no exchange is under way.
func (p *Proxy) quiet(ctx context.Context) error {
	p.ending.Store(true)
	for {
		changed := p.news.next()
		if p.exchanges.Load() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (p *Proxy) begun() { p.exchanges.Add(1) }

func (p *Proxy) ended() {
	if p.exchanges.Add(-1) == 0 && p.ending.Load() {
		p.news.tell()
	}
}

// news wakes everybody who waits.
type news struct {
	mu      sync.Mutex
	changed chan struct{}
}

// next returns a channel that is closed when something happens from now on.
func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	return n.changed
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}
