// Package proxy is the built-in data plane of standalone mode. It stands on the standard library's servers, transports
// and reverse proxy, and adds what they do not have: the routing table, swapped whole and without a lock, the choice of
// a version and of an endpoint for each request, and counters for each version under Envoy's names.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/xds/table"
)

// planeName is how the proxy is called where data planes are named.
const planeName = "proxy"

// Options adjust a Proxy. Zero values are the defaults.
type Options struct {
	// Logger is for operators; nil means silence.
	Logger *slog.Logger
	// Random is the source of every draw and may be called from several goroutines. nil means math/rand/v2's.
	Random func() uint64
	// Grace is how long open exchanges may take at the end of Run, or when their listener goes. Default 10 s.
	Grace time.Duration

	// HeaderBytes bounds the header of a request. Default 64 KiB.
	HeaderBytes int
	// HeaderTimeout bounds the wait for the rest of a header that has begun. Default 15 s.
	HeaderTimeout time.Duration
	// ClientIdle is how long an idle connection of a client stays open. The default of 5 minutes is longer than that
	// of usual clients, so that the client is the one who closes and never writes into a closing connection.
	ClientIdle time.Duration
	// EndpointIdle is how long an idle connection to an endpoint is kept. The default of 4 s is shorter than that of
	// usual servers for the same reason: a request that cannot be repeated must not meet a closing connection.
	EndpointIdle time.Duration
	// DialTimeout bounds one attempt to connect to an endpoint. Default 3 s.
	DialTimeout time.Duration
	// Spool is how many bytes of a request's body are kept for another attempt or a mirror: what is longer is sent
	// once and not mirrored. Default 64 KiB.
	Spool int
	// Mirrors is how many mirrored requests may be under way, further ones are dropped. Default 256.
	Mirrors int
	// MirrorTimeout bounds a mirrored exchange. Default 15 s.
	MirrorTimeout time.Duration
}

// Proxy is a data plane. Its methods may be called from several goroutines.
type Proxy struct {
	o       Options
	log     *slog.Logger
	store   *table.Store
	plane   *table.Plane
	reverse *httputil.ReverseProxy
	started time.Time
	running atomic.Bool

	// nothing is the table that is in force before Run and after it.
	nothing *table.Table
	// current is what requests are routed by.
	current atomic.Pointer[snapshot]
	// exchanges counts what is under way, mirrored requests included. ending says that somebody waits for 0.
	exchanges atomic.Int64
	ending    atomic.Bool
	mirrors   chan struct{}
	buffers   *buffers
	// news tells those who wait for an exchange to end or a table to be in force.
	news news

	// mu guards what belongs to several tables.
	mu        sync.Mutex
	endpoints map[string]*endpoint
	clusters  map[table.Key]*clusters
}

// New returns a proxy that has joined the store: nothing counts as acknowledged before it runs. It opens nothing.
func New(store *table.Store, o Options) (*Proxy, error) {
	if store == nil {
		return nil, fault.Errorf(fault.Invalid, "the proxy needs a routing table")
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	p := &Proxy{
		o: o, log: o.Logger, store: store, started: time.Now(),
		mirrors:   make(chan struct{}, o.Mirrors),
		buffers:   &buffers{},
		endpoints: map[string]*endpoint{},
		clusters:  map[table.Key]*clusters{},
	}
	empty, err := table.New("")
	if err != nil {
		return nil, err
	}
	p.nothing = empty
	p.current.Store(&snapshot{table: empty})
	p.reverse = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      carrier{},
		ModifyResponse: modifyResponse,
		ErrorHandler:   answerError,
		// Streams are passed on at once whatever this says; an answer of known length waits this long for more bytes.
		FlushInterval: 2 * time.Millisecond,
		BufferPool:    p.buffers,
		ErrorLog:      slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	p.plane = store.Join(planeName)
	return p, nil
}

func (o *Options) complete() error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Uint64
	}
	var wrong []error
	for _, d := range []struct {
		name  string
		value *time.Duration
		other time.Duration
	}{
		{"Grace", &o.Grace, 10 * time.Second},
		{"HeaderTimeout", &o.HeaderTimeout, 15 * time.Second},
		{"ClientIdle", &o.ClientIdle, 5 * time.Minute},
		{"EndpointIdle", &o.EndpointIdle, 4 * time.Second},
		{"DialTimeout", &o.DialTimeout, 3 * time.Second},
		{"MirrorTimeout", &o.MirrorTimeout, 15 * time.Second},
	} {
		wrong = append(wrong, orElse(d.name, d.value, d.other))
	}
	wrong = append(wrong,
		orElse("HeaderBytes", &o.HeaderBytes, 64<<10),
		orElse("Spool", &o.Spool, 64<<10),
		orElse("Mirrors", &o.Mirrors, 256))
	if err := errors.Join(wrong...); err != nil {
		return fault.Errorf(fault.Invalid, "options of the proxy: %w", err)
	}
	return nil
}

