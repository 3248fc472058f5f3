// Package prommeter asks a Prometheus server, or anything else that speaks its HTTP API.
package prommeter

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
)

// Options say how a server is reached; the zero value is the default.
type Options struct {
	// Username and Password are sent as basic authentication, Token as a bearer token. At most one of them.
	Username, Password string
	Token              string
	// Headers are sent with each request. Their values are treated as secrets.
	Headers http.Header
	// InsecureSkipVerify accepts any certificate of the server.
	InsecureSkipVerify bool
	// BodyLimit is the largest answer that is accepted, in bytes. Default 8 MiB.
	BodyLimit int64
	// Lookback is how far back the server may look for the newest sample of a series, where the server allows to
	// set it: its own default of 5 minutes is older than what counts as evidence. Default 150 s.
	Lookback time.Duration
}

// Driver asks one server. It keeps connections open between queries until Close.
type Driver struct {
	// endpoint is the address of the query API, place what errors call it: both without credentials.
	endpoint string
	place    string
	client   *http.Client
	headers  http.Header
	o        Options
	// secrets are removed from everything that the server makes us say.
	secrets []string
}

var _ meter.Driver = (*Driver)(nil)

// New returns a driver for the server at address, for example http://prometheus.monitoring:9090. A path in the
// address is kept, as a prefix. Credentials in the address work like Username and Password.
func New(address string, o Options) (*Driver, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	if o.BodyLimit <= 0 {
		o.BodyLimit = 8 << 20
	}
	if o.Lookback <= 0 {
		o.Lookback = 150 * time.Second
	}
	if u.User != nil && o.Username == "" && o.Token == "" {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if o.Token != "" && (o.Username != "" || o.Password != "") {
		return nil, fault.Errorf(fault.Invalid, "give either a token or a user name with a password for %s, not both", u.Host)
	}
	u.User = nil
	d := &Driver{
		place:    u.Scheme + "://" + u.Host,
		endpoint: u.JoinPath("api/v1/query").String(),
		client:   newClient(o.InsecureSkipVerify),
		headers:  o.Headers.Clone(),
		o:        o,
		secrets:  secretsOf(o),
	}
	return d, nil
}

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error of url.Parse repeats the address, which may hold a password.
		return nil, fault.Errorf(fault.Invalid, "the address of Prometheus is not a URL such as http://prometheus:9090")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fault.Errorf(fault.Invalid, "the address of Prometheus needs http:// or https:// and a host, such as http://prometheus:9090")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Errorf(fault.Invalid, "the address of Prometheus %s must have neither a query nor a fragment", u.Host)
	}
	return u, nil
}

func newClient(insecure bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConnsPerHost:    4,
			MaxConnsPerHost:        16,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: insecure}, //nolint:gosec // the user asks for it by name
		},
		// A redirect could carry the credentials to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// secretsOf lists what must never be repeated.
func secretsOf(o Options) []string {
	secrets := []string{o.Password, o.Token}
	if o.Username != "" {
		// What the header holds is as good as the password.
		secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(o.Username+":"+o.Password)))
	}
	if o.Password == "" {
		// A user name alone is a token by another name.
		secrets = append(secrets, o.Username)
	}
	for _, values := range o.Headers {
		secrets = append(secrets, values...)
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
	// The longest first, so that a secret that contains another is removed as a whole.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return secrets
}

// Close closes idle connections.
func (d *Driver) Close() { d.client.CloseIdleConnections() }

// Query asks the server to evaluate text at a time.
func (d *Driver) Query(ctx context.Context, text string, at time.Time) ([]meter.Series, error) {
	resp, err := d.post(ctx, url.Values{
		"query":          {text},
		"time":           {formatTime(at)},
		"lookback_delta": {strconv.FormatFloat(d.o.Lookback.Seconds(), 'f', -1, 64)},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		// What is left of a bounded body is not worth reading; closing it is all that is needed.
		_ = resp.Body.Close()
	}()
	limited := &io.LimitedReader{R: resp.Body, N: d.o.BodyLimit + 1}
	if resp.StatusCode != http.StatusOK {
		return nil, d.refusal(resp, limited)
	}
	series, err := decode(limited)
	switch {
	case err == nil && limited.N > 0:
		return series, nil
	case limited.N <= 0:
		return nil, d.errorf(fault.Invalid, "the answer is larger than %d bytes: select fewer series or a shorter range", d.o.BodyLimit)
	case fault.KindOf(err) == fault.Invalid:
		return nil, d.errorf(fault.Invalid, "%s", err)
	default:
		return nil, d.errorf(fault.Unavailable, "the answer cannot be read: %s", err)
	}
}

func (d *Driver) post(ctx context.Context, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, d.errorf(fault.Invalid, "the request cannot be made: %s", err)
	}
	for name, values := range d.headers {
		req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	switch {
	case d.o.Token != "":
		req.Header.Set("Authorization", "Bearer "+d.o.Token)
	case d.o.Username != "" || d.o.Password != "":
		req.SetBasicAuth(d.o.Username, d.o.Password)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		// A url.Error repeats the whole address; its cause is enough.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, d.errorf(fault.Unavailable, "no answer: %s", err)
	}
	return resp, nil
}

// errorf makes an error that names the server and no secret. It wraps nothing, because what it would wrap may
// have a secret in its text.
func (d *Driver) errorf(kind fault.Kind, format string, args ...any) error {
	return fault.Errorf(kind, "%s", d.redact("Prometheus at "+d.place+": "+fmt.Sprintf(format, args...)))
}

func (d *Driver) redact(text string) string {
	for _, s := range d.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

// formatTime writes a time in seconds with milliseconds, which is what Prometheus keeps.
func formatTime(at time.Time) string {
	ms := at.UnixMilli()
	return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
}
