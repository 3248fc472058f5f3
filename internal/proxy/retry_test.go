package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestSideWithoutEndpoints(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService(says(t, "primary"), nil, weights(rollout.Whole)))
	if got := r.get(t, "/"); got.status != http.StatusServiceUnavailable || got.body != "no healthy upstream\n" {
		t.Errorf("got %d %q", got.status, got.body)
	}
	r.counts(t, rollout.CanarySide, "503", 1)
	if n := r.answers(t, rollout.PrimarySide, "200"); n != 0 {
		t.Errorf("the primary got %v requests", n)
	}
	r.route(t, app(), rollout.Split{Canary: rollout.Whole, Revision: "r2"})
	if err := r.store.SetEndpoints(app(), nil, []table.Endpoint{{Address: says(t, "r1")[0].Address, Revision: "r1"}}); err != nil {
		t.Fatal(err)
	}
	r.sync(t)
	if got := r.get(t, "/"); got.status != http.StatusServiceUnavailable {
		t.Errorf("a pod of another revision answered %q", got.body)
	}
}

func TestConnectFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	live := serveOn(t, echo)
	r.put(t, appService([]table.Endpoint{nobody(t), live}, nil, weights(0)))
	long := strings.Repeat("x", 1<<20)
	for range 40 {
		if got := do(t, r.client, r.request(t, http.MethodPost, "/", strings.NewReader(long))); got.body != long {
			t.Fatalf("got %d, %d bytes", got.status, len(got.body))
		}
	}
	r.counts(t, rollout.PrimarySide, "200", 40)
	if n := r.metric(t, "envoy_cluster_upstream_rq_retry", app().Cluster(rollout.PrimarySide)); n == 0 {
		t.Error("no attempt was counted as a retry")
	}
	r.put(t, appService([]table.Endpoint{nobody(t)}, nil, nil))
	if got := r.get(t, "/"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "connection failure") {
		t.Errorf("got %d %q", got.status, got.body)
	}
	r.counts(t, rollout.PrimarySide, "503", 1)
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		on       []string
		attempts int
		body     string
		fail     http.HandlerFunc
		want     int
		tries    int64
	}{
		"status of the default":  {attempts: 2, fail: answers(503), want: 200, tries: 2},
		"body is sent again":     {attempts: 2, body: "hello", fail: readAll(answers(503)), want: 200, tries: 2},
		"body too long":          {attempts: 2, body: strings.Repeat("x", 1<<20), fail: readAll(answers(503)), want: 503, tries: 1},
		"status named":           {attempts: 1, on: []string{"429"}, fail: answers(429), want: 200, tries: 2},
		"status not named":       {attempts: 2, on: []string{"gateway-error"}, fail: answers(500), want: 500, tries: 1},
		"5xx":                    {attempts: 1, on: []string{"5xx"}, fail: answers(500), want: 200, tries: 2},
		"conflict":               {attempts: 1, on: []string{"retriable-4xx"}, fail: answers(409), want: 200, tries: 2},
		"grpc":                   {attempts: 1, on: []string{"unavailable"}, fail: grpcStatus("14"), want: 200, tries: 2},
		"connection closed":      {attempts: 1, on: []string{"reset"}, fail: hangUp, want: 200, tries: 2},
		"closed but not allowed": {attempts: 1, on: []string{"connect-failure"}, fail: hangUp, want: 503, tries: 1},
		"no attempt left":        {attempts: 0, on: []string{"5xx"}, fail: answers(500), want: 500, tries: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			var tries atomic.Int64
			s := appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
				if tries.Add(1) == 1 {
					c.fail(w, req)
					return
				}
				_, _ = io.Copy(w, req.Body)
			})}, nil, weights(0))
			s.Retries = &table.Retries{Attempts: c.attempts, On: c.on}
			r.put(t, s)
			got := do(t, r.client, r.request(t, http.MethodPost, "/", strings.NewReader(c.body)))
			if got.status != c.want || tries.Load() != c.tries || got.status == 200 && got.body != c.body {
				t.Errorf("status %d after %d tries, %d bytes; want %d after %d", got.status, tries.Load(), len(got.body), c.want, c.tries)
			}
			r.counts(t, rollout.PrimarySide, fmt.Sprint(c.want), 1)
			if n := r.metric(t, "envoy_cluster_upstream_rq_time", app().Cluster(rollout.PrimarySide)); n != 1 {
				t.Errorf("%v times were counted", n)
			}
		})
	}
}

