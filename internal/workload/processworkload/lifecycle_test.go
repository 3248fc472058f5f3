package processworkload_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

func TestRollingReplacementKeepsCapacity(t *testing.T) {
	t.Parallel()
	var w *world
	var mu sync.Mutex
	armed, least := false, 99
	ready := make(chan struct{})
	w = newWorld(t, processworkload.Options{Changed: func(namespace, name string) {
		<-ready
		_, canary := w.Endpoints(namespace, name)
		mu.Lock()
		defer mu.Unlock()
		if armed {
			least = min(least, len(canary))
		}
	}})
	close(ready)
	w.apply(server("r1", 3))
	w.ready(3, "r1")
	mu.Lock()
	armed = true
	mu.Unlock()
	w.apply(server("r2", 3))
	w.ready(3, "r2")
	mu.Lock()
	defer mu.Unlock()
	armed = false
	if least != 3 {
		t.Errorf("there were moments with %d endpoints, want at least 3", least)
	}
}

func TestPodIsDrainedBeforeItEnds(t *testing.T) {
	t.Parallel()
	var w *world
	var mu sync.Mutex
	var trouble []string
	drains := 0
	w = newWorld(t, processworkload.Options{Drain: func(_ context.Context, namespace, name string, addresses []string) error {
		mu.Lock()
		defer mu.Unlock()
		drains++
		_, canary := w.Endpoints(namespace, name)
		for _, e := range canary {
			if slices.Contains(addresses, e.Address) {
				trouble = append(trouble, e.Address+" is still an endpoint")
			}
		}
		for _, p := range w.Pods(namespace, name) {
			if p.Address == addresses[0] && !alive(p.PID) {
				trouble = append(trouble, p.Name+" was ended before it was drained")
			}
		}
		return nil
	}})
	w.apply(server("r1", 2))
	w.ready(2, "r1")
	w.must(w.Remove(namespace, name))
	w.wait("end of all pods", func() bool { return len(w.Keys()) == 0 })
	mu.Lock()
	defer mu.Unlock()
	if drains != 2 || len(trouble) > 0 {
		t.Errorf("%d pods were drained, %q", drains, trouble)
	}
	if left, err := os.ReadDir(filepath.Join(w.dir, "targets")); err != nil || len(left) > 0 {
		t.Errorf("%v are left of the target, error %v", left, err)
	}
}

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{
		DrainLimit: 20 * time.Millisecond,
		Drain: func(ctx context.Context, _, _ string, _ []string) error {
			<-ctx.Done()
			return ctx.Err()
		},
	})
	w.apply(server("r1", 1))
	w.ready(1, "r1")
	w.must(w.Remove(namespace, name))
	w.wait("end of all pods", func() bool { return len(w.pods()) == 0 })
}

func TestStubbornProgramIsKilledAfterItsGrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := server("r1", 1, variable("STUBBORN", "yes"))
	target.Template.Grace = 300 * time.Millisecond
	w.apply(target)
	pid := w.ready(1, "r1")[0].PID
	began := time.Now()
	target.Replicas = 0
	w.apply(target)
	w.wait("end of the pod", func() bool { return len(w.pods()) == 0 })
	if took := time.Since(began); alive(pid) || took < target.Template.Grace {
		t.Errorf("alive=%t after %s, the grace is %s", alive(pid), took, target.Template.Grace)
	}
}

func TestGrandchildrenEndWithTheirPod(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	file := filepath.Join(t.TempDir(), "child")
	target := server("r1", 1, variable("CHILD", file))
	w.apply(target)
	w.ready(1, "r1")
	text, err := os.ReadFile(file)
	w.must(err)
	child, err := strconv.Atoi(string(text))
	w.must(err)
	if !alive(child) {
		t.Fatal("the grandchild does not run")
	}
	target.Replicas = 0
	w.apply(target)
	w.wait("end of the pod", func() bool { return len(w.pods()) == 0 })
	if alive(child) {
		t.Error("the grandchild outlived its pod")
	}
}

func TestProgramThatExitsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	secret := processworkload.Variable{Name: "TOKEN", Value: "s3cr3t-token", Secret: true}
	w.apply(program("r1", 1, exits, variable("CODE", "3"), secret, variable("SAY", "bad token $(TOKEN)")))
	p := w.pod("was started again and again", func(p processworkload.Pod) bool { return p.Restarts >= 3 && p.Why != "" })
	if p.Ready || !strings.Contains(p.Why, "exited with code 3, its last line was: bad token ***") {
		t.Errorf("got %+v", p)
	}
	side := w.observe().Canary
	if side.Ready != 0 || side.Serving != 0 || !strings.HasPrefix(side.Why, p.Name+": exited with code 3") {
		t.Errorf("got %+v", side)
	}
	if strings.Contains(w.log.String(), secret.Value) {
		t.Error("the log holds the secret")
	}
}

func TestProgramThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := program("r1", 1, sits, processworkload.Variable{Name: "WHERE", Value: "hidden-place", Secret: true})
	target.Template.Command = []string{"/no/$(WHERE)/program"}
	w.apply(target)
	p := w.pod("says why", func(p processworkload.Pod) bool { return p.Why != "" })
	if p.Why != "no program /no/***/program" {
		t.Errorf("got %q", p.Why)
	}
	if strings.Contains(w.log.String(), "hidden-place") {
		t.Error("the log holds the secret")
	}
	target.Revision, target.Template.Command = "r2", []string{os.Args[0]}
	w.apply(target)
	w.ready(1, "r2")
}

func TestPodThatIsNeverReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 2))
	w.ready(2, "r1")
	bad := server("r2", 2)
	bad.Template.Readiness.HTTP = &processworkload.HTTPProbe{Path: "/ready", Port: processworkload.Port{Name: "http"}}
	w.apply(bad)
	w.wait("sentence that says why", func() bool {
		return strings.HasSuffix(w.observe().Canary.Why, "readiness probe GET /ready: answered 503")
	})
	seen := w.observe().Canary
	if seen.Ready != 0 || seen.Serving != 2 || seen.Replicas != 2 || seen.Revision != "r2" {
		t.Errorf("got %+v", seen)
	}
	w.apply(server("r3", 2))
	w.ready(2, "r3")
}

func TestReadinessOfARestartedPodStartsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	file := filepath.Join(t.TempDir(), "ready")
	w.must(os.WriteFile(file, nil, 0o600))
	target := server("r1", 1, variable("READY", file))
	target.Template.Readiness.HTTP = &processworkload.HTTPProbe{Path: "/ready"}
	w.apply(target)
	first := w.ready(1, "r1")[0]
	w.must(os.Remove(file))
	w.exit(first)
	p := w.pod("was restarted", func(p processworkload.Pod) bool { return p.Restarts == 1 && p.PID != 0 })
	if p.Name != first.Name || p.PID == first.PID || p.Ready || p.Address == first.Address {
		t.Errorf("got %+v after %+v", p, first)
	}
	w.must(os.WriteFile(file, nil, 0o600))
	if p := w.ready(1, "r1")[0]; p.Why != "" {
		t.Errorf("a ready pod says why it is not: %q", p.Why)
	}
}

// exit asks a pod to exit, which cuts its answer.
func (w *world) exit(p processworkload.Pod) {
	w.t.Helper()
	conn, err := dial(w.t.Context(), p.Address)
	w.must(err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte("GET /exit HTTP/1.1\r\nHost: x\r\n\r\n"))
	w.must(err)
	_, _ = io.Copy(io.Discard, conn)
}

func TestRecreateEndsBeforeItStarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := server("r1", 2)
	target.Template.Recreate = true
	w.apply(target)
	old := w.ready(2, "r1")
	if !w.observe().Canary.Abrupt {
		t.Error("it does not say that it is replaced abruptly")
	}
	target.Revision = "r2"
	w.apply(target)
	w.wait("pod of the new revision", func() bool {
		return slices.ContainsFunc(w.pods(), func(p processworkload.Pod) bool { return p.Revision == "r2" })
	})
	for _, p := range old {
		if alive(p.PID) {
			t.Errorf("%s runs beside the new revision", p.Name)
		}
	}
	w.ready(2, "r2")
}

func TestShutdownEndsAllAndForgetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 2))
	old := w.ready(2, "r1")
	w.must(w.Shutdown(t.Context()))
	for _, p := range old {
		if alive(p.PID) {
			t.Errorf("%s is still there", p.Name)
		}
	}
	w.restart()
	w.ready(2, "r1")
	if seen := w.observe(); seen.Canary.Revision != "r1" || seen.Target.Replicas != 2 {
		t.Errorf("got %+v", seen)
	}
}

func TestSizeOfThePrimaryIsThatOfTheManifest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := server("r1", 1)
	target.Plain = false
	w.apply(target)
	w.must(w.driver().Pin(t.Context(), "r1"))
	w.must(w.driver().Promote(t.Context(), rollout.PromoteTo{Revision: "r1"}))
	w.ready(1, "r1")
	target.Replicas = 3
	w.apply(target)
	w.ready(3, "r1")
	w.restart()
	w.apply(target)
	w.ready(3, "r1")
}

func TestWhoIsInCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	d := w.driver()
	w.apply(server("r1", 1))
	w.ready(1, "r1")
	taken := server("r2", 1)
	taken.Plain = false
	w.apply(taken)
	if c := w.observe().Canary; c.Revision != "r1" || c.Replicas != 1 || c.Ready != 1 {
		t.Fatalf("the canary side does not keep what runs: %+v", c)
	}
	w.must(d.Promote(t.Context(), rollout.PromoteTo{Revision: "r1"}))
	w.wait("primary", func() bool { return w.observe().Primary.Ready == 1 })
	w.must(w.Remove(namespace, name))
	if s := w.observe(); s.Target.Exists || s.Primary.Ready != 1 || s.Canary.Ready != 1 {
		t.Fatalf("the sides do not stay without their manifest: %+v", s)
	}
	w.apply(server("r3", 1))
	if s := w.observe(); !s.Primary.Exists || s.Canary.Revision != "r1" {
		t.Fatalf("a target was taken from its canary without a release: %+v", s)
	}
	w.must(d.Release(t.Context(), false))
	w.must(d.Release(t.Context(), false))
	w.ready(1, "r3")
	if s := w.observe(); s.Primary.Exists || s.Canary.Ready != 1 {
		t.Fatalf("got %+v", s)
	}
	w.must(w.Remove(namespace, name))
	w.wait("end of all", func() bool { return len(w.Keys()) == 0 })
}
