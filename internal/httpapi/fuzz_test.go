package httpapi_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
)

// FuzzQueries reads with arbitrary names and parameters: the answer is right or says what is wrong, and never that the
// server is at fault.
func FuzzQueries(f *testing.F) {
	for _, seed := range [][2]string{
		{"default/web", ""}, {"default/none", ""}, {"default/web/runs/none", ""}, {"default/web/runs", ""}, {"../..", "x=y"},
		{"default/web/commands/12345678", ""}, {"a%00b/c", ""}, {"default/web/logs", "tail=-1"}, {"default/web/logs", "side=x&follow=1x"},
		{"", "namespace=default&limit=5&since=2030-01-01T00:00:00Z"}, {"", "limit=0"}, {"", "limit=1e3&since=now"}, {"", "name=web"}, {"", "%zz&;"},
	} {
		f.Add(seed[0], seed[1])
	}
	fake := httpapitest.New(httpapitest.Options{})
	fake.Put(httpapitest.Progressing(web()))
	s, err := httpapi.New(fake.Backend(), httpapi.Options{})
	if err != nil {
		f.Fatal(err)
	}
	base := serveFuzz(f, s)
	f.Fuzz(func(t *testing.T, path, query string) {
		target := "/api/v1/events"
		if path != "" {
			target = "/api/v1/canaries/" + path
		}
		if strings.Contains(query, "follow") {
			return // It would not end.
		}
		if u, err := url.Parse(base + target + "?" + query); err != nil || u.Host != strings.TrimPrefix(base, "http://") || u.Fragment != "" {
			return
		}
		status, text := request{method: http.MethodGet, path: target + "?" + query}.do(t, base)
		if status >= http.StatusInternalServerError {
			t.Errorf("%s?%s: %d %s", target, query, status, text)
		}
	})
}

// serveFuzz serves until the target is done, and returns the address.
func serveFuzz(f *testing.F, s *httpapi.Server) string {
	f.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.Context()))
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
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
	return "http://" + ln.Addr().String()
}
