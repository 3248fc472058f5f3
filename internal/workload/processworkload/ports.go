package processworkload

import (
	"errors"
	"net"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
)

// resting is how many ports that were given back are kept from the next pods: a data plane may still be on its way
// to forget who listened there.
const resting = 64

// ports hands out free loopback ports, none of them twice at a time. Somebody else may take one before its pod
// listens; that pod then ends and gets others.
type ports struct {
	mu    sync.Mutex
	taken map[int]bool
	freed []int
}

// take returns n free ports.
func (p *ports) take(n int) (numbers []int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []net.Listener
	defer func() {
		for _, l := range open {
			err = errors.Join(err, l.Close())
		}
	}()
	// Each listener stays open until all are found, so that the kernel gives another number each time.
	for len(numbers) < n {
		if len(open) > n+2*resting+len(p.taken) {
			return nil, fault.Errorf(fault.Unavailable, "find a port: all that the kernel offers are taken")
		}
		l, err := net.Listen("tcp4", loopback(0)) //nolint:noctx // It returns at once.
		if err != nil {
			return nil, fault.Errorf(fault.Unavailable, "find a port: %w", err)
		}
		open = append(open, l)
		if a, ok := l.Addr().(*net.TCPAddr); ok && !p.taken[a.Port] {
			numbers = append(numbers, a.Port)
		}
	}
	p.holdLocked(numbers)
	return numbers, nil
}

// hold keeps ports that are in use already.
func (p *ports) hold(numbers []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holdLocked(numbers)
}

func (p *ports) holdLocked(numbers []int) {
	if p.taken == nil {
		p.taken = map[int]bool{}
	}
	for _, n := range numbers {
		p.taken[n] = true
	}
}

// free gives ports back.
func (p *ports) free(numbers []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.freed = append(p.freed, numbers...)
	for len(p.freed) > resting {
		delete(p.taken, p.freed[0])
		p.freed = p.freed[1:]
	}
}
