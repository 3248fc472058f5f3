package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/rollout"
)

// become makes the canary one that is at rest after an outcome.
func become(o rollout.Outcome) httpapi.Snapshot {
	if o == rollout.OutcomeSucceeded {
		return httpapitest.Succeeded(web())
	}
	return httpapitest.Failed(web(), o, "Why", "that is why")
}

func TestWaitEndsWithTheCodeThatSaysHow(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args string
		now  httpapi.Snapshot
		// next is what the canary becomes while the command waits; nil means that it stays.
		next *httpapi.Snapshot
		code int
		says string
	}{
		"Promoted":        {"web", become(rollout.OutcomeSucceeded), nil, Done, "default/web is promoted: revision bbbbbbbbbb is promoted"},
		"PromotedLater":   {"web --for=promoted", httpapitest.Progressing(web()), new(become(rollout.OutcomeSucceeded)), Done, "is promoted"},
		"Succeeded":       {"web --for=Succeeded", httpapitest.Progressing(web()), new(become(rollout.OutcomeSucceeded)), Done, "is Succeeded"},
		"TakenBack":       {"web --for=promoted", httpapitest.Progressing(web()), new(become(rollout.OutcomeFailed)), RolledBack, "ended as Failed: that is why"},
		"Aborted":         {"web --for=Succeeded", httpapitest.Progressing(web()), new(become(rollout.OutcomeAborted)), Aborted, "ended as Aborted: that is why"},
		"Failed":          {"web --for=Failed", httpapitest.Progressing(web()), new(become(rollout.OutcomeAborted)), Done, "is Failed"},
		"Ended":           {"web --for=ended", httpapitest.Progressing(web()), new(become(rollout.OutcomeFailed)), Done, "is ended"},
		"Initialized":     {"web --for=Initialized", httpapitest.Progressing(web()), nil, Done, "is Initialized"},
		"NotInTime":       {"web --for=promoted --timeout=60ms", httpapitest.Progressing(web()), nil, TimedOut, "is not promoted after 60ms: it is Progressing; \"serin explain web\""},
		"TooOld":          {"web --for=promoted --after=bbbbbbbbbb-2 --timeout=60ms", become(rollout.OutcomeSucceeded), nil, TimedOut, "is not promoted"},
		"TooOldToFail":    {"web --for=promoted --after=bbbbbbbbbb-2 --timeout=60ms", become(rollout.OutcomeFailed), nil, TimedOut, "is not promoted"},
		"Later":           {"web --for=promoted --after=aaaaaaaaaa-1", become(rollout.OutcomeSucceeded), nil, Done, "is promoted"},
		"Unknown":         {"wbe", become(rollout.OutcomeSucceeded), nil, NotFound, "did you mean web?"},
		"Deleted":         {"gone --for=deleted", become(rollout.OutcomeSucceeded), nil, Done, "default/gone is deleted"},
		"NoSuchGoal":      {"web --for=promted", become(rollout.OutcomeSucceeded), nil, Usage, "did you mean promoted?"},
		"FailedButOthers": {"web --for=Failed --after=x --timeout=10s", become(rollout.OutcomeSucceeded), nil, Failure, "succeeded"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fake.Put(tc.now)
			ended := make(chan int, 1)
			go func() { ended <- b.serin(t.Context(), append([]string{"wait"}, strings.Fields(tc.args)...)...) }()
			if tc.next != nil {
				until(t, "the first line", func() bool { return strings.Contains(b.err.String(), "web Progressing") })
				b.fake.Put(*tc.next)
			}
			if code := <-ended; code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if said := b.out.String() + b.err.String(); !strings.Contains(said, tc.says) {
				t.Errorf("it says %q, want %q in it", said, tc.says)
			}
		})
	}
}

func TestWaitShowsTheWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fake.Put(httpapitest.Progressing(web()))
	ended := make(chan int, 1)
	go func() { ended <- b.serin(t.Context(), "wait", "web", "-o", "json") }()
	until(t, "the first line", func() bool { return strings.Contains(b.err.String(), "step 2/3") })
	b.fake.Change(web(), func(s *httpapi.Snapshot) { s.State.Phase, s.State.Run.Step = rollout.Promoting, 2 })
	until(t, "the second line", func() bool { return strings.Contains(b.err.String(), "Promoting") })
	b.fake.Put(become(rollout.OutcomeSucceeded))
	if code := <-ended; code != Done {
		t.Fatalf("exit code %d: %s", code, b.err.String())
	}
	golden(t, "wait_way", b.err.String())
	if !strings.Contains(b.out.String(), `"phase": "Succeeded"`) {
		t.Errorf("JSON is %s", b.out.String())
	}
}

func TestWaitIsInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fake.Put(httpapitest.Progressing(web()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- b.serin(ctx, "wait", "web") }()
	until(t, "the first line", func() bool { return b.err.String() != "" })
	cancel()
	if code := <-ended; code != Failure || !strings.Contains(b.err.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestACommandThatNobodyAnswersTimesOut(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, httpapitest.Options{Now: httpapitest.Noon}, httpapi.Options{})
	b.fake.Put(httpapitest.Progressing(web()))
	if code := b.serin(t.Context(), "promote", "web", "--timeout", "120ms"); code != TimedOut {
		t.Errorf("exit code %d", code)
	}
	const want = "default/web has not answered within 120ms: the command is handed in"
	if !strings.Contains(b.err.String(), want) {
		t.Errorf("it says %q", b.err.String())
	}
	commands := b.fake.Commands(web())
	if len(commands) != 1 || commands[0].By != "ada@example" {
		t.Errorf("the inbox has %v", commands)
	}
}

func TestReasonsAndNamesAreHandedIn(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, httpapitest.Options{Now: httpapitest.Noon}, httpapi.Options{})
	b.fake.Put(httpapitest.Progressing(web()))
	args := []string{"abort", "web", "--reason", "it smells", "--as", "grace", "--run", "bbbbbbbbbb-2", "--no-wait"}
	if code := b.serin(t.Context(), args...); code != Done {
		t.Fatalf("exit code %d: %s", code, b.err.String())
	}
	commands := b.fake.Commands(web())
	if len(commands) != 1 {
		t.Fatalf("the inbox has %v", commands)
	}
	c := commands[0]
	if c.Verb != rollout.Abort || c.By != "grace" || c.Reason != "it smells" || c.Run != "bbbbbbbbbb-2" {
		t.Errorf("the command is %+v", c)
	}
}
