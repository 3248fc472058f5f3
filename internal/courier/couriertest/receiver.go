// Package couriertest has a receiver of HTTP calls that goes wrong on purpose, for the laws of the families that call
// third parties.
package couriertest

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Trouble is what a Receiver does with a call.
type Trouble string

// The troubles. Calm is none.
const (
	Calm         Trouble = "calm"
	Bad          Trouble = "bad"          // status 400
	Unauthorized Trouble = "unauthorized" // status 401
	Forbidden    Trouble = "forbidden"    // status 403
	Missing      Trouble = "missing"      // status 404
	Overloaded   Trouble = "overloaded"   // status 429, naming a delay of RetryAfter
	Failing      Trouble = "failing"      // status 500
	Busy         Trouble = "busy"         // status 503, naming a delay of RetryAfter
	Down         Trouble = "down"         // the connection ends before an answer
	Hanging      Trouble = "hanging"      // no answer until the caller gives up
	Endless      Trouble = "endless"      // status 200 and a body that does not end
	Redirecting  Trouble = "redirecting"  // status 307, to another path of the receiver
	Gossiping    Trouble = "gossiping"    // status 400, with everything repeated that was sent
)

// RetryAfter is the delay that an Overloaded or Busy receiver names.
const RetryAfter = 7 * time.Second

// Request is one call that arrived.
type Request struct {
	Method string
	// URL is in the absolute form where the receiver was called as a proxy.
	URL    string
	Header http.Header
	Body   []byte
}

// Receiver is a real server on a loopback port. It can be called as an HTTP proxy, too, and then answers in the place
// of everybody. Its methods may be called from several goroutines.
type Receiver struct {
	server *httptest.Server

	mu       sync.Mutex
	trouble  Trouble
	requests []Request
}

// elsewhere is where a Redirecting receiver points to.
const elsewhere = "/elsewhere"

// New returns a receiver that ends with the test.
func New(tb testing.TB) *Receiver {
	tb.Helper()
	r := &Receiver{}
	r.server = httptest.NewServer(r)
	tb.Cleanup(r.server.Close)
	return r
}

// NewTLS returns a receiver whose certificate nobody trusts.
func NewTLS(tb testing.TB) *Receiver {
	tb.Helper()
	r := &Receiver{}
	r.server = httptest.NewUnstartedServer(r)
	r.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	r.server.StartTLS()
	tb.Cleanup(r.server.Close)
	return r
}

// URL is the receiver's address, without a path.
func (r *Receiver) URL() string { return r.server.URL }

// Disturb makes the receiver go wrong from now on.
func (r *Receiver) Disturb(t Trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = t
}

// Requests returns the calls that have arrived, oldest first.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}

// ServeHTTP answers a call.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, 16<<20))
	if err != nil {
		return
	}
	r.mu.Lock()
	r.requests = append(r.requests, Request{req.Method, req.URL.String(), req.Header.Clone(), body})
	trouble := r.trouble
	r.mu.Unlock()
	r.answer(w, req, trouble, body)
}

func (r *Receiver) answer(w http.ResponseWriter, req *http.Request, trouble Trouble, body []byte) {
	switch trouble {
	case Down:
		panic(http.ErrAbortHandler) //nolint:forbidigo // The server knows this panic as the end of the connection.
	case Hanging:
		<-req.Context().Done()
	case Endless:
		_, _ = io.Copy(w, endless{})
	case Redirecting:
		http.Redirect(w, req, elsewhere, http.StatusTemporaryRedirect)
	case Gossiping:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintln(w, req.URL, req.URL.Path, strings.Split(req.URL.Path, "/"), //nolint:gosec // Repeating all is the point.
			req.URL.Query(), req.Header, string(body))
	case Overloaded, Busy:
		w.Header().Set("Retry-After", fmt.Sprint(int(RetryAfter.Seconds())))
		fallthrough
	default:
		status := map[Trouble]int{
			Bad: 400, Unauthorized: 401, Forbidden: 403, Missing: 404, Overloaded: 429, Failing: 500, Busy: 503,
		}[trouble]
		w.WriteHeader(cmp.Or(status, http.StatusOK))
		fmt.Fprintln(w, "the receiver is", cmp.Or(trouble, Calm))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'z'
	}
	return len(p), nil
}
