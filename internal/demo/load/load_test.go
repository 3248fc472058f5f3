package load_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/demo/load"
	"github.com/serin-dev/serin/internal/demo/tally"
)

// rate is high, so that tests are short.
const rate = 500

// until sends to handler until want answers or losses were seen.
func until(t *testing.T, want int, handler http.Handler) load.Snapshot {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := 0
	g, err := load.New(server.URL, rate, load.Options{Host: "shop", Record: func(load.Answer) {
		seen++
		if seen == want {
			stop()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	g.Run(ctx)
	return g.Snapshot()
}

// mark makes an answer one of the app.
func mark(w http.ResponseWriter) { w.Header().Set(app.VersionHeader, "v1") }

func TestLoadAgreesWithTheApp(t *testing.T) {
	t.Parallel()
	a, err := app.New(app.Settings{Version: "v3", ErrorRate: 0.5, Seed: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	hosts := make(chan string, 1)
	got := until(t, 60, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case hosts <- r.Host:
		default:
		}
		a.ServeHTTP(w, r)
	}))
	if got.Lost != 0 {
		t.Errorf("lost %d: %+v", got.Lost, got.Losses)
	}
	if diff := cmp.Diff(a.Counts(), got.Counts); diff != "" {
		t.Errorf("counts (-app +load):\n%s", diff)
	}
	if got.Counts.Failed("v3") == 0 || got.Served() < 60 {
		t.Errorf("%d served and %d failed, want at least 60 and some", got.Served(), got.Counts.Failed("v3"))
	}
	if host := <-hosts; host != "shop" {
		t.Errorf("Host %q, want shop", host)
	}
}

func TestWhatTheAppDidNotAnswerIsLost(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		answer http.HandlerFunc
		lost   string
	}{
		"bare 503": {
			reason: "a proxy without a backend",
			answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			lost:   "answer 503 did not come from the app",
		},
		"bare 200": {
			reason: "somebody else's answer, however friendly",
			answer: func(http.ResponseWriter, *http.Request) {},
			lost:   "answer 200 did not come from the app",
		},
		"half a body": {
			reason: "an answer that breaks off",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				mark(w)
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "half")
			},
			lost: "unexpected EOF",
		},
		"no answer": {
			reason: "a connection that is cut",
			answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			lost:   "EOF",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := until(t, 3, tt.answer)
			if got.Served() != 0 || got.Lost < 3 {
				t.Fatalf("%s: served %d, lost %d, want none served", tt.reason, got.Served(), got.Lost)
			}
			if why := got.Losses[0].Lost; !strings.Contains(why, tt.lost) {
				t.Errorf("%s: lost to %q, want %q", tt.reason, why, tt.lost)
			}
		})
	}
}

// TestASecondAttemptIsALoss guards the guard: net/http sends a GET again by itself when a kept connection breaks,
// and would hide exactly the losses that this load is there to find.
func TestASecondAttemptIsALoss(t *testing.T) {
	t.Parallel()
	var served, broken atomic.Int32
	got := until(t, 40, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1) > 10 && broken.CompareAndSwap(0, 1) {
			panic(http.ErrAbortHandler)
		}
		mark(w)
		_, _ = io.WriteString(w, r.Host)
	}))
	if got.Lost != 1 {
		t.Fatalf("lost %d, want the one whose connection broke", got.Lost)
	}
}

func TestLoadKeepsItsScheduleWhenAnswersDoNotCome(t *testing.T) {
	t.Parallel()
	const waiting = 50
	var inFlight atomic.Int32
	all, release := make(chan struct{}), make(chan struct{})
	got := make(chan load.Snapshot, 1)
	go func() {
		got <- until(t, waiting, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if inFlight.Add(1) == waiting {
				close(all)
			}
			<-release
			mark(w)
		}))
	}()
	<-all // A closed loop would never get here: no request has been answered yet.
	close(release)
	if s := <-got; s.Lost != 0 || s.Served() < waiting {
		t.Errorf("served %d, lost %d, want at least %d and none", s.Served(), s.Lost, waiting)
	}
}

func TestSilenceIsALoss(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }() // Nobody accepts: connections open and stay silent.
	ctx, stop := context.WithCancel(t.Context())
	g, err := load.New("http://"+listener.Addr().String(), rate, load.Options{
		Timeout: 50 * time.Millisecond,
		Record:  func(load.Answer) { stop() },
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Run(ctx)
	if s := g.Snapshot(); s.Lost == 0 || s.Served() != 0 {
		t.Errorf("served %d, lost %d, want only losses", s.Served(), s.Lost)
	}
}

func TestASecondRunGoesOnCounting(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { mark(w) }))
	t.Cleanup(server.Close)
	recorded := make(chan struct{}, 10_000)
	g, err := load.New(server.URL, rate, load.Options{Record: func(load.Answer) { recorded <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.Run(ctx)
		}()
		<-recorded
		stop()
		<-done
	}
	want := tally.Counts{{Version: "v1", Status: 200}: g.Snapshot().Served()}
	if diff := cmp.Diff(want, g.Snapshot().Counts); diff != "" || g.Snapshot().Served() < 2 {
		t.Errorf("served %d (-want +got):\n%s", g.Snapshot().Served(), diff)
	}
}

func TestNewRefusesNoRate(t *testing.T) {
	t.Parallel()
	if _, err := load.New("http://127.0.0.1", 0, load.Options{}); err == nil {
		t.Error("New accepted a rate of 0")
	}
}
