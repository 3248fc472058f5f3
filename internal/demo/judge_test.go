package demo_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo"
	"github.com/serin-dev/serin/internal/demo/tally"
	"github.com/serin-dev/serin/internal/rollout"
)

// good is a report in which everything is as it must be.
func good() demo.Report {
	releases := demo.Releases()
	counts := func() tally.Counts {
		return tally.Counts{{Version: "v1", Status: 200}: 100, {Version: "v3", Status: 500}: 2}
	}
	return demo.Report{
		Rows: []demo.Row{
			{
				Release: releases[0], Served: 40, Took: 12 * time.Second,
				Ended: demo.Ended{Run: "a-1", Outcome: rollout.OutcomeSucceeded, Message: "Every check passed"},
			},
			{
				Release: releases[1], Served: 42, Failed: 2, Took: 9040 * time.Millisecond,
				Ended: demo.Ended{
					Run: "b-2", Outcome: rollout.OutcomeFailed, Message: "request-success-rate was 95 %",
					Failing: []string{"request-success-rate"},
				},
			},
			{
				Release: releases[2], Served: 20, Took: 10 * time.Second,
				Ended: demo.Ended{
					Run: "c-3", Outcome: rollout.OutcomeFailed, Reason: "MetricsFailed",
					Failing: []string{"request-duration"},
				},
			},
		},
		Load: counts(),
		App:  counts(),
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		change func(*demo.Report)
		want   []string
	}{
		"all well": {
			reason: "a good report has no problems",
			change: func(*demo.Report) {},
		},
		"good release rolled back": {
			reason: "a false alarm is a wrong outcome",
			change: func(r *demo.Report) { r.Rows[0].Ended.Outcome = rollout.OutcomeFailed },
			want:   []string{"v2 must be promoted and was rolled back"},
		},
		"failing release promoted": {
			reason: "a missed fault is a wrong outcome",
			change: func(r *demo.Report) { r.Rows[1].Ended.Outcome = rollout.OutcomeSucceeded },
			want:   []string{"v3 must be rolled back and was promoted"},
		},
		"slow release aborted": {
			reason: "only the outcome that was expected counts",
			change: func(r *demo.Report) { r.Rows[2].Ended.Outcome = rollout.OutcomeAborted },
			want:   []string{"v4 must be rolled back and was aborted"},
		},
		"run without an end": {
			reason: "a release that did not finish proves nothing",
			change: func(r *demo.Report) { r.Rows[2].Ended = demo.Ended{} },
			want:   []string{"v4 must be rolled back and was not finished"},
		},
		"right outcome for a wrong reason": {
			reason: "a canary that never became ready must not pass for a metric that caught a fault",
			change: func(r *demo.Report) {
				r.Rows[1].Ended.Failing = nil
				r.Rows[1].Ended.Message = "no pod became ready"
			},
			want: []string{`v3 must be rolled back because of request-success-rate and was because of "no pod became ready"`},
		},
		"nothing served": {
			reason: "without requests no outcome means anything",
			change: func(r *demo.Report) { r.Rows[0].Served = 0 },
			want:   []string{"nothing was served while v2 was released"},
		},
		"nothing released": {
			reason: "an empty report is not a success",
			change: func(r *demo.Report) { r.Rows = nil },
			want:   []string{"no release was made"},
		},
		"counts disagree": {
			reason: "one of the two counts is wrong, so neither proves anything",
			change: func(r *demo.Report) { r.App[tally.Key{Version: "v3", Status: 500}]++ },
			want:   []string{"the two counts disagree: the load got 2 answers 500 from v3, the app sent 3"},
		},
		"a request lost": {
			reason: "one lost request is too many",
			change: func(r *demo.Report) { r.Lost, r.Losses = 1, []string{"12:00:01 EOF"} },
			want:   []string{"requests lost on the way: 1 (12:00:01 EOF)"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := good()
			tt.change(&r)
			if diff := cmp.Diff(tt.want, demo.Judge(r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	want := `RELEASE                         OUTCOME      TIME  SERVED  FAILED  LOST  WHY
v2: a good release              promoted     12s   40      0       0     Every check passed
v3: 5 % of requests fail        rolled back  9s    42      2       0     request-success-rate was 95 %
v4: p99 is three times as long  rolled back  10s   20      0       0     MetricsFailed

FAILED: answered with a server error by the new version. LOST: no answer of the app arrived.
Counted by the load: 102 answers. Counted by the app: 102.
All 3 releases ended as they must; no request was lost.
`
	var out bytes.Buffer
	if err := demo.Print(&out, good()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("a good report (-want +got):\n%s", diff)
	}
}

func TestPrintSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := good()
	r.Lost, r.Losses = 2, []string{"12:00:01 EOF", "12:00:02 EOF"}
	var out bytes.Buffer
	if err := demo.Print(&out, r); err != nil {
		t.Fatal(err)
	}
	if want := "WRONG: requests lost on the way: 2 (12:00:01 EOF; 12:00:02 EOF).\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the last line is not %q:\n%s", want, out.String())
	}
}
