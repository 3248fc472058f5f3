package processworkload_test

import (
	"bufio"
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

func (w *world) logs(q processworkload.LogQuery) string {
	w.t.Helper()
	q.Namespace, q.Name = namespace, name
	r, err := w.Logs(w.t.Context(), q)
	w.must(err)
	text, err := io.ReadAll(r)
	w.must(err)
	w.must(r.Close())
	return string(text)
}

// say lets a pod print a line, and waits until it has.
func (w *world) say(p processworkload.Pod, line string) {
	w.t.Helper()
	w.get(p, "/say?text="+url.QueryEscape(line))
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := server("r1", 1, processworkload.Variable{Name: "TOKEN", Value: "s3cr3t", Secret: true}, variable("SAY", "hello $(TOKEN)"))
	w.apply(target)
	p := w.ready(1, "r1")[0]
	w.say(p, "one")
	w.say(p, "two")
	if got, want := w.logs(processworkload.LogQuery{Pod: p.Name}), "hello ***\none\ntwo\n"; got != want {
		t.Errorf("one pod: got %q, want %q", got, want)
	}
	if got, want := w.logs(processworkload.LogQuery{Tail: 1}), p.Name+" two\n"; got != want {
		t.Errorf("all pods: got %q, want %q", got, want)
	}
	if got := w.logs(processworkload.LogQuery{Side: rollout.PrimarySide}); got != "" {
		t.Errorf("the other side: got %q", got)
	}
	for reason, q := range map[string]processworkload.LogQuery{
		"no target": {Namespace: namespace, Name: "none"},
		"no pod":    {Namespace: namespace, Name: name, Pod: "web-canary-99"},
	} {
		if _, err := w.Logs(t.Context(), q); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestLogsAreFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{LogLimit: 64})
	w.apply(server("r1", 1, variable("SAY", "hello")))
	first := w.ready(1, "r1")[0]
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	r, err := w.Logs(ctx, processworkload.LogQuery{Namespace: namespace, Name: name, Tail: -1, Follow: true})
	w.must(err)
	lines := bufio.NewScanner(r)
	next := func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q, error %v", lines.Text(), want, lines.Err())
		}
	}
	w.say(first, "one")
	next(first.Name + " one")
	w.say(first, strings.Repeat("x", 30))
	w.say(first, strings.Repeat("y", 30))
	w.Maintain()
	w.say(first, "after the cut")
	next(first.Name + " " + strings.Repeat("x", 30))
	next(first.Name + " " + strings.Repeat("y", 30))
	next(first.Name + " after the cut")
	w.apply(server("r2", 1, variable("SAY", "hello again")))
	second := w.ready(1, "r2")[0]
	next(second.Name + " hello again")
	w.must(w.Remove(namespace, name))
	if lines.Scan() {
		t.Errorf("got %q after the end of the target", lines.Text())
	}
	if err := context.Cause(ctx); err != nil {
		t.Error(err)
	}
	w.must(r.Close())
}

func TestLogsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{LogLimit: 1000, KeepLogs: 2})
	target := server("r1", 1)
	w.apply(target)
	p := w.ready(1, "r1")[0]
	file := filepath.Join(w.dir, "targets", namespace, name, "logs", p.Name+".log")
	for range 30 {
		w.say(p, strings.Repeat("y", 99))
	}
	w.Maintain()
	w.say(p, "last")
	for _, path := range []string{file, file + ".old"} {
		info, err := os.Stat(path)
		w.must(err)
		if info.Size() > 1000 {
			t.Errorf("%s has %d bytes", path, info.Size())
		}
	}
	if got := strings.Count(w.logs(processworkload.LogQuery{Pod: p.Name}), "\n"); got < 8 || got > 22 {
		t.Errorf("%d lines are kept", got)
	}
	for _, revision := range []string{"r2", "r3", "r4", "r5"} {
		target.Revision = revision
		w.apply(target)
		w.ready(1, revision)
	}
	var names []string
	logs, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.log"))
	w.must(err)
	for _, l := range logs {
		names = append(names, filepath.Base(l))
	}
	if diff := cmp.Diff([]string{"web-canary-3.log", "web-canary-4.log", "web-canary-5.log"}, names); diff != "" {
		t.Errorf("logs that are kept: (-want +got)\n%s", diff)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SERIN_SECRET_OF_ITS_OWN", "x")
	w := newWorld(t, processworkload.Options{})
	target := server("r1", 1, variable("GREETING", "hello from $(PORT_ADMIN) $$(PORT) $(NONE)"), variable("PORT", "1"))
	target.Template.Ports = []processworkload.Port{{Name: "http", Number: 80}, {Name: "ad-min"}, {Name: "admin"}}
	target.Template.Args = []string{"--port=$(PORT)", "$(GREETING)"}
	target.Template.Dir = t.TempDir()
	w.apply(target)
	p := w.ready(1, "r1")[0]
	port := func(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
	got := strings.Split(w.get(p, "/env"), "\n")
	greeting := "hello from " + port(p.Ports["admin"]) + " $(PORT) $(NONE)"
	for _, want := range []string{
		"PORT=" + port(p.Address), "PORT_HTTP=" + port(p.Address), "PORT_AD_MIN=" + port(p.Ports["ad-min"]),
		"PORT_ADMIN=" + port(p.Ports["admin"]), "GREETING=" + greeting, "--port=" + port(p.Address) + " " + greeting,
		"PATH=" + os.Getenv("PATH"),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
	if strings.Contains(strings.Join(got, "\n"), "SERIN_SECRET_OF_ITS_OWN") {
		t.Error("the pod has our own environment")
	}
	_, canary := w.Endpoints(namespace, name)
	want := []processworkload.Endpoint{{Address: p.Address, Revision: "r1", Ports: p.Ports}}
	if diff := cmp.Diff(want, canary); diff != "" || len(p.Ports) != 3 {
		t.Errorf("endpoints: (-want +got)\n%s", diff)
	}
}
