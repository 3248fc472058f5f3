package depcheck_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/depcheck"
)

const module = depcheck.Module + "/"

// parse reads one made-up file.
func parse(t *testing.T, name, source string) []depcheck.File {
	t.Helper()
	f, err := depcheck.Parse(name, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return []depcheck.File{f}
}

func TestRules(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason, file, source string
		check                func([]depcheck.File) []string
		want                 []string
	}{
		"core on itself": {
			reason: "value packages and the core's own are what it stands on",
			file:   "internal/rollout/step.go",
			source: `package rollout; import ("time"; "` + module + `internal/analysis")`,
			check:  depcheck.Imports,
		},
		"core does I/O": {
			reason: "a core that reads files cannot be tested in microseconds",
			file:   "internal/rollout/step.go", source: `package rollout; import "os"`,
			check: depcheck.Imports,
			want:  []string{"internal/rollout/step.go imports os: the core only computes"},
		},
		"core logs": {
			reason: "the core returns reasons",
			file:   "internal/analysis/judge.go", source: `package analysis; import "log/slog"`,
			check: depcheck.Imports,
			want:  []string{"internal/analysis/judge.go imports log/slog: the core only computes"},
		},
		"core looks up": {
			reason: "analysis is below rollout",
			file:   "internal/analysis/judge.go", source: `package analysis; import "` + module + `internal/rollout"`,
			check: depcheck.Imports,
			want:  []string{"internal/analysis/judge.go imports " + module + "internal/rollout: the core stands on itself"},
		},
		"core reads a clock": {
			reason: "time is a fact of the observation",
			file:   "internal/rollout/step.go", source: `package rollout; import "time"; var t = time.Now()`,
			check: depcheck.Clocks,
			want:  []string{"internal/rollout/step.go uses time.Now: time is data in the core"},
		},
		"core reads a clock by another name": {
			reason: "a renamed import hides nothing",
			file:   "internal/rollout/step.go", source: `package rollout; import clock "time"; var t = clock.Since`,
			check: depcheck.Clocks,
			want:  []string{"internal/rollout/step.go uses time.Since: time is data in the core"},
		},
		"test of the core reads a clock": {
			reason: "tests are shells",
			file:   "internal/rollout/step_test.go", source: `package rollout; import "time"; var t = time.Now()`,
			check: depcheck.Clocks,
		},
		"engine knows a driver": {
			reason: "the engine sees ports only",
			file:   "internal/engine/pass.go", source: `package engine; import "` + module + `internal/router"`,
			check: depcheck.Imports,
			want:  []string{"internal/engine/pass.go imports " + module + "internal/router: the engine knows the core and its own ports"},
		},
		"families meet": {
			reason: "a router that knows meters cannot be replaced alone",
			file:   "internal/router/memrouter/driver.go", source: `package memrouter; import "` + module + `internal/meter"`,
			check: depcheck.Imports,
			want:  []string{"internal/router/memrouter/driver.go imports " + module + "internal/meter: families do not know each other"},
		},
		"driver looks up": {
			reason: "drivers are below the engine",
			file:   "internal/gate/httpgate/driver.go", source: `package httpgate; import "` + module + `internal/engine/memstore"`,
			check: depcheck.Imports,
			want:  []string{"internal/gate/httpgate/driver.go imports " + module + "internal/engine/memstore: drivers do not know who uses them"},
		},
		"standalone talks to a cluster": {
			reason: "one machine works without Kubernetes",
			file:   "internal/proxy/table.go", source: `package proxy; import "k8s.io/client-go/rest"`,
			check: depcheck.Imports,
			want:  []string{"internal/proxy/table.go imports k8s.io/client-go/rest: one machine has no cluster to talk to"},
		},
		"lists leak": {
			reason: "explicit wiring happens in one place",
			file:   "internal/cli/up.go", source: `package cli; import "` + module + `internal/drivers"`,
			check: depcheck.Imports,
			want:  []string{"internal/cli/up.go imports " + module + "internal/drivers: only cmd sees the lists of drivers"},
		},
		"test sleeps": {
			reason: "a sleep is either too short or too long",
			file:   "internal/proxy/proxy_test.go", source: `package proxy; import "time"; func f() { time.Sleep(1) }`,
			check: depcheck.Sleeps,
			want:  []string{"internal/proxy/proxy_test.go sleeps: wait for a condition, or use synctest"},
		},
		"test sleeps in a bubble": {
			reason: "virtual time costs nothing",
			file:   "internal/proxy/proxy_test.go",
			source: `package proxy; import ("time"; "testing/synctest"); func f() { synctest.Wait(); time.Sleep(1) }`,
			check:  depcheck.Sleeps,
		},
		"driver without laws": {
			reason: "a driver is worth what its conformance is",
			file:   "internal/notify/slacknotify/driver.go", source: `package slacknotify`,
			check: depcheck.Conformance,
			want:  []string{"internal/notify/slacknotify has no TestConformance"},
		},
		"driver with laws": {
			reason: "held to them",
			file:   "internal/notify/slacknotify/driver_test.go", source: `package slacknotify; func TestConformance() {}`,
			check: depcheck.Conformance,
		},
		"helper of drivers": {
			reason: "what several drivers share has no laws of its own",
			file:   "internal/notify/escape/escape.go", source: `package escape`,
			check: depcheck.Conformance,
		},
		"suite of laws": {
			reason: "the suite is no driver",
			file:   "internal/notify/notifytest/laws.go", source: `package notifytest`,
			check: depcheck.Conformance,
		},
		"init": {
			reason: "nothing happens before main",
			file:   "internal/meter/meter.go", source: `package meter; func init() {}`,
			check: depcheck.Inits,
			want:  []string{"internal/meter/meter.go has an init function"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.check(parse(t, tt.file, tt.source))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	files := []depcheck.File{
		{Path: "a.go", Lines: 400},
		{Path: "b.go", Lines: 401},
		{Path: "b_test.go", Lines: 401, Test: true},
		{Path: "c.go", Lines: 401, Generated: true},
	}
	want := []string{"b.go has 401 lines, the limit is 400", "b_test.go has 401 lines, the limit is 400"}
	if diff := cmp.Diff(want, depcheck.Sizes(files)); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

func TestDocumented(t *testing.T) {
	t.Parallel()
	files := []depcheck.File{
		{Path: "cmd/serin/main.go"},
		{Path: "internal/xds/table/table.go"},
		{Path: "internal/xds/build/build.go"},
		{Path: "internal/feed/feed.go"},
		{Path: "internal/feed/deep/deep.go"},
		{Path: "internal/site/page/page.go"},
		{Path: "internal/site/style/style.go"},
	}
	const document = "Begin in `internal/rollout`; cmd/serin wires; internal/xds/table/ is the table, internal/xds all of it; internal/site/page."
	want := []string{
		"it names internal/rollout, which does not exist",
		"it does not name internal/feed",
		"it does not name internal/site/style",
	}
	if diff := cmp.Diff(want, depcheck.Documented(document, files)); diff != "" {
		t.Errorf("documented (-want +got):\n%s", diff)
	}
}
