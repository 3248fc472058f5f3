package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/demo"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/rollout"
)

func shop() engine.Key { return engine.Key{Namespace: "default", Name: demo.Service} }

// demoBench has a daemon of the demo whose API is the fake's.
func demoBench(t *testing.T) (*bench, *demoDaemon) {
	t.Helper()
	b := newBench(t)
	b.up = func(ctx context.Context, o UpOptions) error {
		o.Ready(Addresses{API: b.address, Shared: "http://127.0.0.1:1"})
		<-ctx.Done()
		return ctx.Err()
	}
	return b, newDemoDaemon(&app{Deps: b.deps().withDefaults()}, slog.New(slog.DiscardHandler))
}

func TestTheDaemonOfTheDemo(t *testing.T) {
	t.Parallel()
	b, d := demoBench(t)
	if got := d.Progress(demo.Service); got.Phase != "" {
		t.Errorf("before the start the progress is %v", got)
	}
	first := httpapitest.Succeeded(shop())
	first.State.Phase, first.State.Run = rollout.Initializing, nil
	b.fake.Put(first)
	started := make(chan demo.Address, 1)
	go func() {
		address, err := d.Start(t.Context(), b.dir, demo.Service)
		if err != nil {
			t.Errorf("start: %v", err)
		}
		started <- address
	}()
	until(t, "the daemon is looked at", func() bool { return d.Progress(demo.Service).Phase == rollout.Initializing })
	b.fake.Change(shop(), func(s *httpapi.Snapshot) { s.State.Phase = rollout.Initialized })
	if got := <-started; got.URL != "http://127.0.0.1:20001" {
		t.Errorf("the address is %v", got)
	}
	b.releaseFails(t, d)
	if err := d.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// releaseFails plays a release that is taken back.
func (b *bench) releaseFails(t *testing.T, d *demoDaemon) {
	t.Helper()
	ended := make(chan demo.Ended, 1)
	go func() {
		e, err := d.RunEnded(t.Context(), demo.Service, "aaaaaaaaaa-1")
		if err != nil {
			t.Errorf("run: %v", err)
		}
		ended <- e
	}()
	b.fake.Put(httpapitest.Progressing(shop()))
	until(t, "the run is seen", func() bool { return d.Progress(demo.Service).Run != "" })
	got := d.Progress(demo.Service)
	got.Results = nil
	want := demo.Progress{
		Phase: rollout.Progressing, Stage: rollout.Stepping, Run: "bbbbbbbbbb-2", Wanted: 20_000, Acknowledged: 20_000, Step: 2, Steps: 3,
		FailedChecks: 1, Threshold: 3, Wait: "the next check of step 2 is due",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	back := httpapitest.Failed(shop(), rollout.OutcomeFailed, "ChecksFailed", "2 checks failed")
	back.State.Run.Results[0].Outcome = analysis.Failing
	b.fake.Put(back)
	wantEnded := demo.Ended{
		Run: "bbbbbbbbbb-2", Outcome: rollout.OutcomeFailed, Reason: "ChecksFailed", Message: "2 checks failed", Failing: []string{"success-rate"},
	}
	if diff := cmp.Diff(wantEnded, <-ended); diff != "" {
		t.Errorf("end (-want +got):\n%s", diff)
	}
}

func TestADemoWhoseDaemonFails(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		up   func(b *bench) func(context.Context, UpOptions) error
		says string
	}{
		"AtOnce": {func(*bench) func(context.Context, UpOptions) error {
			return func(context.Context, UpOptions) error { return errors.New("no port is free") }
		}, "the daemon ended: no port is free"},
		"Silently": {func(*bench) func(context.Context, UpOptions) error {
			return func(context.Context, UpOptions) error { return nil }
		}, "without a word"},
		"WithAProblem": {func(b *bench) func(context.Context, UpOptions) error {
			s := httpapitest.Progressing(shop())
			s.Problem = "there is no Deployment"
			b.fake.Put(s)
			return func(ctx context.Context, o UpOptions) error {
				o.Ready(Addresses{API: b.address})
				<-ctx.Done()
				return ctx.Err()
			}
		}, "there is no Deployment"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.up, b.self = tc.up(b), "/bin/false"
			dir := filepath.Join(b.dir, "demo")
			if code := b.serin(t.Context(), "demo", "--dir", dir); code != Failure || !strings.Contains(b.err.String(), tc.says) {
				t.Errorf("exit code %d: %s", code, b.err.String())
			}
			if _, err := os.Stat(filepath.Join(dir, "manifests", "canary.yaml")); err != nil {
				t.Errorf("--dir does not keep what was written: %v", err)
			}
		})
	}
}

func TestTheDemoIsInterrupted(t *testing.T) {
	t.Parallel()
	b, _ := demoBench(t)
	b.self = "/bin/false"
	enough := b.background(t, "demo")
	until(t, "the first line", func() bool { return strings.Contains(b.out.String(), "Bringing up") })
	if code := enough(); code != Failure || !strings.Contains(b.err.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	_, dir, _ := strings.Cut(b.out.String(), "the manifests in ")
	dir, _, _ = strings.Cut(dir, "\n")
	if _, err := os.Stat(filepath.Dir(dir)); dir == "" || !os.IsNotExist(err) {
		t.Errorf("the directory %s of the demo is still there: %v", dir, err)
	}
}

func TestTheSampleApp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if code := b.serin(t.Context(), appCommand); code != Failure || !strings.Contains(b.err.String(), "PORT") {
		t.Errorf("without a port: exit code %d: %s", code, b.err.String())
	}
	b.err = buffer{}
	b.env["PORT"] = "0"
	enough := b.background(t, appCommand)
	until(t, "it listens", func() bool { return strings.Contains(b.err.String(), "Listening") })
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 250 * time.Millisecond: "250ms", time.Second: "1s", 59 * time.Second: "59s", time.Minute: "1m",
		200 * time.Second: "3m20s", time.Hour: "1h", 125 * time.Minute: "2h5m", 99 * time.Hour: "4d3h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
