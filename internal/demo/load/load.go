// Package load sends requests at a constant rate, on schedule however slow the answers are, and tells answers of
// the sample app from requests that got lost on the way.
package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/demo/tally"
)

const (
	defaultTimeout  = 10 * time.Second
	defaultInFlight = 2000
	// idle is shorter than any server's patience, so that a request is never sent on a connection that the other
	// side is just closing because nothing was sent on it.
	idle = 5 * time.Second
	// kept bounds how many losses are explained.
	kept = 20
)

// Options change how requests are sent. The zero value is usable.
type Options struct {
	// Host is the Host header; empty means that of the URL.
	Host string
	// Timeout is when an answer counts as lost. Default 10 s.
	Timeout time.Duration
	// InFlight bounds the requests without an answer. Default 2000. A load that reaches it is late, and says so.
	InFlight uint64
	// Transport carries the requests; nil means HTTP/1.1 with connections that are kept alive.
	Transport http.RoundTripper
	// Record, if it is set, is told of every answer, from one goroutine.
	Record func(Answer)
}

// Answer is what became of one request.
type Answer struct {
	At      time.Time
	Latency time.Duration
	// Version and Status are set when the app answered.
	Version string
	Status  int
	// Lost says why there is no complete answer of the app; it is empty when there is one.
	Lost string
}

// Snapshot is what became of all requests so far.
type Snapshot struct {
	// Counts are the app's answers.
	Counts tally.Counts
	// Lost is how many requests got no complete answer from the app, and Losses explains the first of them.
	Lost   uint64
	Losses []Answer
}

// Served is the number of answers by the app.
func (s Snapshot) Served() uint64 { return s.Counts.Total() }

// Generator is an open-loop load.
type Generator struct {
	url     string
	rate    int
	options Options

	lock sync.Mutex
	seen Snapshot
}

// New returns a load of rate requests per second against url.
func New(url string, rate int, options Options) (*Generator, error) {
	if rate <= 0 {
		return nil, fmt.Errorf("a load needs a rate above 0, got %d", rate)
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	if options.InFlight == 0 {
		options.InFlight = defaultInFlight
	}
	if options.Transport == nil {
		options.Transport = &http.Transport{
			MaxIdleConns:        int(options.InFlight), //nolint:gosec // G115: a bound of requests in flight is small.
			MaxIdleConnsPerHost: int(options.InFlight), //nolint:gosec // G115: as above.
			IdleConnTimeout:     idle,
			DisableCompression:  true,
		}
	}
	return &Generator{
		url: url, rate: rate, options: options,
		seen: Snapshot{Counts: tally.Counts{}},
	}, nil
}

// Run sends until ctx ends, then waits for the answers to what was sent. It may be called again later; counts go
// on from where they were.
func (g *Generator) Run(ctx context.Context) {
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Timeout:       g.options.Timeout,
			Transport:     onceOnly{g.options.Transport},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.MaxWorkers(g.options.InFlight),
		vegeta.MaxBody(0), // Bodies are read to their end and thrown away.
	)
	target := vegeta.Target{Method: http.MethodGet, URL: g.url, Header: http.Header{}}
	if g.options.Host != "" {
		target.Header.Set("Host", g.options.Host)
	}
	stop := context.AfterFunc(ctx, func() { attacker.Stop() })
	defer stop()
	rate := vegeta.Rate{Freq: g.rate, Per: time.Second}
	for result := range attacker.Attack(vegeta.NewStaticTargeter(target), rate, 0, "") {
		answer := judge(result)
		g.count(answer)
		if g.options.Record != nil {
			g.options.Record(answer)
		}
	}
	if t, ok := g.options.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Snapshot returns what became of the requests so far.
func (g *Generator) Snapshot() Snapshot {
	g.lock.Lock()
	defer g.lock.Unlock()
	return Snapshot{
		Counts: maps.Clone(g.seen.Counts),
		Lost:   g.seen.Lost,
		Losses: slices.Clone(g.seen.Losses),
	}
}

func (g *Generator) count(a Answer) {
	g.lock.Lock()
	defer g.lock.Unlock()
	if a.Lost == "" {
		g.seen.Counts[tally.Key{Version: a.Version, Status: a.Status}]++
		return
	}
	g.seen.Lost++
	if len(g.seen.Losses) < kept {
		g.seen.Losses = append(g.seen.Losses, a)
	}
}

// judge says what became of a request. Only an answer that carries the app's mark is the app's; a bare 503 was
// made up by something on the way.
func judge(r *vegeta.Result) Answer {
	a := Answer{At: r.Timestamp, Latency: r.Latency}
	version := r.Headers.Get(app.VersionHeader)
	switch {
	case r.Code == 0:
		a.Lost = r.Error
	case version == "":
		a.Lost = fmt.Sprintf("answer %d did not come from the app", r.Code)
	default:
		a.Version, a.Status = version, int(r.Code)
	}
	return a
}

// errSentTwice is what a request is lost to when its connection broke under it.
var errSentTwice = errors.New("the connection broke and the request was about to be sent again")

// onceOnly refuses what net/http does silently: to send a GET again when a kept connection breaks before the
// answer. A request that needs a second attempt is a lost one here.
type onceOnly struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (o onceOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	var connections atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			if connections.Add(1) > 1 {
				cancel(errSentTwice)
			}
		},
	})
	response, err := o.next.RoundTrip(r.WithContext(ctx))
	switch {
	case connections.Load() > 1:
		if err == nil {
			_ = response.Body.Close()
		}
		cancel(nil)
		return nil, errSentTwice
	case err != nil:
		cancel(nil)
		return nil, err
	}
	response.Body = &releasing{ReadCloser: response.Body, release: func() { cancel(nil) }}
	return response, nil
}
