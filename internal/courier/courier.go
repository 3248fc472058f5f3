// Package courier carries JSON documents to receivers that belong to somebody else: one bounded POST, whose errors
// say what they mean and hold no secret. An address of a receiver is itself a secret, as those of chat services are.
package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/serin-dev/serin/internal/fault"
)

// Options say how a receiver is reached; the zero value is the default.
type Options struct {
	// Authorization is the value of the header of that name. It is a secret.
	Authorization string
	// Proxy is the address of an HTTP proxy, possibly with a user and a password. Default: what the environment says.
	Proxy string
	// InsecureSkipVerify accepts any certificate of the receiver.
	InsecureSkipVerify bool
	// RootCAs are who may sign the receiver's certificate. Default: whom this machine trusts.
	RootCAs *x509.CertPool
	// Reply is how many bytes of a good answer Post returns at most. Default 0: the status says everything, and not
	// one byte of the answer is waited for.
	Reply int64
	// Pool bounds the calls that are open to one host at the same time, over all couriers that share it. Default: a
	// pool of this courier's own.
	Pool *Pool
}

const (
	// largest is the size of a document from which on it is a mistake, in bytes.
	largest = 1 << 20
	// patience is how long the words of a refusal are waited for once its status is known.
	patience = time.Second
)

// Courier posts to one receiver, from any number of goroutines. Idle connections end by themselves after a while.
type Courier struct {
	address string
	// place is what errors call the receiver: neither path nor query, which may be secret.
	place   string
	options Options
	client  *http.Client
	redact  *strings.Replacer
}

// New returns a courier to address, which needs http:// or https:// and a host.
func New(address string, o Options) (*Courier, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		// The error of url.Parse repeats the address.
		return nil, fault.Errorf(fault.Invalid, "the address is not a URL such as https://hooks.example.com/path")
	}
	if strings.ContainsFunc(o.Authorization, unicode.IsControl) {
		return nil, fault.Errorf(fault.Invalid,
			"the Authorization value for %s has a line break or another control character: remove it", u.Host)
	}
	if o.Pool == nil {
		o.Pool = NewPool(PoolOptions{})
	}
	proxy, err := proxyOf(o.Proxy)
	if err != nil {
		return nil, err
	}
	u.Fragment = ""
	c := &Courier{
		address: u.String(),
		place:   u.Scheme + "://" + u.Host,
		options: o,
		redact:  redactor(u, o),
	}
	c.client = &http.Client{
		Transport: transport(o, proxy),
		// Another place was never asked for, and it would learn what the document says.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func proxyOf(address string) (func(*http.Request) (*url.URL, error), error) {
	if address == "" {
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, fault.Errorf(fault.Invalid, "the proxy is not a URL such as http://proxy.example.com:3128")
	}
	return http.ProxyURL(u), nil
}

func transport(o Options, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           4,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		TLSClientConfig: &tls.Config{
			RootCAs:            o.RootCAs,
			InsecureSkipVerify: o.InsecureSkipVerify, //nolint:gosec // the user asks for it by name
		},
	}
}

// Place names the receiver without anything secret: its scheme and its host.
func (c *Courier) Place() string { return c.place }

// Post sends a document and returns the beginning of a good answer (2xx), as Options.Reply says. Errors are
// Denied for 401, 403 and 407, Unavailable (with RetryAfter where it was given) for 408, 425, 429, 5xx and no answer,
// and Invalid for every other answer, redirects included.
func (c *Courier) Post(ctx context.Context, document any) ([]byte, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "encode the document for %s: %w", c.place, err)
	}
	if len(body) > largest {
		return nil, fault.Errorf(fault.Invalid, "the document for %s has %d bytes, the limit is %d", c.place, len(body), largest)
	}
	leave, err := c.options.Pool.enter(ctx, c.place)
	if err != nil {
		return nil, err
	}
	defer leave()
	return c.send(ctx, body)
}

func (c *Courier) send(parent context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the request to %s cannot be made", c.place)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "serin")
	if c.options.Authorization != "" {
		req.Header.Set("Authorization", c.options.Authorization)
	}
	// A key without values is not sent. It tells the transport that the request may be repeated, which it has to be
	// when the receiver closes an idle connection just as it is used again; deliveries carry an id for that.
	req.Header["Idempotency-Key"] = nil
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, c.lost(parent, err)
	}
	// What is left of a body is not worth reading; closing it is all that is needed.
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// The status is known: words that do not come must not turn a refusal into no answer.
		defer time.AfterFunc(patience, cancel).Stop()
		return nil, c.refusal(resp)
	}
	if c.options.Reply <= 0 {
		return nil, nil
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, c.options.Reply))
	if err != nil {
		return nil, c.lost(parent, err)
	}
	return reply, nil
}

// lost is the error of a call that brought no answer. It does not wrap what the HTTP client says, since that
// repeats the whole address.
func (c *Courier) lost(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.Errorf(fault.Unavailable, "%s did not answer in time", c.place)
	case ctx.Err() != nil:
		return fault.Errorf(fault.Unavailable, "the call to %s was cancelled", c.place)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fault.Errorf(fault.Unavailable, "%s gave no answer: %s", c.place, c.sentence(err.Error()))
}
