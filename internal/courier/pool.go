package courier

import (
	"context"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// PoolOptions adjust a Pool; the zero value is the default.
type PoolOptions struct {
	// PerHost is how many calls may be open to one host. Default 64.
	PerHost int
	// Patience is how long a call waits for its turn. Default 2 s.
	Patience time.Duration
}

// Pool keeps one host that hangs from using up what all hosts share: a call beyond the limit of its host waits for a
// short while and is then not made. Its methods may be called from several goroutines.
type Pool struct {
	options PoolOptions

	mu    sync.Mutex
	hosts map[string]*turns
}

// turns are those of one host; users counts who has one or waits for one.
type turns struct {
	open  chan struct{}
	users int
}

// NewPool returns a pool without calls.
func NewPool(o PoolOptions) *Pool {
	if o.PerHost <= 0 {
		o.PerHost = 64
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Second
	}
	return &Pool{options: o, hosts: map[string]*turns{}}
}

// enter waits for a turn at a host, which ends with leave.
func (p *Pool) enter(ctx context.Context, host string) (leave func(), err error) {
	t := p.join(host)
	if err := t.wait(ctx, p.options.Patience); err != nil {
		p.part(host, t)
		return nil, fault.Errorf(fault.Unavailable, "%s was not called: %d calls to it are open already", host, p.options.PerHost)
	}
	return func() {
		<-t.open
		p.part(host, t)
	}, nil
}

func (t *turns) wait(ctx context.Context, patience time.Duration) error {
	select {
	case t.open <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case t.open <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Pool) join(host string) *turns {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.hosts[host]
	if t == nil {
		t = &turns{open: make(chan struct{}, p.options.PerHost)}
		p.hosts[host] = t
	}
	t.users++
	return t
}

func (p *Pool) part(host string, t *turns) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.users--
	if t.users == 0 {
		delete(p.hosts, host)
	}
}
