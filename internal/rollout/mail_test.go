package rollout_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestCommandsAreForTheirRun: a command that names another run or another revision is refused with the name, and
// changes nothing.
func TestCommandsAreForTheirRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]rollout.Command{
		"it was meant for run v2-9":     {UID: "1", Verb: rollout.Abort, Run: "v2-9"},
		"it was meant for revision v0,": {UID: "2", Verb: rollout.Abort, Revision: "v0"},
	} {
		w := stepped(t)
		w.obs.Commands = []rollout.Command{c}
		w.obs.Now = w.now
		after, _ := rollout.Step(w.spec, w.state, w.obs)
		if after.Phase != rollout.Progressing || after.Run.Outcome != "" {
			t.Errorf("%s: phase %s, outcome %q", name, after.Phase, after.Run.Outcome)
		}
		refused := after.Outbox[len(after.Outbox)-1]
		if refused.Type != rollout.CommandRefused || !strings.Contains(refused.Message, name) {
			t.Errorf("%s: told %+v", name, refused)
		}
	}
}

// TestFullOutboxKeepsTheNewest: where nobody takes the events, the oldest go and the newest stay, in their order.
func TestFullOutboxKeepsTheNewest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deaf = true
	w.run(10 * time.Second)
	for i := 0; w.state.Dropped < 20; i++ {
		verb := rollout.Pause
		if i%2 > 0 {
			verb = rollout.Resume
		}
		w.command(verb)
		w.run(time.Second)
		if i > 1000 {
			t.Fatal("the outbox is never full")
		}
	}
	box := w.state.Outbox
	for i := range box {
		want := w.state.Seq - len(box) + 1 + i
		if _, n, _ := strings.Cut(box[i].ID, "-"); n != strconv.Itoa(want) {
			t.Fatalf("event %d of %d is %s, want number %d of %d", i, len(box), box[i].ID, want, w.state.Seq)
		}
	}
}
