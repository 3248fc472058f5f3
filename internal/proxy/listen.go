package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

const (
	// reopenFirst and reopenLimit are the waits between attempts to open a listener.
	reopenFirst = time.Second
	reopenLimit = 30 * time.Second
	// streamsPerConnection bounds the requests under way on one HTTP/2 connection of a client.
	streamsPerConnection = 1000
)

// listener is one address that is open, or should be.
type listener struct {
	address string
	// key and field are the service that it belongs to, and which of its addresses it is; the shared one has none.
	key    table.Key
	field  string
	server *http.Server
	socket net.Listener
	// seen is the round in which the table last had it.
	seen uint64
	// closing says that the end of its socket is wanted.
	closing atomic.Bool

	// problem says why it is not open; it is tried again at next.
	problem string
	next    time.Time
	wait    time.Duration
}

func (l *listener) shared() bool { return l.field == "" }

// listeners are those of one Run, which alone calls the methods.
type listeners struct {
	proxy *Proxy
	// begin opens a socket and the server on it.
	begin  func(*listener) error
	all    map[string]*listener
	round  uint64
	failed chan *listener
	// tasks are the servers, and the ends of those that have left the table.
	tasks sync.WaitGroup
	done  chan struct{}
}

func newListeners(base context.Context, p *Proxy) *listeners {
	set := &listeners{proxy: p, all: map[string]*listener{}, failed: make(chan *listener), done: make(chan struct{})}
	set.begin = func(l *listener) error { return set.open(withBase(base), l) }
	return set
}

// open opens the socket and serves it.
func (set *listeners) open(base context.Context, l *listener) error {
	var config net.ListenConfig
	socket, err := config.Listen(base, "tcp", l.address)
	if err != nil {
		return err
	}
	p := set.proxy
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	l.socket = socket
	l.server = &http.Server{
		Handler:                      http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, l.address) }),
		Protocols:                    protocols,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: streamsPerConnection},
		ReadHeaderTimeout:            p.o.HeaderTimeout,
		IdleTimeout:                  p.o.ClientIdle,
		MaxHeaderBytes:               p.o.HeaderBytes,
		ErrorLog:                     slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		BaseContext:                  func(net.Listener) context.Context { return base },
		DisableGeneralOptionsHandler: true,
	}
	server := l.server
	set.tasks.Go(func() {
		err := server.Serve(socket)
		if l.closing.Load() {
			return
		}
		p.log.Error("Listener lost", "address", l.address, "err", err)
		select {
		case set.failed <- l:
		case <-set.done:
		}
	})
	return nil
}

func (set *listeners) openShared(address string) error {
	l := &listener{address: address}
	if err := set.begin(l); err != nil {
		return fault.Errorf(kindOf(err), "%s", explain("the shared listener", address, err))
	}
	set.all[address] = l
	return nil
}

// follow closes the listeners that have left the table, and opens those that are wanted and not open if their time
// has come.
func (set *listeners) follow(ctx context.Context, t *table.Table) {
	set.round++
	var fresh []*listener
	t.Addresses(func(address string, d table.Destination) {
		key, field := t.At(d.Position).Key, fieldOf(d.Side)
		if l := set.all[address]; l != nil {
			l.seen, l.key, l.field = set.round, key, field
			return
		}
		fresh = append(fresh, &listener{address: address, key: key, field: field, seen: set.round})
	})
	for address, l := range set.all {
		if !l.shared() && l.seen != set.round {
			delete(set.all, address)
			set.retire(ctx, l)
		}
	}
	for _, l := range fresh {
		set.all[l.address] = l
	}
	now := time.Now()
	for _, l := range set.all {
		if l.server == nil && !l.next.After(now) {
			set.try(l, now)
		}
	}
}

func fieldOf(side rollout.SideName) string {
	if side == "" {
		return "listen.apex"
	}
	return "listen." + string(side)
}

func (set *listeners) try(l *listener, now time.Time) {
	err := set.begin(l)
	if err == nil {
		l.problem, l.wait = "", 0
		return
	}
	what := l.field
	if l.shared() {
		what = "the shared listener"
	}
	l.problem = explain(what, l.address, err)
	l.wait = min(max(2*l.wait, reopenFirst), reopenLimit)
	l.next = now.Add(l.wait)
	set.proxy.log.Warn("Listener not open", "address", l.address, "service", l.key.String(), "err", err, "again", l.wait)
}

// lost notes that a server ended by itself.
func (set *listeners) lost(l *listener) {
	_ = l.server.Close()
	l.server, l.socket = nil, nil
	l.problem = l.field + " was lost: " + l.address + " does not accept connections any more, it is opened again"
	l.wait = reopenFirst
	l.next = time.Now().Add(l.wait)
}

// retire ends a listener that has left the table: its port is free at once, its exchanges end within the grace.
func (set *listeners) retire(ctx context.Context, l *listener) {
	if l.server == nil {
		return
	}
	l.closing.Store(true)
	_ = l.socket.Close()
	server, grace := l.server, set.proxy.o.Grace
	set.tasks.Go(func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if err := server.Shutdown(limited); err != nil {
			_ = server.Close()
		}
	})
}

// refusals are the listeners that are not open. The split holds for whoever comes another way.
func (set *listeners) refusals() []table.Refusal {
	problems := map[table.Key][]string{}
	for _, l := range set.all {
		if l.problem != "" && !l.shared() {
			problems[l.key] = append(problems[l.key], l.problem)
		}
	}
	var refused []table.Refusal
	for key, list := range problems {
		slices.Sort(list)
		refused = append(refused, table.Refusal{Key: key, Message: strings.Join(list, "; "), InForce: true})
	}
	return refused
}

// again returns a channel that says when to try again to open what is not open, and a function that ends it.
func (set *listeners) again() (<-chan time.Time, func()) {
	var next time.Time
	for _, l := range set.all {
		if l.server == nil && (next.IsZero() || l.next.Before(next)) {
			next = l.next
		}
	}
	if next.IsZero() {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(next))
	return timer.C, func() { timer.Stop() }
}

// shutdown accepts nothing more and waits until the connections are idle or ctx ends.
func (set *listeners) shutdown(ctx context.Context) {
	close(set.done)
	var servers sync.WaitGroup
	for _, l := range set.all {
		if l.server == nil {
			continue
		}
		l.closing.Store(true)
		servers.Go(func() { _ = l.server.Shutdown(ctx) })
	}
	servers.Wait()
}

// close cuts what is left and waits for the servers.
func (set *listeners) close() {
	for _, l := range set.all {
		if l.server != nil {
			_ = l.server.Close()
		}
	}
	set.tasks.Wait()
}
