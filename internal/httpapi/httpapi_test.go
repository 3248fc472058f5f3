package httpapi_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

//nolint:gochecknoglobals // a flag of the test binary.
var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func web() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }

func listen(t *testing.T) net.Listener {
	t.Helper()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// serve serves a fake over real HTTP until the test ends.
func serve(t *testing.T, f *httpapitest.Fake, o httpapi.Options) string {
	t.Helper()
	s, err := httpapi.New(f.Backend(), o)
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// request is one raw request.
type request struct {
	method, path, body string
	header             map[string]string
	host               string
}

func (r request) do(t *testing.T, base string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, base+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	req.Host, req.Close = r.host, true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	json := map[string]string{"Content-Type": "application/json"}
	const commands = "/api/v1/canaries/default/web/commands"
	cases := map[string]struct {
		reason  string
		request request
		status  int
		says    string
	}{
		"UnknownVerb": {"a verb that does not exist", request{method: "POST", path: commands, header: json, body: `{"verb":"explode"}`}, 422, "promote, abort"},
		"NoVerb":      {"a command without a verb", request{method: "POST", path: commands, header: json, body: `{}`}, 422, "verb"},
		"UnknownField": {"a field that does not exist is a mistake", request{method: "POST", path: commands, header: json,
			body: `{"verb":"abort","force":true}`}, 422, "force"},
		"NoJSON": {"a body that is no JSON", request{method: "POST", path: commands, header: json, body: `{`}, 400, ""},
		"BadUID": {"a name that could be anything", request{method: "POST", path: commands, header: json, body: `{"verb":"abort","uid":"../x"}`}, 422, "uid"},
		"TooLarge": {"a body that is far too large", request{method: "POST", path: commands, header: json,
			body: `{"verb":"abort","reason":"` + strings.Repeat("x", 70<<10) + `"}`}, 413, ""},
		"LongReason": {"a reason that is too long", request{method: "POST", path: commands, header: json,
			body: `{"verb":"abort","reason":"` + strings.Repeat("x", 1025) + `"}`}, 422, "1024"},
		"NoCanary":    {"a command for nothing", request{method: "POST", path: "/api/v1/canaries/default/none/commands", header: json, body: `{"verb":"abort"}`}, 404, "default/none"},
		"NoHistory":   {"the runs of nothing", request{method: "GET", path: "/api/v1/canaries/default/none/runs"}, 404, "default/none"},
		"NoRun":       {"a run that never was", request{method: "GET", path: "/api/v1/canaries/default/web/runs/r9"}, 404, "r9"},
		"NoEvents":    {"the events of nothing", request{method: "GET", path: "/api/v1/events?namespace=default&name=none"}, 404, "default/none"},
		"HalfAKey":    {"a name without its namespace", request{method: "GET", path: "/api/v1/events?name=web"}, 422, "together"},
		"BadSince":    {"a time that is none", request{method: "GET", path: "/api/v1/events?since=yesterday"}, 422, "since"},
		"BadLimit":    {"a list without an end", request{method: "GET", path: "/api/v1/events?limit=1000000"}, 422, "limit"},
		"BadSide":     {"a side that does not exist", request{method: "GET", path: "/api/v1/canaries/default/web/logs?side=both"}, 422, "side"},
		"NoLogs":      {"logs that do not exist", request{method: "GET", path: "/api/v1/canaries/default/web/logs"}, 404, "no logs"},
		"NoPath":      {"a path that does not exist", request{method: "GET", path: "/api/v2/canaries"}, 404, ""},
		"BadMethod":   {"a method that the path does not have", request{method: "PUT", path: "/api/v1/brake", header: json, body: `{}`}, 405, ""},
		"ForeignHost": {"a name of another site that resolves to this machine", request{method: "GET", path: "/api/v1/canaries", host: "evil.example:80"}, 421, "localhost"},
		"CrossSite": {"a form on another site", request{method: "POST", path: "/api/v1/brake", body: `{}`,
			header: map[string]string{"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"}}, 403, "another origin"},
		"CrossOrigin": {"a page of another port of this machine", request{method: "POST", path: "/api/v1/shutdown", body: `{}`,
			header: map[string]string{"Content-Type": "application/json", "Origin": "http://127.0.0.1:1"}}, 403, "another origin"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := httpapitest.New(httpapitest.Options{})
			f.Put(httpapitest.Progressing(web()))
			status, body := tc.request.do(t, serve(t, f, httpapi.Options{}))
			if status != tc.status || !strings.Contains(body, tc.says) {
				t.Errorf("%s: status %d, body %s; want %d and %q", tc.reason, status, body, tc.status, tc.says)
			}
			if got := f.Commands(web()); len(got) != 0 || f.Brake() != nil {
				t.Errorf("%s: it had an effect: %v, %v", tc.reason, got, f.Brake())
			}
		})
	}
}

func TestLocalNamesAreServed(t *testing.T) {
	t.Parallel()
	base := serve(t, httpapitest.New(httpapitest.Options{}), httpapi.Options{})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost:" + port, "LOCALHOST", "127.0.0.1", "127.8.9.1:1", "[::1]:" + port, "[::1]"} {
		if status, body := (request{method: "GET", path: "/api/v1/canaries", host: host}).do(t, base); status != http.StatusOK {
			t.Errorf("host %s: status %d, %s", host, status, body)
		}
	}
	for _, host := range []string{"localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]:80"} {
		if status, _ := (request{method: "GET", path: "/healthz", host: host}).do(t, base); status != http.StatusMisdirectedRequest {
			t.Errorf("host %s: status %d, want 421", host, status)
		}
	}
}

