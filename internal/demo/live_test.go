package demo

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/demo/load"
	"github.com/serin-dev/serin/internal/rollout"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		in     Progress
		want   string
	}{
		"nothing yet": {reason: "the canary has not seen the new manifest", want: "waiting for its run to begin"},
		"at rest":     {reason: "no step is named", in: Progress{Phase: rollout.Succeeded}, want: "Succeeded, canary 0 %"},
		"in a step": {
			reason: "everything that the decision looks at is on the line",
			in: Progress{
				Phase: rollout.Progressing, Step: 2, Steps: 3, FailedChecks: 1, Threshold: 2,
				Wanted: 20 * rollout.Percent, Acknowledged: 5 * rollout.Percent,
				Results: []analysis.Result{
					{Metric: "request-success-rate", Outcome: analysis.Failing, Value: 94.7368, Unit: "%"},
					{Metric: "request-duration", Outcome: analysis.Passing, Value: 181, Unit: "ms"},
					{Metric: "orders", Outcome: analysis.Empty},
				},
			},
			want: "Progressing, step 2 of 3, canary 5 % (wanted 20 %), request-success-rate 94.74 % (outside its limit), " +
				"request-duration 181 ms, orders no-data, failed checks 1 of 2",
		},
		"waiting for pods": {
			reason: "a canary that takes its time says what for",
			in:     Progress{Phase: rollout.Progressing, Wait: "1 of 2 pods of the canary are ready"},
			want:   "Progressing, canary 0 %: 1 of 2 pods of the canary are ready",
		},
		"measured": {
			reason: "the values say more than that there are some",
			in: Progress{
				Phase: rollout.Progressing, Step: 1, Steps: 3, Wait: "checks of this step",
				Results: []analysis.Result{{Metric: "request-success-rate", Outcome: analysis.Passing, Value: 100, Unit: "%"}},
			},
			want: "Progressing, step 1 of 3, canary 0 %, request-success-rate 100 %",
		},
		"half a percent": {
			reason: "weights are finer than percent",
			in:     Progress{Phase: rollout.Progressing, Wanted: 500, Acknowledged: 500},
			want:   "Progressing, canary 0.5 %",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := describe(tt.in); got != tt.want {
				t.Errorf("%s\n got %q\nwant %q", tt.reason, got, tt.want)
			}
		})
	}
}

func TestPlainLinesAreNotRepeated(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &live{out: &out}
	lost := uint64(0) // Numbers that change all the time are for terminals.
	for _, phase := range []rollout.Phase{rollout.Waiting, rollout.Waiting, rollout.Progressing} {
		l.show(Progress{Phase: phase}, load.Snapshot{Lost: lost})
		lost++
	}
	l.end()
	want := "  Waiting, canary 0 %\n  Progressing, canary 0 %\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
