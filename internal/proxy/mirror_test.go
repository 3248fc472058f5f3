package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestMirror(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	type copied struct{ host, method, path, body string }
	copies := make(chan copied, 100)
	canary := []table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		copies <- copied{req.Host, req.Method, req.RequestURI, string(b)}
		w.WriteHeader(http.StatusTeapot)
	})}
	r.put(t, appService([]table.Endpoint{serveOn(t, echo)}, canary, &rollout.Split{Primary: rollout.Whole, Mirror: rollout.Whole}))

	if got := r.get(t, "/a?b=c"); got.status != http.StatusOK {
		t.Fatalf("the client got %d", got.status)
	}
	if c := <-copies; c != (copied{"app.test-shadow", "GET", "/a?b=c", ""}) {
		t.Errorf("the canary got %+v", c)
	}
	if got := do(t, r.client, r.request(t, http.MethodPost, "/", strings.NewReader("hello"))); got.body != "hello" {
		t.Fatalf("the client got %q", got.body)
	}
	if c := <-copies; c != (copied{"app.test-shadow", "POST", "/", "hello"}) {
		t.Errorf("the canary got %+v", c)
	}
	long := strings.Repeat("x", 65<<10)
	for _, body := range []io.Reader{strings.NewReader(long), io.MultiReader(strings.NewReader(long))} {
		if got := do(t, r.client, r.request(t, http.MethodPost, "/", body)); got.body != long {
			t.Fatalf("the client got %d bytes", len(got.body))
		}
	}
	// A body without declared length that fits is copied too.
	do(t, r.client, r.request(t, http.MethodPost, "/", io.MultiReader(strings.NewReader("short"))))
	if c := <-copies; c.body != "short" {
		t.Errorf("instead of the short body the canary got %d bytes", len(c.body))
	}
	r.counts(t, rollout.CanarySide, "418", 3)
	r.counts(t, rollout.PrimarySide, "200", 5)
	r.route(t, app(), *weights(0))
	r.get(t, "/")
	r.counts(t, rollout.PrimarySide, "200", 6)
	if n := r.answers(t, rollout.CanarySide, "418"); n != 3 {
		t.Errorf("without a share of mirrors the canary has %v", n)
	}
}

func TestMirrorsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Mirrors: 2, MirrorTimeout: 200 * time.Millisecond})
	r.put(t, appService(says(t, "primary"), []table.Endpoint{serveOn(t, hang)},
		&rollout.Split{Primary: rollout.Whole, Mirror: rollout.Whole}))
	for range 20 {
		if got := r.get(t, "/"); got.body != "primary" {
			t.Fatalf("got %q", got.body)
		}
	}
	eventually(t, "the copies have timed out", func() bool { return r.proxy.exchanges.Load() == 0 })
	if n := r.answers(t, rollout.CanarySide, "504"); n < 2 || n >= 20 {
		t.Errorf("%v copies timed out", n)
	}
}

func TestMirrorToNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService(says(t, "primary"), []table.Endpoint{nobody(t)},
		&rollout.Split{Primary: rollout.Whole, Mirror: rollout.Whole}))
	if got := r.get(t, "/"); got.body != "primary" {
		t.Errorf("got %q", got.body)
	}
	r.counts(t, rollout.CanarySide, "503", 1)
}

func TestShadowHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"app": "app-shadow", "app:80": "app-shadow:80", "[::1]": "[::1]-shadow", "[::1]:80": "[::1]-shadow:80",
	} {
		if got := shadowHost(host); got != want {
			t.Errorf("%s became %s, want %s", host, got, want)
		}
	}
}
