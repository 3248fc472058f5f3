package cli

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/rollout"
)

// background runs a command until the test says enough; wait returns its exit code.
func (b *bench) background(t *testing.T, args ...string) (enough func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- b.serin(ctx, args...) }()
	return func() int {
		cancel()
		return <-ended
	}
}

func TestWatchWritesALinePerChange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	enough := b.background(t, "get", "--watch")
	lines := func(n int) func() bool {
		return func() bool { return strings.Count(b.out.String(), "\n") == n }
	}
	until(t, "the canaries that there are", lines(3))
	b.fake.Change(web(), func(s *httpapi.Snapshot) { s.Traffic.Split.Canary = 50 * rollout.Percent })
	until(t, "the wanted weight", lines(4))
	b.fake.Change(web(), func(*httpapi.Snapshot) {}) // Nothing to see.
	b.fake.Change(web(), func(s *httpapi.Snapshot) { s.Traffic.Acked.Canary = 50 * rollout.Percent })
	until(t, "the acknowledged weight", lines(5))
	b.fake.Put(become(rollout.OutcomeFailed))
	until(t, "the end", lines(6))
	if err := b.fake.PauseAll(t.Context(), rollout.Intent{By: "ada", At: later()}); err != nil {
		t.Fatal(err)
	}
	until(t, "the brake", lines(9))
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	golden(t, "watch", b.out.String())
}

func TestWatchOfOneCanaryForMachines(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	enough := b.background(t, "get", "web", "-w", "-o", "json")
	until(t, "the first line", func() bool { return strings.Count(b.out.String(), "\n") == 1 })
	b.fake.Change(engine.Key{Namespace: "shop", Name: "pay"}, func(s *httpapi.Snapshot) { s.Problem = "x" })
	b.fake.Change(web(), func(s *httpapi.Snapshot) { s.State.Run.FailedChecks = 2 })
	until(t, "the change", func() bool { return strings.Count(b.out.String(), "\n") == 2 })
	enough()
	for line := range strings.SplitSeq(strings.TrimSpace(b.out.String()), "\n") {
		var c httpapi.Canary
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.Name != "web" {
			t.Errorf("the line %q is %v, %v", line, c, err)
		}
	}
}

func TestWatchOfWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	if code := b.serin(t.Context(), "get", "wbe", "--watch"); code != NotFound || !strings.Contains(b.err.String(), "did you mean web?") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestWatchConnectsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	enough := b.background(t, "get", "--watch")
	until(t, "the canaries that there are", func() bool { return strings.Count(b.out.String(), "\n") == 3 })
	b.end()
	until(t, "the notice", func() bool { return strings.Contains(b.err.String(), "connecting again") })
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestEventsAreFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	enough := b.background(t, "events", "web", "--follow", "--since", "12s")
	until(t, "what has happened", func() bool { return strings.Count(b.out.String(), "\n") == 2 })
	next := rollout.Event{ID: "next", At: later(), Type: rollout.VerdictReached, Severity: rollout.Loud, Run: "bbbbbbbbbb-2", Message: "Back"}
	b.happen(t.Context(), t, engine.Key{Namespace: "shop", Name: "pay"}, next)
	b.happen(t.Context(), t, web(), next)
	until(t, "what happens", func() bool { return strings.Count(b.out.String(), "\n") == 3 })
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	golden(t, "events_follow", b.out.String())
}

func TestLogsAreFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	b.fake.Write(web(), rollout.PrimarySide, "one\n")
	enough := b.background(t, "logs", "web", "--side", "primary", "-f")
	until(t, "the first line", func() bool { return b.out.String() == "one\n" })
	b.fake.Write(web(), rollout.PrimarySide, "two\n")
	until(t, "the second line", func() bool { return b.out.String() == "one\ntwo\n" })
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestTheLiveView(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	b.terminal = true
	enough := b.background(t, "get", "--watch")
	until(t, "the table", func() bool { return strings.Contains(b.out.String(), "Progressing") })
	b.fake.Change(web(), func(s *httpapi.Snapshot) { s.State.Phase = rollout.WaitingPromotion })
	until(t, "the change", func() bool { return strings.Contains(b.out.String(), "WaitingPromotion") })
	b.end()
	until(t, "the loss", func() bool { return strings.Contains(b.out.String(), "connecting again") })
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestTheLiveViewOfWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	b.terminal = true
	if code := b.serin(t.Context(), "get", "wbe", "--watch"); code != NotFound || !strings.Contains(b.err.String(), "did you mean") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestTheScreen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := &app{Deps: b.deps().withDefaults()}
	s, err := a.connect(connection{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.client.Close()
	width, height := 0, 0
	m := &screen{s: s, size: func() (int, int) { return width, height }}
	show := func(what string) string {
		b.out = buffer{}
		m.draw()
		return "-- " + what + "\n" + strings.ReplaceAll(b.scrub(b.out.String()), "\x1b", "ESC")
	}
	busy, back := httpapitest.Progressing(web()), become(rollout.OutcomeFailed)
	progressing, failed := busy.View().Canary, back.View().Canary
	failed.Namespace = "shop"

	text := show("nothing yet")
	m.known = true
	text += show("empty") + show("the same again")
	m.canaries = []httpapi.Canary{progressing, failed}
	text += show("two")
	m.lost, width, height = true, 40, 40
	text += show("lost, narrow")
	m.lost, width, height = false, 120, 5
	golden(t, "screen", text+show("low"))
}
