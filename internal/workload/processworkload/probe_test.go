package processworkload_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

func TestReadinessFollowsTheProbe(t *testing.T) {
	t.Parallel()
	for kind, tt := range map[string]struct {
		probe processworkload.Probe
		why   string
	}{
		"http": {
			processworkload.Probe{HTTP: &processworkload.HTTPProbe{Path: "ready", Port: processworkload.Port{Number: 80}}},
			"readiness probe GET /ready: answered 503",
		},
		"program": {
			processworkload.Probe{Exec: []string{"sh", "-c", `test -e "$READY"`}},
			"readiness probe sh: exited with code 1",
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, processworkload.Options{})
			file := filepath.Join(t.TempDir(), "ready")
			target := server("r1", 1, variable("READY", file))
			target.Template.Readiness = tt.probe
			target.Template.Readiness.Period = 10 * time.Millisecond
			target.Template.Readiness.Timeout = limit
			target.Template.Readiness.FailureThreshold = 2
			w.apply(target)
			w.pod("says why", func(p processworkload.Pod) bool { return !p.Ready && p.Why == tt.why })
			w.must(os.WriteFile(file, nil, 0o600))
			w.ready(1, "r1")
			w.must(os.Remove(file))
			w.pod("says why, again", func(p processworkload.Pod) bool { return !p.Ready && p.Why == tt.why })
			if _, canary := w.Endpoints(namespace, name); len(canary) > 0 {
				t.Errorf("it is an endpoint still: %+v", canary)
			}
			if p := w.pods()[0]; p.Restarts != 0 {
				t.Errorf("it was restarted: %+v", p)
			}
		})
	}
}

func TestReadinessOfTCP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, processworkload.Options{})
	target := program("r1", 1, sits)
	target.Template.Ports = []processworkload.Port{{Name: "http"}, {Name: "db"}}
	target.Template.Readiness.TCP = &processworkload.TCPProbe{Port: processworkload.Port{Name: "db"}}
	w.apply(target)
	w.pod("says why", func(p processworkload.Pod) bool { return p.Why == "readiness probe port db: connection refused" })
	target.Revision, target.Template.Env[0].Value = "r2", serves
	target.Template.Readiness.InitialDelay = time.Millisecond
	w.apply(target)
	w.ready(1, "r2")
}

func TestTargetsThatCannotBeRun(t *testing.T) {
	t.Parallel()
	s, err := processworkload.New(t.TempDir(), processworkload.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*processworkload.Target){
		"is not a namespace and a name": func(t *processworkload.Target) { t.Name = "../web" },
		"the name is longer":            func(t *processworkload.Target) { t.Name = strings.Repeat("x", 201) },
		"the revision is empty":         func(t *processworkload.Target) { t.Revision = "" },
		"replicas is negative":          func(t *processworkload.Target) { t.Replicas = -1 },
		"command is empty":              func(t *processworkload.Target) { t.Template.Command = nil },
		"env has a variable":            func(t *processworkload.Target) { t.Template.Env[0].Name = "A=B" },
		"has a NUL byte":                func(t *processworkload.Target) { t.Template.Args = []string{"\x00"} },
		"terminationGracePeriodSeconds": func(t *processworkload.Target) { t.Template.Grace = -1 },
		"readinessProbe has a negative": func(t *processworkload.Target) { t.Template.Readiness.Period = -1 },
		"asks for port 81": func(t *processworkload.Target) {
			t.Template.Readiness.TCP = &processworkload.TCPProbe{Port: processworkload.Port{Number: 81}}
		},
		"more than one of": func(t *processworkload.Target) {
			t.Template.Readiness.TCP = &processworkload.TCPProbe{}
			t.Template.Readiness.Exec = []string{"true"}
		},
	} {
		target := server("r1", 1)
		change(&target)
		if err := s.Apply(target); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if keys := s.Keys(); len(keys) > 0 {
		t.Errorf("%v are left of targets that were refused", keys)
	}
}
