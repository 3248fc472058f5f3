package rollout_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestEveryCommandInEveryPlace writes what each command does wherever a canary can stand: testdata/commands is the
// table of it. Run with -rewrite to accept a new one.
func TestEveryCommandInEveryPlace(t *testing.T) {
	t.Parallel()
	datadriven.RunTest(t, "testdata/commands", func(t *testing.T, d *datadriven.TestData) string {
		t.Helper()
		if d.Cmd == "held" {
			return matrix(t, &rollout.Intent{By: "ops"})
		}
		return matrix(t, nil)
	})
}

func matrix(t *testing.T, brake *rollout.Intent) string {
	t.Helper()
	var out strings.Builder
	verbs := []rollout.Verb{rollout.Promote, rollout.Abort, rollout.Pause, rollout.Resume, rollout.Retry, rollout.Skip, "dance"}
	for _, state := range seedStates() {
		if state.Phase == "" || state.Phase == "Unheard" {
			continue
		}
		stage := rollout.Stage("at rest")
		if state.Run != nil {
			stage = state.Run.Stage
		}
		fmt.Fprintf(&out, "%s, %s\n", state.Phase, stage)
		for _, verb := range verbs {
			obs := seedFacts()[0]
			if state.Run == nil {
				obs.Workload.Target.Revision = "v1"
			}
			obs.Commands = []rollout.Command{{UID: "new", Verb: verb, Intent: rollout.Intent{By: "ann"}}}
			obs.Brake, obs.Measurements = brake, nil
			spec := newWorld(t).spec
			after, actions := rollout.Step(spec, copyOf(t, state), obs)
			for _, broken := range rollout.Verify(spec, copyOf(t, state), obs, after, actions) {
				t.Errorf("%s in %s, %s breaks %s", verb, state.Phase, stage, broken)
			}
			fmt.Fprintf(&out, "  %-8s %s\n", verb, effectOf(after, verb))
		}
	}
	return out.String()
}

// effectOf says what became of a command.
func effectOf(after rollout.State, verb rollout.Verb) string {
	for _, e := range after.Outbox {
		switch e.Type {
		case rollout.CommandRefused:
			return "refused: " + strings.TrimPrefix(e.Message, string(verb)+" by ann is refused: ")
		case rollout.CommandTaken:
			text := string(after.Phase)
			if after.Run != nil {
				text += ", " + string(after.Run.Stage)
			}
			return "-> " + text
		default:
		}
	}
	return "not heard"
}
