package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// baseKey is where the context of a request keeps that of the listeners: a copy outlives the request that it is of,
// but not the proxy.
type baseKey struct{}

func withBase(ctx context.Context) context.Context { return context.WithValue(ctx, baseKey{}, ctx) }

func baseOf(ctx context.Context) context.Context {
	if base, ok := ctx.Value(baseKey{}).(context.Context); ok {
		return base
	}
	return ctx
}

// mirror arranges that the canary gets a copy of the request as soon as all of its body is known. A body that is too
// long is not copied.
func (x *exchange) mirror(out *http.Request) {
	if out.ContentLength > int64(x.proxy.o.Spool) {
		return
	}
	ctx := baseOf(x.in.Context())
	twin := out.Clone(ctx)
	twin.Host = shadowHost(out.Host)
	twin.Body, twin.Trailer = nil, nil
	twin.Header.Del("Expect")
	m := &mirrored{proxy: x.proxy, listener: x.listener, host: x.in.Host, grpc: x.grpc, request: twin}
	if x.spool == nil {
		m.send(ctx)
		return
	}
	x.spool.whole = func(body []byte) {
		body = bytes.Clone(body)
		twin.ContentLength = int64(len(body))
		twin.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		twin.Body = io.NopCloser(bytes.NewReader(body))
		m.send(ctx)
	}
}

// shadowHost marks the host name, so that the canary can tell copies from requests.
func shadowHost(host string) string {
	const mark = "-shadow"
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i] + mark + host[i:]
	}
	return host + mark
}

// mirrored is a copy of a request on its way to the canary. Nobody waits for its answer.
type mirrored struct {
	proxy          *Proxy
	listener, host string
	grpc           bool
	request        *http.Request
}

// send sends the copy, unless too many are under way.
func (m *mirrored) send(ctx context.Context) {
	select {
	case m.proxy.mirrors <- struct{}{}:
	default:
		return
	}
	m.proxy.begun()
	go func() {
		defer m.proxy.ended()
		defer func() { <-m.proxy.mirrors }()
		m.exchange(ctx)
	}()
}

// exchange counts like any request of the canary: what it would have answered is why there are mirrors.
func (m *mirrored) exchange(ctx context.Context) {
	p := m.proxy
	var s *service
	e := p.hold(func(now *snapshot) *endpoint {
		if s, _ = now.find(m.listener, m.host); s == nil {
			return nil
		}
		return s.side(rollout.CanarySide).pick(p.o.Random, nil)
	})
	if e == nil {
		return
	}
	defer p.release(e)
	c := s.canary.cluster
	c.active.Add(1)
	defer c.active.Add(-1)
	limit := p.o.MirrorTimeout
	if s.timeout > 0 {
		limit = min(limit, s.timeout)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	status, err := m.roundTrip(limited, e.transport(m.grpc || s.spec.Protocol == table.H2C), e)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	case err != nil:
		status = http.StatusServiceUnavailable
	}
	c.count(status)
	c.time(time.Since(began))
}

func (m *mirrored) roundTrip(ctx context.Context, rt http.RoundTripper, e *endpoint) (int, error) {
	req := m.request.WithContext(ctx)
	req.URL = addressed(req.URL, e)
	res, err := rt.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, errors.Join(err, res.Body.Close())
}
