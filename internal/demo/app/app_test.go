package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/demo/tally"
)

func newApp(t *testing.T, s app.Settings) *app.App {
	t.Helper()
	a, err := app.New(s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return a
}

func ask(t *testing.T, a *app.App, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return w
}

func TestAnswerSaysWhoMadeIt(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v7", Pod: "shop-1"})
	w := ask(t, a, "/")
	if got := w.Header().Get(app.VersionHeader); w.Code != http.StatusOK || got != "v7" {
		t.Errorf("status %d from version %q, want 200 from v7", w.Code, got)
	}
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"version": "v7", "pod": "shop-1", "ok": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestErrorsComeAtTheirRate(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v3", ErrorRate: 0.05, Seed: 1})
	for range 10_000 {
		ask(t, a, "/")
	}
	counts := a.Counts()
	if got := counts.Total(); got != 10_000 {
		t.Errorf("counted %d answers, want 10000", got)
	}
	// Six standard deviations around 500: the seed is fixed, so this never changes by itself.
	if got := counts.Failed("v3"); got < 370 || got > 630 {
		t.Errorf("%d of 10000 answers failed, want about 500", got)
	}
}

func TestOnlyAnswersCount(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v1"})
	for _, path := range []string{"/", "/any/path", "/healthz", "/readyz", "/metrics", "/counts"} {
		if w := ask(t, a, path); w.Code != http.StatusOK {
			t.Errorf("GET %s: status %d, want 200", path, w.Code)
		}
	}
	want := tally.Counts{{Version: "v1", Status: 200}: 2}
	if diff := cmp.Diff(want, a.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	var got tally.Counts
	if err := json.Unmarshal(ask(t, a, "/counts").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("/counts (-want +got):\n%s", diff)
	}
	if text, want := ask(t, a, "/metrics").Body.String(), `demo_requests_total{status="200",version="v1"} 2`; !strings.Contains(text, want) {
		t.Errorf("/metrics does not have %s:\n%s", want, text)
	}
}

func TestUnreadyAppIsAliveAndNotReady(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v1", Unready: true})
	if got := ask(t, a, "/readyz").Code; got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d, want 503", got)
	}
	if got := ask(t, a, "/healthz").Code; got != http.StatusOK {
		t.Errorf("/healthz: %d, want 200", got)
	}
}

func TestLeaversCountNothing(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v1", Median: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	a.ServeHTTP(httptest.NewRecorder(), r)
	if got := a.Counts().Total(); got != 0 {
		t.Errorf("counted %d answers to a client that was gone, want 0", got)
	}
}

func TestLedgersOutliveTheirProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 { // Three processes, one after the other; the last never closes its ledger, as if it was killed.
		a, err := app.New(app.Settings{Version: "team/v1", CountsDir: dir}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for range 12 {
			ask(t, a, "/")
		}
		t.Cleanup(func() { _ = a.Close() })
	}
	newApp(t, app.Settings{Version: "v2", CountsDir: dir}) // It has not answered anything.
	got, err := app.ReadCounts(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := tally.Counts{{Version: "team/v1", Status: 200}: 36}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestLedgerNeedsItsDirectory(t *testing.T) {
	t.Parallel()
	_, err := app.New(app.Settings{CountsDir: t.TempDir() + "/missing"}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "open a ledger in") {
		t.Errorf("New = %v, want an error that names the directory", err)
	}
}

// serve runs the app on a free port and returns its URL and what Serve returns.
func serve(ctx context.Context, t *testing.T, a *app.App) (string, <-chan error) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), done
}

func TestLeavingFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v1"})
	arrived, release := make(chan struct{}), make(chan struct{})
	a.Hold(func() {
		close(arrived)
		<-release
	})
	ctx, stop := context.WithCancel(t.Context())
	url, done := serve(ctx, t, a)
	answer := make(chan string, 1)
	go func() { answer <- get(t, url+"/") }()
	<-arrived
	stop()
	select {
	case err := <-done:
		t.Errorf("Serve returned %v with a request in flight", err)
	default:
	}
	close(release)
	if got := <-answer; !strings.Contains(got, `"version":"v1"`) {
		t.Errorf("the request in flight got %q, want its whole answer", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

func TestCrashCutsOffWhatIsInFlight(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v1", Median: time.Hour, CrashAfter: 50 * time.Millisecond})
	_, done := serve(t.Context(), t, a)
	if err := <-done; !errors.Is(err, app.ErrCrashed) {
		t.Errorf("Serve = %v, want ErrCrashed", err)
	}
}

func TestStartDelayEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	a := newApp(t, app.Settings{Version: "v1", StartDelay: time.Hour})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil: it was told to stop before it listened", err)
	}
}

// get returns the body of an answer, or why there is none.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
