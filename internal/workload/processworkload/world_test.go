package processworkload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

const (
	namespace = "shop"
	name      = "web"
	// limit bounds every wait of a test.
	limit = 60 * time.Second
)

// world is a directory with a supervisor, which can be left alone and replaced.
type world struct {
	*processworkload.Supervisor

	t       *testing.T
	dir     string
	options processworkload.Options
	log     *journal
	stop    func()
}

// newWorld starts a supervisor in a new directory. At the end of the test all its pods are gone.
func newWorld(t *testing.T, o processworkload.Options) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), options: o, log: &journal{}}
	w.options.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	if w.options.Backoff == (processworkload.Backoff{}) {
		w.options.Backoff = processworkload.Backoff{Min: 10 * time.Millisecond, Max: 50 * time.Millisecond}
	}
	w.start()
	t.Cleanup(w.end)
	return w
}

// start makes a supervisor and runs it.
func (w *world) start() {
	w.t.Helper()
	s, err := processworkload.New(w.dir, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Supervisor = s
	// The context of the test ends before its clean-up.
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

// restart leaves the supervisor alone, as a crash would, and starts another one.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start()
}

// end ends all pods, at once, and looks for what is left.
func (w *world) end() {
	// The context of the test has ended by now.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var err error
	_ = eventually(context.Background(), func() bool {
		// A supervisor that was just started may not have begun.
		err = w.Shutdown(ctx)
		return fault.KindOf(err) != fault.Invalid
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		w.t.Error(err)
	}
	w.stop()
	if left, err := w.Marked(); err != nil || len(left) > 0 {
		w.t.Errorf("processes %v are left, error %v", left, err)
	}
	if w.t.Failed() {
		w.t.Log(w.log)
	}
}

func (w *world) apply(t processworkload.Target) {
	w.t.Helper()
	if err := w.Apply(t); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) driver() *processworkload.Driver { return w.Driver(namespace, name) }

func (w *world) observe() rollout.Workload {
	w.t.Helper()
	seen, err := w.driver().Observe(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return seen
}

// must is for changes that have to succeed.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pods() []processworkload.Pod { return w.Pods(namespace, name) }

// pod waits for a pod with a property.
func (w *world) pod(what string, has func(processworkload.Pod) bool) processworkload.Pod {
	w.t.Helper()
	var found processworkload.Pod
	w.wait("a pod that "+what, func() bool {
		i := slices.IndexFunc(w.pods(), has)
		if i >= 0 {
			found = w.pods()[i]
		}
		return i >= 0
	})
	return found
}

func isReady(p processworkload.Pod) bool { return p.Ready && !p.Ending }

// ready waits until exactly n pods exist, all of a revision and ready.
func (w *world) ready(n int, revision string) []processworkload.Pod {
	w.t.Helper()
	var pods []processworkload.Pod
	w.wait(fmt.Sprintf("%d ready pods of %s", n, revision), func() bool {
		pods = w.pods()
		return len(pods) == n && !slices.ContainsFunc(pods, func(p processworkload.Pod) bool { return !isReady(p) || p.Revision != revision })
	})
	return pods
}

// wait waits for a condition.
func (w *world) wait(what string, is func() bool) {
	w.t.Helper()
	if !eventually(w.t.Context(), is) {
		w.t.Fatalf("no %s within %s: %+v", what, limit, w.pods())
	}
}

func eventually(ctx context.Context, is func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return is()
		case <-ticker.C:
		}
	}
	return true
}

// get asks a pod.
func (w *world) get(p processworkload.Pod, path string) string {
	w.t.Helper()
	text, err := w.ask(p, path)
	w.must(err)
	return text
}

// ask asks a pod that may be gone by now.
func (w *world) ask(p processworkload.Pod, path string) (string, error) {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+p.Address+path, http.NoBody)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(answer.Body)
	return string(body), errors.Join(err, answer.Body.Close())
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// alive says whether a process runs.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && syscall.Kill(pid, 0) == nil
}

// journal keeps what was logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func variable(name, value string) processworkload.Variable {
	return processworkload.Variable{Name: name, Value: value}
}

// program is a target whose pods run the test binary in a role.
func program(revision string, replicas int, as string, env ...processworkload.Variable) processworkload.Target {
	return processworkload.Target{
		Namespace: namespace, Name: name, Revision: revision, Replicas: replicas, Plain: true,
		Template: processworkload.Template{
			Command: []string{os.Args[0]},
			Env:     append([]processworkload.Variable{variable(role, as)}, env...),
			Grace:   limit,
		},
	}
}

// server is a target of the role serves with one port.
func server(revision string, replicas int, env ...processworkload.Variable) processworkload.Target {
	t := program(revision, replicas, serves, env...)
	t.Template.Ports = []processworkload.Port{{Name: "http", Number: 80}}
	return t
}
