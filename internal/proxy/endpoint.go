package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/xds/table"
)

// endpoint is one process that requests are sent to. All tables that name its address share it.
type endpoint struct {
	address string
	// inFlight counts the exchanges with it. Once watched is set, somebody wants to know when it falls to 0; it stays
	// set, since a needless look costs little and a missed one is a pod that nobody dares to end.
	inFlight atomic.Int64
	watched  atomic.Bool
	// named is how often the table in force names it; it is guarded by the proxy's lock.
	named int

	idle, dial time.Duration
	h1, h2     transport
}

// transport is made when it is first used: few endpoints speak both protocols.
type transport struct {
	once sync.Once
	rt   atomic.Pointer[http.Transport]
}

const (
	// idlePerEndpoint is how many idle connections to one endpoint are kept: a burst of so many clients is served
	// without connecting again.
	idlePerEndpoint = 512
	// answerHeaderBytes bounds the header of an answer.
	answerHeaderBytes = 1 << 20
)

// dialError marks that nothing was sent, so that another attempt is safe whatever the request is.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func (e *endpoint) transport(h2c bool) *http.Transport {
	t, create := &e.h1, newHTTP1
	if h2c {
		t, create = &e.h2, newH2C
	}
	t.once.Do(func() { t.rt.Store(create(e)) })
	return t.rt.Load()
}

func newHTTP1(e *endpoint) *http.Transport {
	dialer := &net.Dialer{Timeout: e.dial, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, &dialError{err}
			}
			return conn, nil
		},
		// What the client asked for and what the endpoint answers are theirs, compressed or not.
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerEndpoint,
		IdleConnTimeout:        e.idle,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: answerHeaderBytes,
	}
}

func newH2C(e *endpoint) *http.Transport {
	t := newHTTP1(e)
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
	// A process that hangs is noticed although its kernel keeps the connection open.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	return t
}

func (e *endpoint) closeIdle() {
	for _, t := range []*transport{&e.h1, &e.h2} {
		if rt := t.rt.Load(); rt != nil {
			rt.CloseIdleConnections()
		}
	}
}

func (p *Proxy) endpointsLocked(list []table.Endpoint) []*endpoint {
	if len(list) == 0 {
		return nil
	}
	endpoints := make([]*endpoint, 0, len(list))
	for _, l := range list {
		e := p.endpoints[l.Address]
		if e == nil {
			e = &endpoint{address: l.Address, idle: p.o.EndpointIdle, dial: p.o.DialTimeout}
			p.endpoints[l.Address] = e
		}
		endpoints = append(endpoints, e)
	}
	return endpoints
}

// unnameLocked takes back one naming of an endpoint. With the last one it has left the table: its idle connections are
// closed, those in use when they become idle.
func (p *Proxy) unnameLocked(e *endpoint) {
	e.named--
	if e.named > 0 {
		return
	}
	e.watched.Store(true)
	e.closeIdle()
	p.forgetLocked(e)
}

// forgetLocked forgets an endpoint that has left the table and is not in use.
func (p *Proxy) forgetLocked(e *endpoint) {
	if e.named == 0 && e.inFlight.Load() == 0 && p.endpoints[e.address] == e {
		delete(p.endpoints, e.address)
	}
}

// release ends what hold began.
func (p *Proxy) release(e *endpoint) {
	if e.inFlight.Add(-1) == 0 && e.watched.Load() {
		p.mu.Lock()
		if e.named == 0 {
			e.closeIdle()
			p.forgetLocked(e)
		}
		p.mu.Unlock()
		p.news.tell()
	}
}
