package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestWhatTheEndpointSees(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	seen := make(chan *http.Request, 1)
	s := appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		seen <- req
		w.Header().Set("X-Gone", "1")
		w.Header().Set("X-Kept", "1")
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
	})}, nil, weights(0))
	s.Request = table.HeaderChange{Remove: []string{"x-secret"}, Set: map[string]string{"x-set": "2"}, Add: map[string]string{"x-add": "2"}}
	s.Response = table.HeaderChange{Remove: []string{"x-gone"}, Set: map[string]string{"x-answer": "2"}}
	r.put(t, s)
	got := r.get(t, "/a%2Fb/c?x=1;y=2&z=%zz", "X-Secret", "1", "X-Set", "1", "X-Add", "1", "X-Forwarded-For", "10.0.0.1",
		"X-Forwarded-Proto", "https", "Connection", "X-Client-Hop", "X-Client-Hop", "1", "Accept-Encoding", "br")
	req := <-seen
	want := map[string]string{
		"X-Secret": "", "X-Set": "2", "X-Add": "1,2", "X-Forwarded-For": "10.0.0.1, 127.0.0.1", "X-Forwarded-Proto": "https",
		"X-Forwarded-Host": "app.test", "X-Client-Hop": "", "Accept-Encoding": "br",
	}
	for name, value := range want {
		if is := strings.Join(req.Header.Values(name), ","); is != value {
			t.Errorf("the endpoint saw %s: %q, want %q", name, is, value)
		}
	}
	if req.Host != "app.test" || req.RequestURI != "/a%2Fb/c?x=1;y=2&z=%zz" {
		t.Errorf("the endpoint saw host %q and %q", req.Host, req.RequestURI)
	}
	if id := req.Header.Get("X-Request-ID"); len(id) != 36 || id[14] != '4' {
		t.Errorf("the request's id is %q", id)
	}
	answer := map[string]string{"X-Gone": "", "X-Kept": "1", "X-Answer": "2", "X-Hop": ""}
	for name, value := range answer {
		if is := got.header.Get(name); is != value {
			t.Errorf("the client saw %s: %q, want %q", name, is, value)
		}
	}
	r.get(t, "/", "X-Request-ID", "mine")
	if req := <-seen; req.Header.Get("X-Request-ID") != "mine" {
		t.Error("the client's own request id was replaced")
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rewrite         table.Rewrite
		path, want, saw string
	}{
		{table.Rewrite{Path: "/v2"}, "/a/b?q=1", "/v2?q=1", "app.test"},
		{table.Rewrite{Path: "/", Prefix: true}, "/a%2Fb?q=1", "/a%2Fb?q=1", "app.test"},
		{table.Rewrite{Path: "/v2", Prefix: true}, "/a/b", "/v2/a/b", "app.test"},
		{table.Rewrite{Path: "/v2/", Prefix: true}, "/a/b", "/v2/a/b", "app.test"},
		{table.Rewrite{Authority: "other.example.com"}, "/a", "/a", "other.example.com"},
	} {
		r := newRig(t, Options{})
		s := appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
			fmt.Fprint(w, req.RequestURI, " ", req.Host)
		})}, nil, weights(0))
		s.Rewrite = c.rewrite
		r.put(t, s)
		if got := r.get(t, c.path); got.body != c.want+" "+c.saw {
			t.Errorf("%+v of %s: the endpoint saw %q", c.rewrite, c.path, got.body)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprint(w, "asked ", req.Method)
	})}, nil, weights(0))
	s.CORS = &table.CORS{
		AllowOrigins: []table.StringMatch{{Suffix: ".example.com"}}, AllowMethods: []string{"GET", "PUT"},
		AllowHeaders: []string{"x-a"}, ExposeHeaders: []string{"x-b"}, MaxAge: time.Hour, Credentials: true,
	}
	r.put(t, s)
	preflight := func(origin string) answerSeen {
		req := r.request(t, http.MethodOptions, "/", http.NoBody)
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", "PUT")
		return do(t, r.client, req)
	}
	got := preflight("https://a.example.com")
	got.header.Del("Date")
	want := http.Header{
		"Access-Control-Allow-Origin": {"https://a.example.com"}, "Access-Control-Allow-Methods": {"GET, PUT"},
		"Access-Control-Allow-Headers": {"x-a"}, "Access-Control-Max-Age": {"3600"}, "Access-Control-Allow-Credentials": {"true"},
		"Vary": {"Origin"}, "Content-Length": {"0"},
	}
	if diff := cmp.Diff(want, got.header); diff != "" || got.body != "" {
		t.Errorf("preflight (-want +got):\n%s", diff)
	}
	if got := preflight("https://evil.com"); got.body != "asked OPTIONS" || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin got %q and %v", got.body, got.header)
	}
	actual := r.get(t, "/", "Origin", "https://a.example.com")
	if actual.header.Get("Access-Control-Expose-Headers") != "x-b" || actual.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("an answer has %v", actual.header)
	}
	r.counts(t, rollout.PrimarySide, "200", 2)
}

