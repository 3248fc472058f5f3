package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"github.com/serin-dev/serin/internal/xds/table"
)

const (
	// defaultAttempts is how often a request that could not be sent goes to another endpoint where nobody said.
	defaultAttempts = 2
	// backOffBase is the mean of the wait before an endpoint is tried a second time; it doubles up to backOffLimit.
	backOffBase  = 25 * time.Millisecond
	backOffLimit = 250 * time.Millisecond
)

// policy says when a request is tried again.
type policy struct {
	attempts int
	perTry   time.Duration
	// same allows to try an endpoint again where no other is left.
	same bool

	connect, refused, reset bool
	codes                   []int
	grpc                    []string
}

func compilePolicy(r *table.Retries) policy {
	if r == nil {
		return policy{attempts: defaultAttempts, connect: true}
	}
	p := policy{attempts: r.Attempts, perTry: r.PerTry, same: true}
	on := r.On
	if len(on) == 0 {
		on = []string{"connect-failure", "refused-stream", "unavailable", "503"}
	}
	for _, word := range on {
		p.allow(word)
	}
	return p
}

// allow adds one of Envoy's conditions. As there, no answer at all counts as an answer of the kind 5xx.
func (p *policy) allow(word string) {
	switch word {
	case "5xx":
		p.reset = true
		for code := 500; code < 600; code++ {
			p.codes = append(p.codes, code)
		}
	case "gateway-error":
		p.reset = true
		p.codes = append(p.codes, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout)
	case "reset":
		p.reset = true
	case "connect-failure":
		p.connect = true
	case "refused-stream":
		p.refused = true
	case "retriable-4xx":
		p.codes = append(p.codes, http.StatusConflict)
	default:
		if code, err := strconv.Atoi(word); err == nil {
			p.codes = append(p.codes, code)
			return
		}
		p.grpc = append(p.grpc, grpcCodes()[word])
	}
}

// grpcCodes returns the codes of gRPC that a policy can name.
func grpcCodes() map[string]string {
	return map[string]string{
		"cancelled": "1", "deadline-exceeded": "4", "resource-exhausted": "8", "internal": "13", "unavailable": "14",
	}
}

// wants says whether the policy asks for another attempt after this end of one.
func (p *policy) wants(res *http.Response, err error) bool {
	if err == nil {
		status := res.Header["Grpc-Status"]
		return slices.Contains(p.codes, res.StatusCode) || len(status) == 1 && slices.Contains(p.grpc, status[0])
	}
	var dial *dialError
	var stream http2.StreamError
	switch {
	case p.reset:
		return true
	case errors.As(err, &dial):
		return p.connect
	case errors.As(err, &stream):
		return p.refused && stream.Code == http2.ErrCodeRefusedStream
	}
	return false
}

// roundTrip sends the request until it is answered, or until the policy allows no further attempt.
func (x *exchange) roundTrip(out *http.Request) (*http.Response, error) {
	if x.endpoint == nil {
		return nil, errNoEndpoint
	}
	if out.Body != nil {
		x.spool = &spool{src: out.Body, limit: x.proxy.o.Spool, pool: x.proxy.buffers}
	}
	if x.choice.mirror && !x.upgrade {
		x.mirror(out) //nolint:contextcheck // The copy outlives the request that it is of.
	}
	for {
		res, err := x.attempt(out)
		if !x.again(out.Context(), res, err) {
			if err == nil {
				x.answered(res)
			}
			return res, err
		}
		if err == nil {
			discard(res.Body)
		}
		x.cluster.retries.Add(1)
	}
}

// again decides on another attempt, and prepares it.
func (x *exchange) again(ctx context.Context, res *http.Response, err error) bool {
	p := &x.service.retries
	if x.attempts > p.attempts || ctx.Err() != nil || !p.wants(res, err) || !x.repeatable() {
		return false
	}
	if !slices.Contains(x.tried, x.endpoint) {
		x.tried = append(x.tried, x.endpoint)
	}
	if !x.placeAgain() {
		return false
	}
	if !slices.Contains(x.tried, x.endpoint) {
		return true
	}
	wait := min(backOffBase<<(x.attempts-1), backOffLimit)
	n := time.Duration(x.proxy.o.Random() % uint64(2*wait)) //nolint:gosec // G115: it is below half a second.
	timer := time.NewTimer(n)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// repeatable says whether the request can be sent again as it was. Trailers come once.
func (x *exchange) repeatable() bool {
	return x.spool.untouched() || x.spool.replayable() && len(x.in.Trailer) == 0
}

// errTryTimeout means that one attempt took longer than allowed.
var errTryTimeout = errors.New("no answer within the time of one attempt")

// attempt sends the request to the endpoint that the exchange is placed at.
func (x *exchange) attempt(out *http.Request) (*http.Response, error) {
	x.attempts++
	rt := x.endpoint.transport((x.grpc || x.service.spec.Protocol == table.H2C) && !x.upgrade)
	if x.service.retries.perTry > 0 {
		return x.attemptWithin(out, rt)
	}
	return rt.RoundTrip(x.prepared(out.Context(), out))
}

// prepared returns the request of one attempt. A first attempt without a body needs no copy: nobody has seen the
// request yet.
func (x *exchange) prepared(ctx context.Context, out *http.Request) *http.Request {
	if x.attempts == 1 && x.spool == nil && ctx == out.Context() {
		out.URL.Host = x.endpoint.address
		return out
	}
	req := out.WithContext(ctx)
	req.URL = addressed(out.URL, x.endpoint)
	if x.spool == nil {
		return req
	}
	s := x.spool
	req.Body = s.reader()
	// The transport asks for the body again when a kept connection was closed before anything was written.
	req.GetBody = func() (io.ReadCloser, error) {
		if !s.replayable() {
			return nil, errSpooled
		}
		return s.reader(), nil
	}
	return req
}

// attemptWithin gives the attempt up if there is no answer in time.
func (x *exchange) attemptWithin(out *http.Request, rt http.RoundTripper) (*http.Response, error) {
	var late atomic.Bool
	ctx, cancel := context.WithCancel(out.Context())
	timer := time.AfterFunc(x.service.retries.perTry, func() {
		late.Store(true)
		cancel()
	})
	res, err := rt.RoundTrip(x.prepared(ctx, out))
	timer.Stop()
	if err == nil && !late.Load() {
		// The body of the answer needs the context.
		x.endTry = cancel
		return res, nil
	}
	cancel()
	if err == nil {
		discard(res.Body)
	}
	if late.Load() {
		err = errTryTimeout
	}
	return nil, err
}

func addressed(u *url.URL, e *endpoint) *url.URL {
	to := *u
	to.Host = e.address
	return &to
}
