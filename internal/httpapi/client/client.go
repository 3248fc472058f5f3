// Package client talks to the HTTP API of a running Serin. The command line is built on it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// ErrUnreachable is in the chain of errors of requests that got no answer at all.
var ErrUnreachable = errors.New("no serin answers")

// maxAnswer bounds the answers that are read whole.
const maxAnswer = 32 << 20

// Options adjust a Client.
type Options struct {
	// Token is presented with each request; empty means none.
	Token string
	// Timeout bounds a request that is no stream. Default 30 s.
	Timeout time.Duration
	// Silence is how long a stream may say nothing before it counts as dead. Default 45 s, three heartbeats.
	Silence time.Duration
}

// Client talks to one Serin. Its methods may be called from several goroutines. Errors carry a fault.Kind.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
}

// New returns a Client for the API at base, for example http://127.0.0.1:7070. An address without a scheme is http.
func New(base string, o Options) (*Client, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the address of the server is no URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fault.Errorf(fault.Invalid, "the address of the server is %q: write it like http://127.0.0.1:7070", base)
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Silence <= 0 {
		o.Silence = 45 * time.Second
	}
	return &Client{base: u, options: o, http: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: o.Timeout},
		// The API never redirects; following one would send the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Address returns where the client connects to.
func (c *Client) Address() string { return c.base.String() }

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Canaries returns the canaries of a namespace, or of all if it is empty.
func (c *Client) Canaries(ctx context.Context, namespace string) ([]httpapi.Canary, error) {
	var list struct {
		Canaries []httpapi.Canary `json:"canaries"`
	}
	q := url.Values{}
	if namespace != "" {
		q.Set("namespace", namespace)
	}
	err := c.get(ctx, "/api/v1/canaries", q, &list)
	return list.Canaries, err
}

// Canary returns one canary with its plan.
func (c *Client) Canary(ctx context.Context, key engine.Key) (httpapi.Detail, error) {
	var d httpapi.Detail
	err := c.get(ctx, path(key), nil, &d)
	return d, err
}

// Runs returns the headers of the runs of a canary, newest first.
func (c *Client) Runs(ctx context.Context, key engine.Key) ([]record.Run, error) {
	var list struct {
		Runs []record.Run `json:"runs"`
	}
	err := c.get(ctx, path(key, "runs"), nil, &list)
	return list.Runs, err
}

// Run returns the record of one run.
func (c *Client) Run(ctx context.Context, key engine.Key, name string) (record.Run, error) {
	var run record.Run
	err := c.get(ctx, path(key, "runs", name), nil, &run)
	return run, err
}

// Events returns the events of one canary, or of all if key is zero, oldest first.
func (c *Client) Events(ctx context.Context, key engine.Key, q record.Query) ([]record.Entry, error) {
	values := url.Values{}
	if key != (engine.Key{}) {
		values.Set("namespace", key.Namespace)
		values.Set("name", key.Name)
	}
	if !q.Since.IsZero() {
		values.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	var list struct {
		Events []record.Entry `json:"events"`
	}
	err := c.get(ctx, "/api/v1/events", values, &list)
	return list.Events, err
}

// Give hands a command in.
func (c *Client) Give(ctx context.Context, key engine.Key, o httpapi.Order) (record.Ticket, error) {
	var t record.Ticket
	err := c.call(ctx, http.MethodPost, path(key, "commands"), o, &t)
	return t, err
}

// Ticket says what became of a command.
func (c *Client) Ticket(ctx context.Context, key engine.Key, uid string) (record.Ticket, error) {
	var t record.Ticket
	err := c.get(ctx, path(key, "commands", uid), nil, &t)
	return t, err
}

// SetBrake pauses every canary.
func (c *Client) SetBrake(ctx context.Context, b httpapi.Because) error {
	return c.call(ctx, http.MethodPost, "/api/v1/brake", b, nil)
}

// ClearBrake lets every canary go on.
func (c *Client) ClearBrake(ctx context.Context, b httpapi.Because) error {
	query := url.Values{"by": {b.By}, "reason": {b.Reason}}
	return c.call(ctx, http.MethodDelete, "/api/v1/brake?"+query.Encode(), nil, nil)
}

// Brake returns the pause of every canary, or nil.
func (c *Client) Brake(ctx context.Context) (*rollout.Intent, error) {
	var view httpapi.BrakeView
	err := c.get(ctx, "/api/v1/brake", nil, &view)
	return view.Brake, err
}

// Objects lists the manifests that the daemon works with.
func (c *Client) Objects(ctx context.Context) ([]httpapi.Object, error) {
	var list struct {
		Objects []httpapi.Object `json:"objects"`
	}
	err := c.get(ctx, "/api/v1/objects", nil, &list)
	return list.Objects, err
}

// Shutdown asks the daemon to end in order. It returns when the daemon has begun to.
func (c *Client) Shutdown(ctx context.Context, b httpapi.Because) error {
	return c.call(ctx, http.MethodPost, "/api/v1/shutdown", b, nil)
}

// Version says which build answers.
func (c *Client) Version(ctx context.Context) (httpapi.Version, error) {
	var v httpapi.Version
	err := c.get(ctx, "/version", nil, &v)
	return v, err
}

// Ready returns nil once the daemon works on its canaries.
func (c *Client) Ready(ctx context.Context) error { return c.get(ctx, "/readyz", nil, nil) }

// path makes the path of something about a canary. Names are escaped, so none can lead elsewhere.
func path(key engine.Key, more ...string) string {
	elements := append([]string{key.Namespace, key.Name}, more...)
	for i, element := range elements {
		elements[i] = url.PathEscape(element)
	}
	return "/api/v1/canaries/" + strings.Join(elements, "/")
}

func (c *Client) get(ctx context.Context, path string, q url.Values, into any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return c.call(ctx, http.MethodGet, path, nil, into)
}

// call makes one request and reads its answer into into, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	res, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fault.Errorf(fault.Unavailable, "read the answer of %s: %w", c.base.Host, err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.Errorf(fault.Unavailable, "the answer of %s is not one of a serin: %w", c.base.Host, err)
	}
	return nil
}

// send makes one request and returns a successful response, whose body the caller closes.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, content)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.options.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.options.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fault.Errorf(fault.Unavailable, "ask %s: %w", c.base.Host, context.Cause(ctx))
		}
		return nil, fault.Errorf(fault.Unavailable, "%w at %s: %w", ErrUnreachable, c.base, err)
	}
	if res.StatusCode >= http.StatusOK && res.StatusCode < http.StatusMultipleChoices {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	return nil, refusal(res)
}

// refusal makes an error of an answer that is none.
func refusal(res *http.Response) error {
	var problem huma.ErrorModel
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil || json.Unmarshal(data, &problem) != nil || problem.Detail == "" {
		return fault.Errorf(httpapi.KindOf(res.StatusCode), "the server answers %s", res.Status)
	}
	sentences := []string{problem.Detail}
	for _, detail := range problem.Errors {
		sentences = append(sentences, strings.TrimPrefix(detail.Location, "body.")+": "+detail.Message)
	}
	return fault.Errorf(httpapi.KindOf(res.StatusCode), "%s", strings.Join(sentences, "; "))
}