// TestProtocols sends the same through each pair of protocols: large bodies both ways, trailers both ways.
func TestProtocols(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	for _, server := range []bool{false, true} {
		for _, client := range []bool{false, true} {
			t.Run(fmt.Sprintf("client h2c %v, endpoint h2c %v", client, server), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, Options{})
				s := startServer(t, func(w http.ResponseWriter, req *http.Request) {
					w.Header().Set("Trailer", "X-Announced")
					echo(w, req)
					w.Header().Set("X-Announced", req.Trailer.Get("X-Sum"))
					w.Header().Set(http.TrailerPrefix+"X-Unannounced", req.Proto)
				}, server)
				service := appService([]table.Endpoint{endpointOf(s)}, nil, weights(0))
				if server {
					service.Protocol = table.H2C
				}
				r.put(t, service)
				sum := sha256.Sum256(content)
				req := r.request(t, http.MethodPost, "/", io.MultiReader(bytes.NewReader(content)))
				req.Trailer = http.Header{"X-Sum": {hex.EncodeToString(sum[:])}}
				c := r.client
				if client {
					c = r.h2c
				}
				got := do(t, c, req)
				proto := "HTTP/1.1"
				if server {
					proto = "HTTP/2.0"
				}
				if sha256.Sum256([]byte(got.body)) != sum {
					t.Errorf("%d bytes came back, of %d", len(got.body), len(content))
				}
				want := http.Header{"X-Announced": {hex.EncodeToString(sum[:])}, "X-Unannounced": {proto}}
				if diff := cmp.Diff(want, got.trailer); diff != "" {
					t.Errorf("trailers (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestFullDuplex answers each line of a request before the next is sent.
func TestFullDuplex(t *testing.T) {
	t.Parallel()
	for _, h2c := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2c %v", h2c), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			s := startServer(t, func(w http.ResponseWriter, req *http.Request) {
				rc := http.NewResponseController(w)
				if !h2c {
					_ = rc.EnableFullDuplex()
				}
				lines := bufio.NewScanner(req.Body)
				for lines.Scan() {
					fmt.Fprintln(w, "echo", lines.Text())
					_ = rc.Flush()
				}
			}, h2c)
			service := appService([]table.Endpoint{endpointOf(s)}, nil, weights(0))
			if h2c {
				service.Protocol = table.H2C
			}
			r.put(t, service)
			body, send := io.Pipe()
			first := make(chan error, 1)
			go func() { _, err := io.WriteString(send, "0\n"); first <- err }()
			c := r.client
			if h2c {
				c = r.h2c
			}
			res, err := c.Do(r.request(t, http.MethodPost, "/", body))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			lines := bufio.NewReader(res.Body)
			for i := range 5 {
				if i > 0 {
					if _, err := fmt.Fprintln(send, i); err != nil {
						t.Fatal(err)
					}
				}
				if line, err := lines.ReadString('\n'); line != fmt.Sprintf("echo %d\n", i) {
					t.Fatalf("line %d is %q, %v", i, line, err)
				}
			}
			if err := errors.Join(<-first, send.Close()); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
				t.Errorf("the rest is %q, %v", rest, err)
			}
		})
	}
}

func TestStreamIsPassedOnAtOnce(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]string{"unknown length": "", "known length": "10"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			goOn := make(chan struct{})
			r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = io.WriteString(w, "first")
				_ = http.NewResponseController(w).Flush()
				<-goOn
				_, _ = io.WriteString(w, "other")
			})}, nil, weights(0)))
			res, err := r.client.Do(r.request(t, http.MethodGet, "/", http.NoBody))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			b := make([]byte, 5)
			if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != "first" {
				t.Fatalf("first came %q, %v", b, err)
			}
			close(goOn)
			if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "other" {
				t.Fatalf("then came %q, %v", rest, err)
			}
		})
	}
}

func TestEarlyHints(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
	})}, nil, weights(0)))
	var hints []string
	req := r.request(t, http.MethodGet, "/", http.NoBody)
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		},
	}))
	if got := do(t, r.client, req); got.status != http.StatusNoContent || !cmp.Equal(hints, []string{"103</style.css>"}) {
		t.Errorf("status %d, hints %q", got.status, hints)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{HeaderTimeout: 50 * time.Millisecond})
	r.put(t, appService(says(t, "primary"), nil, weights(0)))
	if got := r.get(t, "/", "X-Long", strings.Repeat("x", 80<<10)); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long header got %d", got.status)
	}
	if got := do(t, r.client, r.request(t, http.MethodConnect, "", http.NoBody)); got.status != http.StatusMethodNotAllowed {
		t.Errorf("CONNECT got %d", got.status)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.shared)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: app.test\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("a header that does not end: %v", err)
	}
	for name, o := range map[string]Options{"negative": {Grace: -1}, "bytes": {HeaderBytes: -1}} {
		if _, err := New(r.store, o); err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("New took no table")
	}
	if err := r.proxy.Run(t.Context()); err == nil {
		t.Error("a proxy ran twice")
	}
}
