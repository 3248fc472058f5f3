package cli

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/rollout"
)

func TestWhatCommandsShow(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"get":             "get",
		"get_one":         "get web",
		"get_namespace":   "get -n shop",
		"get_json":        "get -o json",
		"get_one_json":    "get web -o json",
		"get_yaml":        "get web -o yaml",
		"get_name":        "get -o name",
		"get_unknown":     "get wbe",
		"get_elsewhere":   "get cart",
		"get_strange":     "get a/b/c",
		"get_contradict":  "get shop/cart -n default",
		"list":            "list",
		"list_yaml":       "list -n shop -o yaml",
		"status":          "status web",
		"status_failed":   "status shop/pay",
		"status_unknown":  "status shop/pya",
		"explain":         "explain web",
		"explain_failed":  "explain shop/pay",
		"explain_rests":   "explain cart -n shop",
		"explain_json":    "explain web -o json",
		"events":          "events",
		"events_one":      "events web --since 30s",
		"events_times":    "events shop/pay --times --limit 2",
		"events_since":    "events web --since yesterday",
		"events_json":     "events shop/pay --limit 1 -o json",
		"events_limit":    "events --limit 0",
		"events_unknown":  "events wbe",
		"history":         "history web",
		"history_none":    "history shop/cart",
		"history_run":     "history web latest",
		"history_pay":     "history shop/pay bbbbbbbbbb-2",
		"history_json":    "history shop/pay latest -o json",
		"history_near":    "history web aaaaaaaaaa-3",
		"history_unknown": "history web zzzzzz",
		"history_canary":  "history wbe",
		"logs":            "logs web --tail 2",
		"logs_primary":    "logs web --side primary",
		"logs_unknown":    "logs wbe",
		"logs_side":       "logs web --side primray",
		"promote":         "promote web --reason fine",
		"promote_json":    "promote web -o json",
		"abort":           "abort web --as grace",
		"skip":            "skip default/web --no-wait",
		"pause":           "pause web",
		"pause_all":       "pause --all --reason maintenance",
		"pause_all_json":  "pause --all -o json",
		"pause_none":      "pause",
		"pause_both":      "pause web --all",
		"resume":          "resume web",
		"resume_all":      "resume --all",
		"retry_refused":   "retry web",
		"retry_json":      "retry web -o json",
		"promote_unknown": "promote wbe",
		"version":         "version",
		"version_daemon":  "version --daemon",
		"version_json":    "version -o json",
		"usage_command":   "gte",
		"usage_flag":      "get --wach",
		"usage_output":    "get -o jsn",
		"usage_args":      "status",
		"help_exit_codes": "help exit-codes",
		"help_addresses":  "help addresses",
		"help_manifests":  "help manifests",
		"help_systemd":    "help systemd",
		"help":            "help",
		"help_wait":       "wait --help",
		"help_pause":      "pause --help",
		"up_missing":      "up nowhere",
		"up_envoy":        "up . --data-plane envoy",
		"up_plane":        "up . --data-plane bultin",
		"demo_rate":       "demo --rate 0",
		"demo_interval":   "demo --interval 10ms",
	}
	for name, line := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fill(t)
			b.fake.Write(web(), rollout.CanarySide, "one\ntwo\nthree\n")
			args := strings.Fields(line)
			golden(t, name, b.transcript(b.serin(t.Context(), args...), args))
		})
	}
}

// TestExplanations has one canary for each thing that it can wait for.
func TestExplanations(t *testing.T) {
	t.Parallel()
	wait := func(reason, message, ends string, until time.Duration) func(*httpapi.Snapshot) {
		return func(s *httpapi.Snapshot) {
			s.State.Wait = rollout.Wait{Reason: reason, Message: message, Since: later().Add(-3 * time.Minute), Ends: ends}
			if until > 0 {
				s.State.Wait.Until = later().Add(until)
			}
		}
	}
	cases := map[string]func(*httpapi.Snapshot){
		"analysing": wait(analysing, "checks of this step", "enough passed checks, or the threshold of failed ones", 4*time.Second),
		"gate":      wait("Gate", "confirm-promotion is closed: hook ask answered 403", "the gate's approval", 0),
		"canary":    wait("CanaryNotReady", "1 of 2 pods of the canary are ready: web-1 does not answer its probe yet", "progress, or the progress deadline", time.Minute),
		"primary":   wait("PrimaryNotReady", "0 of 2 pods of the primary are ready", "ready pods", 0),
		"routing":   wait("Routing", "the data plane has not acknowledged the weights yet", "progress, or the progress deadline", time.Minute),
		"nodata":    wait("NoData", "no verdict: success-rate had no requests", "data, or the deadline", 20*time.Second),
		"draining":  wait("Draining", "the canary's last requests end", "the drain time", 3*time.Second),
		"preparing": wait("Preparing", "hook load refused; it is asked again", "its agreement, or the threshold of failed checks", 0),
		"paused": func(s *httpapi.Snapshot) {
			s.State.Paused = &rollout.Intent{By: "ada@example", Reason: "lunch", At: later()}
			wait("Paused", "held by ada@example: lunch", "serin resume", 0)(s)
		},
		"suspended": func(s *httpapi.Snapshot) { s.Spec.Suspend = true },
		"problem":   func(s *httpapi.Snapshot) { s.Problem = "spec.targetRef.name: there is no Deployment web" },
		"new":       func(s *httpapi.Snapshot) { s.State = rollout.State{} },
		"retreating": func(s *httpapi.Snapshot) {
			s.State.Phase, s.State.Run.Stage, s.State.Run.Outcome = rollout.Failed, rollout.Retreating, rollout.OutcomeAborted
			s.State.Run.Message, s.Traffic.Split.Canary = "aborted by ada@example", 0
			wait("Routing", "the data plane has not taken the weights yet", "the world to follow", 0)(s)
		},
		"unacknowledged": func(s *httpapi.Snapshot) { s.Traffic.Acked.Canary, s.Warnings = 5000, []string{"there is no metric"} },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s := httpapitest.Progressing(web())
			change(&s)
			b.fake.Put(s)
			code := b.serin(t.Context(), "explain", "web")
			first := b.transcript(code, []string{"explain", "web"})
			b.out, b.err = buffer{}, buffer{}
			code = b.serin(t.Context(), "get", "web")
			golden(t, "situation_"+name, first+b.transcript(code, []string{"get", "web"}))
		})
	}
}

