package processworkload_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

func TestRunningPodsAreAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 2))
	old := w.ready(2, "r1")
	w.restart()
	pods := w.ready(2, "r1")
	for i, p := range pods {
		if p.PID != old[i].PID || p.Restarts != 0 || p.Address != old[i].Address {
			t.Errorf("got %+v, want %+v", p, old[i])
		}
	}
	w.exit(pods[0])
	w.pod("was restarted", func(p processworkload.Pod) bool { return p.Name == old[0].Name && p.Restarts == 1 && p.Ready })
}

func TestNobodyGuessesWhetherAdoptedPodsAreReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 1))
	w.ready(1, "r1")
	w.stop()
	s, err := processworkload.New(w.dir, w.options)
	w.must(err)
	if _, err := s.Driver(namespace, name).Observe(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("before the first probe: %v", err)
	}
	w.start()
	w.ready(1, "r1")
}

func TestPodThatEndedMeanwhileIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	file := filepath.Join(t.TempDir(), "child")
	w.apply(server("r1", 1, variable("CHILD", file)))
	old := w.ready(1, "r1")[0]
	text, err := os.ReadFile(file)
	w.must(err)
	child, err := strconv.Atoi(string(text))
	w.must(err)
	w.stop()
	w.exit(old)
	w.wait("end of the process", func() bool { return processworkload.HasEnded(old.PID) })
	w.start()
	if alive(child) {
		t.Error("what the ended process left behind was not ended")
	}
	if p := w.ready(1, "r1")[0]; p.Name != old.Name || p.Restarts != 1 || p.PID == old.PID {
		t.Errorf("got %+v after %+v", p, old)
	}
}

func TestWhatNobodyWantsIsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 2))
	old := w.ready(2, "r1")
	w.stop()
	// The supervisor is told, and cut off before it does anything.
	s, err := processworkload.New(w.dir, w.options)
	w.must(err)
	w.must(s.Remove(namespace, name))
	w.start()
	w.wait("end of all pods", func() bool { return len(w.Keys()) == 0 })
	for _, p := range old {
		if alive(p.PID) {
			t.Errorf("%s is still there", p.Name)
		}
	}
}

func TestStrayProcessOfACrashedStartIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 1))
	old := w.ready(1, "r1")[0]
	w.stop()
	// A record as it is between being written and the start of the process.
	file := filepath.Join(w.dir, "targets", namespace, name, "state.json")
	data, err := os.ReadFile(file)
	w.must(err)
	before, rest, found := bytes.Cut(data, []byte(`"process":`))
	_, after, _ := bytes.Cut(rest, []byte(`},`))
	if !found {
		t.Fatalf("no process in %s", data)
	}
	w.must(os.WriteFile(file, append(before, after...), 0o600)) //nolint:gosec // G703: a file of this test.
	w.start()
	if p := w.ready(1, "r1")[0]; p.PID == old.PID || alive(old.PID) {
		t.Errorf("the stray process %d was not ended", old.PID)
	}
}

func TestSupervisorThatIsKilledLeaksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	other := exec.CommandContext(ctx, os.Args[0]) //nolint:gosec // G702: this binary.
	other.Env = append(os.Environ(), role+"="+supervises, "DIR="+w.dir)
	var output bytes.Buffer
	other.Stdout, other.Stderr = &output, &output
	w.must(other.Start())
	child := 0
	if !eventually(t.Context(), func() bool {
		logs, err := filepath.Glob(filepath.Join(w.dir, "targets", namespace, name, "logs", "*.log"))
		text, _ := os.ReadFile(filepath.Join(w.dir, "child"))
		child, _ = strconv.Atoi(string(text))
		state, _ := os.ReadFile(filepath.Join(w.dir, "targets", namespace, name, "state.json"))
		return err == nil && len(logs) == 2 && child > 0 && strings.Count(string(state), `"served":true`) == 2
	}) {
		t.Fatalf("the pods did not start: %s", &output)
	}
	w.must(other.Process.Kill())
	_ = other.Wait()
	if !alive(child) {
		t.Fatal("the pods ended with their supervisor")
	}
	w.start()
	pods := w.ready(2, "r1")
	for _, p := range pods {
		if p.Restarts != 0 {
			t.Errorf("%s was restarted, not adopted", p.Name)
		}
	}
	// None of them is a child of ours: their end is seen all the same.
	w.exit(pods[0])
	w.pod("was restarted", func(p processworkload.Pod) bool { return p.Restarts == 1 && p.Ready })
	w.must(w.Remove(namespace, name))
	w.wait("end of all pods", func() bool { return len(w.Keys()) == 0 })
	for _, p := range pods {
		if alive(p.PID) {
			t.Errorf("%s is still there", p.Name)
		}
	}
	if alive(child) {
		t.Error("a grandchild is still there")
	}
}

func TestEndingGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	draining := make(chan struct{}, 2)
	w := newWorld(t, processworkload.Options{Drain: func(ctx context.Context, _, _ string, _ []string) error {
		draining <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	w.apply(server("r1", 1))
	old := w.ready(1, "r1")[0]
	w.must(w.Remove(namespace, name))
	<-draining
	w.stop()
	if !alive(old.PID) {
		t.Fatal("a pod was ended because its supervisor stopped")
	}
	w.options.Drain = nil
	w.start()
	w.wait("end of the pod", func() bool { return len(w.Keys()) == 0 })
	if alive(old.PID) {
		t.Error("the pod was forgotten")
	}
}

func TestNothingIsDoneThatCannotBeWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 1))
	old := w.ready(1, "r1")[0]
	// The draft of the record cannot be written where a directory is.
	draft := filepath.Join(w.dir, "targets", namespace, name, "state.json.new")
	w.must(os.Mkdir(draft, 0o700))
	if err := w.Apply(server("r2", 1)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("apply: %v", err)
	}
	if seen := w.observe(); seen.Target.Revision != "r1" || seen.Canary.Revision != "r1" || seen.Canary.Ready != 1 {
		t.Errorf("got %+v", seen)
	}
	w.exit(old)
	w.pod("cannot be started", func(p processworkload.Pod) bool { return strings.HasPrefix(p.Why, "write down what is started") })
	w.must(os.Remove(draft))
	w.ready(1, "r1")
}

func TestTheEndOfEverythingNeedsNoRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	w.apply(server("r1", 2))
	pods := w.ready(2, "r1")
	w.must(os.Mkdir(filepath.Join(w.dir, "targets", namespace, name, "state.json.new"), 0o700))
	w.must(w.Shutdown(t.Context()))
	for _, p := range pods {
		if alive(p.PID) {
			t.Errorf("%s was left behind, because its end could not be written down", p.Name)
		}
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	t.Parallel()
	for file, text := range map[string]string{
		"state.json":           `{"version":1,"pods":`,
		"newer":                `{"version":99}`,
		"no snapshot of a pod": `{"version":1,"pods":[{"name":"web-canary-1","side":"canary","revision":"r1"}]}`,
	} {
		dir := filepath.Join(t.TempDir(), "targets", namespace, name)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "state.json"), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		root := filepath.Dir(filepath.Dir(filepath.Dir(dir)))
		_, err := processworkload.New(root, processworkload.Options{})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestPromotionGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := server("r1", 2)
	target.Plain = false
	w.apply(target)
	w.must(w.driver().Pin(t.Context(), "r1"))
	w.must(w.driver().Promote(t.Context(), rollout.PromoteTo{Revision: "r1"}))
	w.ready(2, "r1")
	target.Revision = "r2"
	w.apply(target)
	w.must(w.driver().Pin(t.Context(), "r2"))
	w.must(w.driver().Promote(t.Context(), rollout.PromoteTo{Revision: "r2"}))
	w.restart()
	w.ready(2, "r2")
	if p := w.observe().Primary; p.Revision != "r2" || p.Ready != 2 {
		t.Errorf("got %+v", p)
	}
}

func TestSupervisorRunsOnce(t *testing.T) {
	t.Parallel()
	s, err := processworkload.New(t.TempDir(), processworkload.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("shutdown without a run: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(s.Run(ctx)); err != nil {
		t.Error(err)
	}
	if err := s.Run(ctx); fault.KindOf(err) != fault.Invalid {
		t.Errorf("the second run: %v", err)
	}
	if _, err := processworkload.New(t.TempDir(), processworkload.Options{KeepLogs: -1}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("negative limit: %v", err)
	}
}