func TestTheTokenIsAsked(t *testing.T) {
	t.Parallel()
	base := serve(t, httpapitest.New(httpapitest.Options{}), httpapi.Options{Token: "s3cret"})
	cases := map[string]int{
		"": 401, "s3cret": 401, "Bearer ": 401, "Bearer s3cre": 401, "Bearer s3cret ": 401, "Basic s3cret": 401,
		"Bearer s3cret": 200, "bearer s3cret": 200,
	}
	for authorization, want := range cases {
		r := request{method: "GET", path: "/api/v1/canaries", header: map[string]string{"Authorization": authorization}}
		status, body := r.do(t, base)
		// The transport trims the space at the end, as HTTP says: then it is the token.
		if authorization == "Bearer s3cret " {
			want = http.StatusOK
		}
		if status != want {
			t.Errorf("Authorization %q: status %d, want %d", authorization, status, want)
		}
		if strings.Contains(body, "s3cret") {
			t.Errorf("the answer tells the token: %s", body)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/version": 401, "/openapi.yaml": 401, "/api/v1/stream": 401} {
		if status, _ := (request{method: "GET", path: path}).do(t, base); status != want {
			t.Errorf("%s without a token: status %d, want %d", path, status, want)
		}
	}
}

func TestOtherMachinesNeedAToken(t *testing.T) {
	t.Parallel()
	s, err := httpapi.New(httpapitest.New(httpapitest.Options{}).Backend(), httpapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	err = s.Serve(t.Context(), everywhere{ln})
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "--token-file") {
		t.Errorf("serving every interface without a token: %v", err)
	}
	if conn, err := ln.Accept(); err == nil {
		_ = conn.Close()
		t.Error("the listener is still open")
	}
}

// everywhere is a listener that claims to be open to other machines.
type everywhere struct{ net.Listener }

func (everywhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 80} }

func TestABackendIsNeeded(t *testing.T) {
	t.Parallel()
	if _, err := httpapi.New(httpapi.Backend{}, httpapi.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a server without a backend: %v", err)
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	const golden = "../../docs/reference/openapi.yaml"
	s, err := httpapi.New(httpapitest.New(httpapitest.Options{}).Backend(), httpapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	document, err := s.Document()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, document, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(document)); diff != "" {
		t.Errorf("%s is out of date: run go generate ./internal/httpapi (-want +got):\n%s", golden, diff)
	}
	status, served := (request{method: "GET", path: "/openapi.yaml"}).do(t, serve(t, httpapitest.New(httpapitest.Options{}), httpapi.Options{}))
	if status != http.StatusOK || !bytes.Equal([]byte(served), document) {
		t.Errorf("/openapi.yaml answers %d with something else", status)
	}
}

func FuzzCommandBody(f *testing.F) {
	for _, seed := range []string{`{"verb":"abort","reason":"r","by":"ada"}`, `{"verb":"skip","uid":"12345678"}`, `{"verb":1}`, `[]`, `null`, "\x00", `{"verb":"pause","run":"` + "é" + `"}`} {
		f.Add([]byte(seed))
	}
	fake := httpapitest.New(httpapitest.Options{})
	fake.Put(httpapitest.Progressing(web()))
	s, err := httpapi.New(fake.Backend(), httpapi.Options{})
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	f.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		r := request{
			method: "POST", path: "/api/v1/canaries/default/web/commands", body: string(body),
			header: map[string]string{"Content-Type": "application/json"},
		}
		status, text := r.do(t, "http://"+ln.Addr().String())
		switch status {
		case http.StatusAccepted:
			for _, c := range fake.Commands(web()) {
				if !slices.Contains(strings.Fields("promote abort pause resume retry skip"), string(c.Verb)) || c.UID == "" || c.At.IsZero() {
					t.Errorf("accepted %+v", c)
				}
				fake.Consumed(web(), []string{c.UID})
			}
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			if len(fake.Commands(web())) != 0 {
				t.Errorf("status %d, and there is a command", status)
			}
		default:
			t.Errorf("status %d: %s", status, text)
		}
	})
}
