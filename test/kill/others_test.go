package kill

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/test/house"
)

// asSource makes this test program a Prometheus in a process of its own.
const asSource = "SERIN_TEST_AS_SOURCE"

// serveMetrics is a Prometheus that knows one value. It says where it is and serves until it is ended.
func serveMetrics() {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(rw, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"100"]}]}}`, now())
	}))
	_, _ = fmt.Fprintln(os.Stdout, server.URL)
	select {}
}

// source starts a Prometheus that can be stopped like any process.
func source(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self)
	cmd.Env = append(os.Environ(), asSource+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var url string
	if _, err := fmt.Fscanln(out, &url); err != nil {
		t.Fatal(err)
	}
	return cmd, url
}

// quiet is a world whose daemon nobody kills, at rest.
func quiet(t *testing.T, metrics string) *world {
	t.Helper()
	busy(t)
	w := newWorld(t, &trap{sprung: make(chan struct{})})
	w.write("v1", false)
	w.writeCanary(metrics)
	return w
}

// start starts the daemon and waits until the first version serves.
func (w *world) start() {
	w.t.Helper()
	w.d = house.Start(w.t, w.o)
	w.initialized()
}

// TestAStoppedMetricsSource stops the process that answers the queries in the middle of an analysis. The check neither
// passes nor fails; the canary says what it waits for, and goes on once there are answers again.
func TestAStoppedMetricsSource(t *testing.T) {
	t.Parallel()
	w := quiet(t, bySomebody)
	prometheus, url := source(t)
	path := filepath.Join(w.dir, "canary.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(w.hooks.URL+"/prometheus", url, "max: 0.5", "max: 500", "stepWeights: [50]", "stepWeights: [20, 50]")
	house.Put(t, path, changed.Replace(string(text)))
	w.start()
	if err := prometheus.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.write("v2", false)
	d := w.until("the canary says that it has no answers", func(d httpapi.Detail) bool {
		return d.Wait != nil && d.Wait.Reason == "Unavailable" || len(d.Metrics) > 0 && strings.Contains(fmt.Sprint(d.Metrics), "navailable")
	})
	if d.Phase != rollout.Progressing || d.FailedChecks != 0 || d.Weight.Acked != 20*rollout.Percent {
		t.Errorf("without answers the canary is at %+v", d.Canary)
	}
	if err := prometheus.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.until("the promotion", atRest(rollout.Succeeded))
	w.leavesNothing()
}

// TestKilledPods kills pods in the middle of a release and after it. A primary's is started again and the release goes
// on; one that was promoted makes no run; a canary that served users and has no pod any more is taken back.
func TestKilledPods(t *testing.T) {
	t.Parallel()
	w := quiet(t, bySomebody)
	path := filepath.Join(w.dir, "canary.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	house.Put(t, path, strings.Replace(string(text), "interval: 1s", "interval: 3s", 1))
	w.start()
	w.write("v2", false)
	w.until("half of the requests", func(d httpapi.Detail) bool { return d.Weight.Acked == 50*rollout.Percent })
	w.replaced(w.killed("web-primary-1"))
	w.until("the promotion", atRest(rollout.Succeeded))
	w.serves("v2")
	for range 2 {
		w.replaced(w.killed("web-primary-3"))
	}
	for _, after := range []string{"after=250ms", "after=500ms"} {
		if !strings.Contains(w.d.Log(), "pod=web-primary-3 why=\"was ended by SIGKILL") || !strings.Contains(w.d.Log(), after) {
			t.Errorf("no back-off of %s:\n%s", after, w.d.Log())
		}
	}
	w.until("rest", atRest(rollout.Succeeded))
	if runs, err := w.d.Client.Runs(t.Context(), key()); err != nil || len(runs) != 1 {
		t.Errorf("a killed pod made a run: %+v, %v", runs, err)
	}
	w.write("v3", false)
	w.until("half of the requests", func(d httpapi.Detail) bool { return d.Weight.Acked == 50*rollout.Percent })
	w.killed("web-canary-4")
	d := w.until("the end", atRest(rollout.Failed))
	if want := "the canary served users and has no ready pod any more"; !strings.Contains(d.Run.Message, want) {
		t.Errorf("the run says %q, not %q", d.Run.Message, want)
	}
	w.serves("v2")
	w.leavesNothing()
}

// killed kills the process of a pod.
func (w *world) killed(name string) house.Pod {
	w.t.Helper()
	for _, p := range house.Pods(w.t, w.data) {
		if strings.HasSuffix(p.Name, "/"+name) {
			kill9(w.t, p)
			return p
		}
	}
	w.t.Fatalf("there is no pod %s: %v", name, house.Pods(w.t, w.data))
	return house.Pod{}
}

// replaced waits for the next process of a pod, and for it to serve.
func (w *world) replaced(p house.Pod) {
	w.t.Helper()
	house.Until(w.t, "a new process for "+p.Name, func() (string, bool) {
		for _, other := range house.Pods(w.t, w.data) {
			if other.Name == p.Name && other.PID != p.PID && other.Version(w.t) != "" {
				return "", true
			}
		}
		return w.d.Log(), false
	})
}

func kill9(t *testing.T, p house.Pod) {
	t.Helper()
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// serves asks a few times and wants one version only.
func (w *world) serves(version string) {
	w.t.Helper()
	for range 20 {
		a, err := house.Get(w.t.Context(), w.d.Shared, "web")
		if err != nil || a.Status != http.StatusOK || a.Version != version {
			w.t.Fatalf("not %s answers: %+v %v\n%s", version, a, err, w.d.Log())
		}
	}
}

// TestAKilledLoad kills whoever sends the requests in the middle of a release that is judged by them. A canary that
// nobody asks is no canary that does well: it waits for requests and goes on with the next ones.
func TestAKilledLoad(t *testing.T) {
	t.Parallel()
	w := quiet(t, byRequests)
	w.start()
	self, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	load := exec.CommandContext(t.Context(), self, "-c", "while :; do curl -s -o /dev/null -H 'Host: web' "+w.d.Shared+"; done")
	load.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() {
		_ = syscall.Kill(-load.Process.Pid, syscall.SIGKILL)
		_ = load.Wait()
	}
	t.Cleanup(end)
	w.write("v2", false)
	w.until("half of the requests", func(d httpapi.Detail) bool { return d.Weight.Acked == 50*rollout.Percent })
	end()
	began := time.Now()
	d := w.until("the canary waits for requests", func(d httpapi.Detail) bool {
		return d.Wait != nil && d.Wait.Reason == "NoData" || d.Phase != rollout.Progressing
	})
	if d.Phase == rollout.Progressing && d.FailedChecks != 0 {
		t.Errorf("no requests failed a check %s after the last one: %+v", time.Since(began), d.Canary)
	}
	w.traffic = house.Send(t, w.d.Shared, "web", 20)
	w.until("the end", func(d httpapi.Detail) bool { return atRest(rollout.Succeeded)(d) || atRest(rollout.Failed)(d) })
	w.traffic.End()
	w.leavesNothing()
}

// TestTwoSerinsOnOneDirectory starts a second daemon, and kills the first: the second is refused while the first
// lives, says who has the directory, and can have it at once when the first is dead.
func TestTwoSerinsOnOneDirectory(t *testing.T) {
	t.Parallel()
	w := quiet(t, bySomebody)
	w.start()
	w.traffic = house.Send(t, w.d.Shared, "web", 20)
	other := w.o
	other.API, other.Shared = house.Free(t), house.Free(t)
	second := house.Begin(t, other)
	if err := second.Wait(t); err == nil {
		t.Error("two daemons work on one directory")
	}
	for _, want := range []string{"another serin up is running on this directory", "pid " + strconv.Itoa(w.d.PID()), "serin down"} {
		if !strings.Contains(second.Log(), want) {
			t.Errorf("the second daemon does not say %q:\n%s", want, second.Log())
		}
	}
	for _, a := range w.traffic.End() {
		if a.Lost != "" {
			t.Errorf("the second daemon cost a request: %+v", a)
		}
	}
	w.serves("v1")
	pods := house.Pods(t, w.data)
	w.d.Kill()
	_ = w.d.Wait(t)
	w.o = other
	w.d = house.Start(t, w.o)
	w.adopted(pods)
	w.serves("v1")
	w.leavesNothing()
}