func answers(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func grpcStatus(code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", code) }
}

func readAll(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		then(w, r)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestTimeouts(t *testing.T) {
	t.Parallel()
	t.Run("of the exchange", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		s := appService([]table.Endpoint{serveOn(t, hang)}, nil, weights(0))
		s.Timeout, s.Retries = 50*time.Millisecond, &table.Retries{Attempts: 3, On: []string{"5xx"}}
		r.put(t, s)
		if got := r.get(t, "/"); got.status != http.StatusGatewayTimeout || got.body != "upstream request timeout\n" {
			t.Errorf("got %d %q", got.status, got.body)
		}
		r.counts(t, rollout.PrimarySide, "504", 1)
	})
	t.Run("in the middle of an answer", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		s := appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
			_, _ = io.WriteString(w, "begun")
			_ = http.NewResponseController(w).Flush()
			hang(w, req)
		})}, nil, weights(0))
		s.Timeout = 50 * time.Millisecond
		r.put(t, s)
		breaksOff(t, r)
		r.counts(t, rollout.PrimarySide, "504", 1)
	})
	t.Run("of one attempt", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, Options{})
		s := appService([]table.Endpoint{serveOn(t, hang), says(t, "quick")[0]}, nil, weights(0))
		s.Retries = &table.Retries{Attempts: 5, PerTry: 30 * time.Millisecond, On: []string{"reset"}}
		r.put(t, s)
		for range 10 {
			if got := r.get(t, "/"); got.body != "quick" {
				t.Errorf("got %d %q", got.status, got.body)
			}
		}
		r.counts(t, rollout.PrimarySide, "200", 10)
	})
}

func breaksOff(t *testing.T, r *rig) {
	t.Helper()
	res, err := r.client.Do(r.request(t, http.MethodGet, "/", http.NoBody))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the answer ended well with %q", b)
	}
}

func TestEndpointDiesInTheMiddle(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/known" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})}, nil, weights(0)))
	breaksOff(t, r)
	r.counts(t, rollout.PrimarySide, "503", 1)
	if n := r.answers(t, rollout.PrimarySide, "200"); n != 0 {
		t.Errorf("%v answers counted as good", n)
	}
}

func TestClientLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		began <- struct{}{}
		hang(w, req)
		ended <- struct{}{}
	})}, nil, weights(0)))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	res, err := r.client.Do(r.request(t, http.MethodGet, "/", http.NoBody).WithContext(ctx))
	if !errors.Is(err, context.Canceled) {
		_ = res.Body.Close()
		t.Fatalf("got %v", err)
	}
	<-ended
	eventually(t, "the exchange is over", func() bool { return r.proxy.exchanges.Load() == 0 })
	for _, code := range []string{"499", "503", "504", "200"} {
		if n := r.answers(t, rollout.PrimarySide, code); n != 0 {
			t.Errorf("it counted %v times as %s", n, code)
		}
	}
}

// TestEarlyAnswerToLongBody answers before the body was sent, as servers do that refuse it.
func TestEarlyAnswerToLongBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})}, nil, weights(0)))
	for range 20 {
		body, send := io.Pipe()
		go func() {
			_, _ = io.WriteString(send, "begun")
			<-t.Context().Done()
			_ = send.Close()
		}()
		res, err := r.client.Do(r.request(t, http.MethodPost, "/", body))
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("got %d", res.StatusCode)
		}
		_ = res.Body.Close()
	}
	eventually(t, "the exchanges are over", func() bool { return r.proxy.exchanges.Load() == 0 })
}

// TestUnreadBodyKeepsTheConnection sends one request after another on one connection. Nobody reads their bodies.
func TestUnreadBodyKeepsTheConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService(nil, nil, weights(0)))
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.shared)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	b := bufio.NewReader(conn)
	for i := range 50 {
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n")
		fmt.Fprint(conn, "hello")
		res, err := http.ReadResponse(b, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("request %d: status %d, %v", i, res.StatusCode, err)
		}
		_ = res.Body.Close()
	}
}

// TestOwnAnswerToEndlessBody answers a client that goes on sending.
func TestOwnAnswerToEndlessBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService(nil, nil, weights(0)))
	body, send := io.Pipe()
	defer func() { _ = send.Close() }()
	res, err := r.client.Do(r.request(t, http.MethodPost, "/", body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusServiceUnavailable || !res.Close {
		t.Errorf("got %d, and the connection is closed: %v", res.StatusCode, res.Close)
	}
}