func orElse[T int | time.Duration](name string, v *T, other T) error {
	if *v < 0 {
		return fault.Errorf(fault.Invalid, "%s is %v: it must not be negative", name, *v)
	}
	if *v == 0 {
		*v = other
	}
	return nil
}

// Run opens the listeners and follows the routing table until ctx ends; then it lets what is under way end within
// Grace and closes the rest. It returns an error at once if the shared listener cannot be opened. A proxy runs once.
func (p *Proxy) Run(ctx context.Context) error {
	if !p.running.CompareAndSwap(false, true) {
		return fault.Errorf(fault.Invalid, "the proxy runs already: make another one")
	}
	defer p.plane.Leave()
	// Exchanges outlive ctx by Grace.
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	set := newListeners(base, p)
	if shared := p.store.Table().Shared(); shared != "" {
		if err := set.openShared(shared); err != nil {
			return err
		}
	}
	p.follow(ctx, set)
	p.drain(ctx, set, end)
	// A proxy that has ended sends nothing to anybody: whoever waits for that goes on.
	p.putInForce(p.nothing)
	return nil
}

// follow puts each table in force and reports it, until ctx ends.
func (p *Proxy) follow(ctx context.Context, set *listeners) {
	for {
		t, replaced := p.store.Watch()
		refused := p.putInForce(t)
		set.follow(ctx, t)
		p.plane.Report(t, append(refused, set.refusals()...)...)
		if !p.wait(ctx, t, set, replaced, refused) {
			return
		}
	}
}

// wait looks after the listeners until there is a newer table (true) or ctx ends.
func (p *Proxy) wait(ctx context.Context, t *table.Table, set *listeners, replaced <-chan struct{}, refused []table.Refusal) bool {
	for {
		again, stop := set.again()
		select {
		case <-ctx.Done():
			stop()
			return false
		case <-replaced:
			stop()
			return ctx.Err() == nil
		case l := <-set.failed:
			set.lost(l)
		case <-again:
		}
		stop()
		set.follow(ctx, t)
		p.plane.Report(t, append(slices.Clip(refused), set.refusals()...)...)
	}
}

// endLimit bounds the wait for exchanges that have been cut.
const endLimit = 5 * time.Second

func (p *Proxy) drain(ctx context.Context, set *listeners, cut context.CancelFunc) {
	p.log.Info("Draining", "grace", p.o.Grace)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.o.Grace)
	set.shutdown(grace)
	// Servers know nothing of upgraded connections and mirrored requests.
	err := p.quiet(grace)
	cancel()
	if err != nil {
		p.log.Warn("Exchanges cut at the end", "exchanges", p.exchanges.Load())
	}
	cut()
	set.close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	if err := p.quiet(last); err != nil {
		p.log.Error("Exchanges do not end", "exchanges", p.exchanges.Load())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.endpoints {
		e.closeIdle()
	}
}

// buffers lends the buffers that answers are copied with.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }

// carrier lets each exchange carry its own request.
type carrier struct{}

// RoundTrip implements http.RoundTripper.
func (carrier) RoundTrip(out *http.Request) (*http.Response, error) {
	return exchangeOf(out.Context()).roundTrip(out)
}