func TestTheBrake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	var all strings.Builder
	for _, line := range []string{"pause --all --reason moving", "pause --all", "get web", "explain web", "resume --all", "get web"} {
		b.out, b.err = buffer{}, buffer{}
		args := strings.Fields(line)
		code := b.serin(t.Context(), args...)
		all.WriteString(b.transcript(code, args))
	}
	golden(t, "brake", all.String())
}

func TestAnEmptyDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var all strings.Builder
	for _, line := range []string{"get", "get web", "events", "get -o json"} {
		b.out, b.err = buffer{}, buffer{}
		args := strings.Fields(line)
		code := b.serin(t.Context(), args...)
		all.WriteString(b.transcript(code, args))
	}
	golden(t, "empty", all.String())
}

func TestMessagesCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := httpapitest.Progressing(web())
	s.State.Wait.Message, s.Warnings, s.Workload.Canary.Why = "gate says \x1b[2J", []string{"a\x1b]0;title\a"}, "\x1b[31m"
	b.fake.Put(s)
	b.happen(t.Context(), t, web(), rollout.Event{Type: rollout.Warning, Run: "r", Message: "\x1b[2J", At: later()})
	for _, line := range []string{"get", "list", "status web", "explain web", "events", "events web", "history web r"} {
		if code := b.serin(t.Context(), strings.Fields(line)...); code != Done {
			t.Fatalf("%s: %s", line, b.err.String())
		}
	}
	if got := b.out.String(); strings.ContainsAny(got, "\x1b\a") {
		t.Errorf("the output is %q", got)
	}
}

func TestColoursAreForTerminalsOnly(t *testing.T) {
	t.Parallel()
	const escape = "\x1b["
	for name, tc := range map[string]struct {
		terminal bool
		env      map[string]string
		colours  bool
	}{
		"Terminal": {true, nil, true},
		"Pipe":     {false, nil, false},
		"NoColor":  {true, map[string]string{"NO_COLOR": "1"}, false},
		"Dumb":     {true, map[string]string{"TERM": "dumb"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fill(t)
			b.terminal = tc.terminal
			maps.Copy(b.env, tc.env)
			for _, command := range []string{"get", "status", "explain", "history", "events"} {
				args := []string{command}
				if command != "get" {
					args = append(args, "shop/pay")
				}
				b.out = buffer{}
				if code := b.serin(t.Context(), args...); code != Done {
					t.Fatalf("%s: %s", command, b.err.String())
				}
				if got := strings.Contains(b.out.String(), escape); got != tc.colours {
					t.Errorf("%s: colours %v, want %v: %q", command, got, tc.colours, b.out.String())
				}
			}
		})
	}
}

func TestNamesAreCompleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fill(t)
	for line, want := range map[string]string{
		"__complete explain ":           "web\tProgressing\nshop/cart\tSucceeded\nshop/pay\tFailed\n",
		"__complete explain -n shop ":   "cart\tSucceeded\npay\tFailed\n",
		"__complete history web ":       "bbbbbbbbbb-2\tin progress\naaaaaaaaaa-1\tSucceeded\n",
		"__complete promote web ":       "",
		"__complete get -o ":            "text\njson\nyaml\nname\n",
		"__complete wait web --for ":    "promoted\nended\n",
		"__complete logs web --side ":   "primary\ncanary\n",
		"__complete history web aaaa x": "",
	} {
		b.out = buffer{}
		b.serin(t.Context(), strings.Split(line, " ")...)
		got, _, _ := strings.Cut(b.out.String(), ":")
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q completes %q, want %q", line, got, want)
		}
	}
	b.env["SERIN_SERVER"] = "http://127.0.0.1:1"
	b.out = buffer{}
	b.serin(t.Context(), "__complete", "explain", "")
	if !strings.HasPrefix(b.out.String(), ":") {
		t.Errorf("without a daemon it completes %q", b.out.String())
	}
}
