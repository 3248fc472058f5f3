package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/demo/tally"
)

// TestMain lets this test binary be the sample app itself, as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("DEMO_APP_PROCESS") == "" {
		os.Exit(m.Run())
	}
	if err := app.Main(context.Background(), os.Getenv, slog.New(slog.NewJSONHandler(os.Stderr, nil))); err != nil {
		os.Exit(1)
	}
}

// process is the app as a child of this test.
type process struct {
	url string
	cmd *exec.Cmd
}

func start(t *testing.T, env ...string) process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // G204: it is this test binary.
	cmd.Env = append([]string{"DEMO_APP_PROCESS=1", "PORT=0"}, env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := bufio.NewScanner(stderr)
	if !line.Scan() {
		t.Fatalf("the app said nothing: %v", cmd.Wait())
	}
	var said struct{ Msg, Address string }
	if err := json.Unmarshal(line.Bytes(), &said); err != nil || said.Msg != "Listening" {
		t.Fatalf("the app said %s, want that it listens (%v)", line.Bytes(), err)
	}
	return process{url: "http://" + said.Address, cmd: cmd}
}

func TestSIGTERMLetsARequestFinish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, "VERSION=v5", "LATENCY=1s", "COUNTS_DIR="+dir)
	status := make(chan int, 1)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url, http.NoBody)
		if err != nil {
			t.Errorf("make a request: %v", err)
			status <- 0
			return
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Errorf("the request in flight was lost: %v", err)
			status <- 0
			return
		}
		_ = response.Body.Close()
		status <- response.StatusCode
	}()
	for !strings.Contains(get(t, p.url+"/metrics"), "demo_requests_in_flight 1") {
		if len(status) > 0 {
			t.Fatal("the request was answered before it was seen in flight")
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != http.StatusOK {
		t.Errorf("status %d, want 200", got)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the app ended with %v, want success", err)
	}
	expectCounts(t, dir, tally.Counts{{Version: "v5", Status: 200}: 1})
}

func TestAKilledProcessHasCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, "VERSION=v6", "ERROR_RATE=1", "COUNTS_DIR="+dir)
	for range 3 {
		get(t, p.url)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err == nil {
		t.Error("a killed process reported success")
	}
	expectCounts(t, dir, tally.Counts{{Version: "v6", Status: 500}: 3})
}

func expectCounts(t *testing.T, dir string, want tally.Counts) {
	t.Helper()
	got, err := app.ReadCounts(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
