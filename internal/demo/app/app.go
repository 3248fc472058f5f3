// Package app is the sample app of the demo: a small HTTP server that knows its version, can be made to fail, to be
// slow, to start late and to crash, and that counts exactly what it answered.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/serin-dev/serin/internal/demo/tally"
)

// VersionHeader marks every answer that the app itself made. An answer without it comes from the way in between.
const VersionHeader = "X-Demo-Version"

// farewell is how long a stopping process waits for the requests in flight. No draw takes longer.
const farewell = longest + 2*time.Second

// ErrCrashed is how Main ends when CRASH_AFTER is over.
var ErrCrashed = errors.New("crashed as CRASH_AFTER told")

// Main runs one process of the app with the settings in env until ctx ends or a SIGTERM or SIGINT arrives. It then
// answers what is in flight and returns nil.
func Main(ctx context.Context, env func(string) string, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s, err := SettingsFrom(env)
	if err != nil {
		return err
	}
	a, err := New(s, log)
	if err != nil {
		return err
	}
	return errors.Join(a.Run(ctx), a.Close())
}

// App is one process of the sample app.
type App struct {
	settings Settings
	log      *slog.Logger
	dice     *dice
	ledger   *ledger
	leaving  atomic.Bool

	mux      *http.ServeMux
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// New returns an app that is not listening yet. Close it when it is done.
func New(s Settings, log *slog.Logger) (*App, error) {
	ledger, err := openLedger(s.CountsDir, s.Version)
	if err != nil {
		return nil, err
	}
	a := &App{
		settings: s,
		log:      log,
		dice:     newDice(s),
		ledger:   ledger,
		mux:      http.NewServeMux(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "demo_requests_in_flight", Help: "Requests that the sample app has not answered yet.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "demo_requests_total", Help: "Requests that the sample app answered.",
		}, []string{"version", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "demo_request_duration_seconds", Help: "Time that the sample app took to answer.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"version"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.inFlight, a.requests, a.duration)
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	a.mux.HandleFunc("GET /readyz", a.ready)
	a.mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) { a.write(w, a.ledger.snapshot()) })
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	a.mux.HandleFunc("/", a.answer)
	return a, nil
}

// Close closes the ledger. Answers after it are not counted.
func (a *App) Close() error { return a.ledger.close() }

// Counts returns what this process has answered so far.
func (a *App) Counts() tally.Counts { return a.ledger.snapshot() }

// ServeHTTP answers one request, whoever the listener belongs to.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Run listens on the port until ctx ends, then stops taking requests and finishes those in flight.
func (a *App) Run(ctx context.Context) error {
	if !pause(ctx, a.settings.StartDelay) {
		return nil
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(a.settings.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	return a.Serve(ctx, listener)
}

// Serve is Run for a listener that exists.
func (a *App) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() {
		err := server.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil // It ended because we ended it.
		}
		served <- err
	}()
	a.log.Info("Listening", "address", listener.Addr().String(), "version", a.settings.Version)

	var crash <-chan time.Time
	if a.settings.CrashAfter > 0 {
		timer := time.NewTimer(a.settings.CrashAfter)
		defer timer.Stop()
		crash = timer.C
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-crash:
		// A crash has no manners: what is in flight is cut off.
		return errors.Join(ErrCrashed, server.Close(), <-served)
	case <-ctx.Done():
	}
	a.leaving.Store(true)
	a.log.Info("Leaving", "version", a.settings.Version)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := errors.Join(server.Shutdown(last), <-served); err != nil {
		return fmt.Errorf("finish the requests in flight: %w", err)
	}
	return nil
}

func (a *App) ready(w http.ResponseWriter, _ *http.Request) {
	if a.settings.Unready || a.leaving.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// answer serves one request that counts.
func (a *App) answer(w http.ResponseWriter, r *http.Request) {
	a.inFlight.Inc()
	defer a.inFlight.Dec()
	start := time.Now()
	fails, takes := a.dice.roll()
	if !pause(r.Context(), takes) {
		return // The client is gone: there is nobody to answer, and nothing to count.
	}
	status := http.StatusOK
	if fails {
		status = http.StatusInternalServerError
	}
	if err := a.ledger.record(tally.Key{Version: a.settings.Version, Status: status}); err != nil {
		a.log.Error("An answer was not counted", "error", err)
	}
	a.requests.WithLabelValues(a.settings.Version, strconv.Itoa(status)).Inc()
	a.duration.WithLabelValues(a.settings.Version).Observe(time.Since(start).Seconds())

	w.Header().Set(VersionHeader, a.settings.Version)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	a.write(w, body{Version: a.settings.Version, Pod: a.settings.Pod, OK: !fails})
}

// body is what the app has to say.
type body struct {
	Version string `json:"version"`
	Pod     string `json:"pod"`
	OK      bool   `json:"ok"`
}

func (a *App) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		a.log.Debug("The client went away in the middle of an answer", "error", err)
	}
}

// pause waits for d and says whether ctx lasted that long.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
