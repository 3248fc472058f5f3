package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

func at(second int) time.Time { return time.Date(2030, 1, 1, 0, 0, second, 0, time.UTC) }

func TestARunIsAssembledFromItsEvents(t *testing.T) {
	t.Parallel()
	events := func(ending ...rollout.Event) []rollout.Event {
		return append([]rollout.Event{
			{Type: rollout.PhaseChanged, Run: "r1", At: at(1)},
			{Type: rollout.RunStarted, Run: "r1", Revision: "rev", At: at(2)},
			{Type: rollout.Checked, Run: "r1", Revision: "rev", At: at(3), Reason: "not the run's"},
		}, ending...)
	}
	cases := map[string]struct {
		reason string
		events []rollout.Event
		want   record.Run
	}{
		"Running": {
			reason: "a run that has no verdict has no outcome",
			events: events(),
			want:   record.Run{Name: "r1", Revision: "rev", Started: at(2)},
		},
		"Passed": {
			reason: "a verdict in favour is not an outcome: the promotion can still fail",
			events: events(rollout.Event{Type: rollout.VerdictReached, At: at(4), Reason: "Passed", Message: "all steps passed"}),
			want:   record.Run{Name: "r1", Revision: "rev", Started: at(2)},
		},
		"GoingBack": {
			reason: "a verdict against it is known before the run has cleaned up",
			events: events(rollout.Event{Type: rollout.VerdictReached, At: at(4), Ending: rollout.OutcomeFailed, Reason: "ChecksFailed", Message: "no"}),
			want:   record.Run{Name: "r1", Revision: "rev", Started: at(2), Outcome: rollout.OutcomeFailed, Reason: "ChecksFailed", Message: "no"},
		},
		"Ended": {
			reason: "the end has the last word",
			events: events(
				rollout.Event{Type: rollout.VerdictReached, At: at(4), Ending: rollout.OutcomeFailed, Reason: "ChecksFailed"},
				rollout.Event{Type: rollout.RunEnded, At: at(5), Ending: rollout.OutcomeAborted, Reason: "Aborted", Message: "by ada"}),
			want: record.Run{Name: "r1", Revision: "rev", Started: at(2), Ended: at(5), Outcome: rollout.OutcomeAborted, Reason: "Aborted", Message: "by ada"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got record.Run
			for _, e := range tc.events {
				got.Take(e)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSelectLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	all := []record.Entry{{Name: "b", Event: rollout.Event{At: at(2)}}, {Name: "a", Event: rollout.Event{At: at(2)}}, {Name: "c", Event: rollout.Event{At: at(1)}}}
	got := record.Query{Since: at(2), Limit: 1}.Select(all)
	if diff := cmp.Diff([]record.Entry{all[0]}, got); diff != "" {
		t.Errorf("selection (-want +got):\n%s", diff)
	}
	if all[0].Name != "b" || all[2].Name != "c" {
		t.Errorf("the input is %v now", all)
	}
}
