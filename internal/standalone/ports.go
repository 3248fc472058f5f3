package standalone

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
)

// The range of the stable ports, in which Kubernetes has its node ports: below those that the kernel gives to outgoing
// connections, and above those that programs ask for by themselves.
const (
	firstPort = 30000
	lastPort  = 32767
	portCount = lastPort - firstPort + 1
)

// portStore remembers ports over restarts. The store of standalone mode is one.
type portStore interface {
	Ports(ctx context.Context) (map[string]int, error)
	SetPort(ctx context.Context, name string, port int) error
}

// ports gives names a port each, and the same one again for as long as the name is known.
type ports struct {
	store portStore
	// first is where the search begins: daemons of several directories on one machine begin at different places, so that
	// one that is down does not lose its ports to another.
	first int
	// open says whether nobody else has a port.
	open func(port int) bool

	mu    sync.Mutex
	given map[string]int
	taken map[int]bool
}

// newPorts returns the ports that the store remembers. The seed says where the search for others begins.
func newPorts(ctx context.Context, store portStore, seed uint32) (*ports, error) {
	given, err := store.Ports(ctx)
	if err != nil {
		return nil, err
	}
	p := &ports{store: store, first: int(seed % portCount), open: bindable, given: given, taken: map[int]bool{}}
	for _, port := range given {
		p.taken[port] = true
	}
	return p, nil
}

// bindable tries a port. Between the try and its use another program may take it: then its listener says so.
func bindable(port int) bool {
	ln, err := net.Listen("tcp", local(port)) //nolint:noctx // Binding a loopback port does not block.
	if err != nil {
		return false
	}
	return ln.Close() == nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// address returns the address of a name, which gets a port if it has none.
func (p *ports) address(ctx context.Context, name string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if port, ok := p.given[name]; ok {
		return local(port), nil
	}
	for i := range portCount {
		port := firstPort + (p.first+i)%portCount
		if p.taken[port] || !p.open(port) {
			continue
		}
		if err := p.store.SetPort(ctx, name, port); err != nil {
			return "", fmt.Errorf("give %s a port: %w", name, err)
		}
		p.given[name], p.taken[port] = port, true
		return local(port), nil
	}
	return "", fault.Errorf(fault.Unavailable, "there is no free port for %s from %d to %d: end programs that have some", name, firstPort, lastPort)
}

// forget takes the port of a name back.
func (p *ports) forget(ctx context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	port, ok := p.given[name]
	if !ok {
		return nil
	}
	if err := p.store.SetPort(ctx, name, 0); err != nil {
		return fmt.Errorf("take the port of %s back: %w", name, err)
	}
	delete(p.given, name)
	delete(p.taken, port)
	return nil
}
