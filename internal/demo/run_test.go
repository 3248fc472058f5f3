package demo_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo"
	"github.com/serin-dev/serin/internal/rollout"
)

// play runs the demo against the fake daemon.
func play(t *testing.T, daemon *fakeDaemon, options demo.Options) (demo.Report, string) {
	t.Helper()
	var out bytes.Buffer
	report, err := demo.Run(t.Context(), daemon, t.TempDir(), []string{"serin", "demo-app"}, &out, options)
	if err != nil {
		t.Fatalf("Run: %v\n%s", err, out.String())
	}
	if !daemon.stopped {
		t.Error("Run returned without stopping the daemon")
	}
	return report, out.String()
}

func TestDemoTellsGoodReleasesFromBad(t *testing.T) {
	t.Parallel()
	report, out := play(t, &fakeDaemon{}, demo.Options{})
	if problems := demo.Judge(report); problems != nil {
		t.Errorf("problems: %q", problems)
	}
	var got []rollout.Outcome
	for _, row := range report.Rows {
		got = append(got, row.Ended.Outcome)
	}
	want := []rollout.Outcome{rollout.OutcomeSucceeded, rollout.OutcomeFailed, rollout.OutcomeFailed}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if report.Load.Total() == 0 {
		t.Error("the load counted nothing")
	}
	for _, text := range []string{"Progressing, step 1 of 1, canary 50 %", "Releasing v4", "no request was lost"} {
		if !strings.Contains(out, text) {
			t.Errorf("the output does not say %q:\n%s", text, out)
		}
	}
}

func TestDemoFailsWithoutAnalysis(t *testing.T) {
	t.Parallel()
	report, out := play(t, &fakeDaemon{}, demo.Options{Blind: true})
	want := []string{
		"v3 must be rolled back and was promoted",
		"v4 must be rolled back and was promoted",
	}
	if diff := cmp.Diff(want, demo.Judge(report)); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%s", diff, out)
	}
}

func TestDemoNoticesOneLostRequest(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	daemon := &fakeDaemon{disturb: func(w http.ResponseWriter, _ *http.Request) bool {
		if n.Add(1) != 20 {
			return false
		}
		bare(w)
		return true
	}}
	report, _ := play(t, daemon, demo.Options{})
	if report.Lost != 1 || len(demo.Judge(report)) != 1 {
		t.Errorf("lost %d, problems %q; want 1 lost and nothing else", report.Lost, demo.Judge(report))
	}
}

func TestDemoNoticesCountsThatDisagree(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	daemon := &fakeDaemon{disturb: func(w http.ResponseWriter, _ *http.Request) bool {
		if n.Add(1) != 20 {
			return false
		}
		forge(w)
		return true
	}}
	report, _ := play(t, daemon, demo.Options{})
	problems := demo.Judge(report)
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "the two counts disagree") {
		t.Errorf("problems %q, want that the two counts disagree", problems)
	}
}

func TestDemoGivesUpOnAReleaseWithoutAnEnd(t *testing.T) {
	t.Parallel()
	report, out := play(t, &fakeDaemon{stuck: true}, demo.Options{Limit: 300 * time.Millisecond})
	if len(report.Rows) != 1 {
		t.Fatalf("%d releases were made, want to stop after the first:\n%s", len(report.Rows), out)
	}
	problems := demo.Judge(report)
	if len(problems) == 0 || problems[0] != "v2 must be promoted and was not finished" {
		t.Errorf("problems %q, want that v2 was not finished", problems)
	}
}

func TestTerminalRedrawsOneLine(t *testing.T) {
	t.Parallel()
	_, out := play(t, &fakeDaemon{}, demo.Options{Terminal: true, Releases: demo.Releases()[:1]})
	if !strings.Contains(out, "\r\x1b[?7l\x1b[K  ") || !strings.Contains(out, " 0 lost | ") || !strings.Contains(out, "\x1b[?7h\n") {
		t.Errorf("there is no live line that is redrawn and then ended:\n%q", out)
	}
}
