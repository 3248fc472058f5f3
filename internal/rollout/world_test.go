package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// epoch is when every scenario begins.
func epoch() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

// tester is what a world reports to: a test, a fuzz target or a property.
type tester interface {
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// world is the least that a canary needs around it: pods, a data plane, metrics, hooks and people. Everything
// follows at once unless a scenario says otherwise.
type world struct {
	t     tester
	now   time.Time
	spec  rollout.Spec
	state rollout.State
	obs   rollout.Observation

	// canaryUp and primaryUp say whether new pods become ready, primaryDown that its old ones are not either; acks says
	// whether the data plane acknowledges.
	canaryUp, primaryUp, primaryDown, acks bool
	// hooks maps a hook to whether it agrees; a missing one never answers.
	hooks map[string]bool
	// evidence is what a check measures; nil means that no answer comes.
	evidence *analysis.Evidence

	// windows says that the log shows what is measured, deaf that no delivery is confirmed, endless that pods do not end.
	windows, deaf, endless bool
	// again counts the events that were told more than once.
	again int
	// crash is one more than the number of effects after which the process dies in the next pass; 0 means that it lives.
	crash   int
	effects int
	last    rollout.Event
	takes   int
	saved   string
	told    map[string]bool
	log     []string
}

func newWorld(t tester) *world {
	w := &world{t: t, now: epoch(), canaryUp: true, primaryUp: true, acks: true, hooks: map[string]bool{}, told: map[string]bool{}}
	w.spec = rollout.Spec{
		Interval: 10 * time.Second, Drain: 5 * time.Second, StepWeight: 20 * rollout.Percent, MaxWeight: 60 * rollout.Percent,
		Traffic: rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true},
	}
	w.evidence = healthy()
	w.obs.Answers = map[string]rollout.Answer{}
	w.obs.Measurements = map[string]analysis.Evidence{}
	w.obs.Workload.Target = rollout.Target{Exists: true, Revision: "v1", Replicas: 2}
	return w
}

func healthy() *analysis.Evidence {
	return &analysis.Evidence{Batch: &analysis.Batch{Canary: analysis.Counts{
		Requests: 1000, Errors: 0,
		Buckets: []analysis.Bucket{{LE: 100, Count: 1000}, {LE: 0, Count: 1000}},
	}}}
}

// measured is evidence of the window that was asked for.
func measured(e *analysis.Evidence, m rollout.Measure) analysis.Evidence {
	made := *e
	if e.Batch != nil {
		b := *e.Batch
		b.From, b.To = m.From, m.To
		made.Batch = &b
	}
	return made
}

// pass makes one pass: observe, Step, check the invariants, perform. It says whether there may be more to do.
func (w *world) pass() bool {
	w.obs.Now = w.now
	w.settle()
	before := w.state
	after, actions := rollout.Step(w.spec, before, w.obs)
	for _, v := range rollout.Verify(w.spec, before, w.obs, after, actions) {
		w.t.Fatalf("+%s: %s\nobserved %+v\nbefore %s\nafter  %s\nactions %+v", w.now.Sub(epoch()), v, w.obs, stateText(before), stateText(after), actions)
	}
	data, err := rollout.Encode(after)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	if w.state, err = rollout.Decode(data); err != nil {
		w.t.Fatalf("%v", err)
	}
	busy := w.saved != string(data)
	w.saved = string(data)
	dies := w.effects + w.crash - 1
	for _, a := range actions {
		if w.crash > 0 && w.effects >= dies {
			break
		}
		_, wake := a.(rollout.Wake)
		busy = busy || !wake
		w.perform(a)
	}
	w.crash = 0
	return busy
}

// settle lets pods and the data plane follow what was written.
func (w *world) settle() {
	c, p, t := &w.obs.Workload.Canary, &w.obs.Workload.Primary, &w.obs.Traffic
	c.Ready, c.Serving = up(w.canaryUp, c.Replicas), up(w.canaryUp, c.Replicas)
	if w.endless && c.Replicas == 0 {
		c.Serving = 1
	}
	p.Ready = up(w.primaryUp, p.Replicas)
	if p.Serving = p.Ready; !w.primaryUp && p.Exists && w.state.Promoted != "" && !p.Abrupt && !w.primaryDown {
		p.Serving = p.Replicas // a rolling replacement keeps the old pods until new ones are ready
	}
	if w.acks {
		t.Acked = t.Split
	}
}

func up(yes bool, n int) int {
	if yes {
		return n
	}
	return 0
}

func (w *world) perform(a rollout.Action) {
	switch a := a.(type) {
	case rollout.SetSplit:
		w.obs.Traffic.Exists, w.obs.Traffic.Split = true, a.Split
		w.notef("route   %s", splitText(a.Split))
		w.effects++
	case rollout.Pin:
		w.obs.Workload.Target.Pinned = append(w.obs.Workload.Target.Pinned, a.Revision)
		w.effects++
	case rollout.Scale:
		w.obs.Workload.Canary = rollout.Side{Exists: true, Revision: a.Revision, Replicas: a.Replicas}
		w.notef("scale   canary to %d of %s", a.Replicas, a.Revision)
		w.effects++
	case rollout.Floor:
		w.obs.Workload.Primary.Floor = a.Replicas
		w.notef("floor   primary at %d", a.Replicas)
		w.effects++
	case rollout.PromoteTo:
		p := &w.obs.Workload.Primary
		p.Exists, p.Revision = true, a.Revision
		if p.Replicas == 0 {
			p.Replicas = max(1, w.obs.Workload.Target.Replicas)
		}
		w.notef("write   primary with %s restore=%t", a.Revision, a.Restore)
		w.effects++
	case rollout.Measure:
		if w.windows && !w.told[a.ID] {
			w.told[a.ID] = true
			w.notef("measure from %s to %s at %s", a.From.Sub(epoch()), a.To.Sub(epoch()), a.Weight)
		}
		if w.evidence != nil {
			w.obs.Measurements[a.ID] = measured(w.evidence, a)
		}
	case rollout.Ask:
		if ok, known := w.hooks[a.Hook]; known {
			message := ""
			if !ok {
				message = "not now"
			}
			w.obs.Answers[a.ID] = rollout.Answer{OK: ok, At: w.now, Message: message}
		}
	case rollout.Emit:
		w.hear(a.Event)
	case rollout.Release:
		w.obs.Released = true
		w.notef("release revert=%t", a.Revert)
		w.effects++
	case rollout.Wake:
	}
}

func (w *world) hear(e rollout.Event) {
	if w.told[e.ID] {
		w.again++
	} else {
		w.told[e.ID], w.last = true, e
		if e.Type == rollout.CommandTaken || e.Type == rollout.CommandRefused {
			w.takes++
		}
		w.notef("%-7s %s", e.Severity, e.Message)
	}
	if !w.deaf && !slices.Contains(w.obs.Delivered, e.ID) {
		w.obs.Delivered = append(w.obs.Delivered, e.ID)
	}
}

// lastMessage is that of the latest event, taken counts the commands that were obeyed or refused.
func (w *world) lastMessage() string { return w.last.Message }

func (w *world) taken() int { return w.takes }

func (w *world) notef(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%6s %-16s ", w.now.Sub(epoch()), w.state.Phase)+fmt.Sprintf(format, args...))
}

// run lets d pass, one pass per second and several where the world follows at once.
func (w *world) run(d time.Duration) {
	for end := w.now.Add(d); !w.now.After(end); w.now = w.now.Add(time.Second) {
		for range 8 {
			if !w.pass() {
				break
			}
		}
	}
}

func (w *world) take() string {
	defer func() { w.log = nil }()
	if len(w.log) == 0 {
		return "nothing happened\n"
	}
	return strings.Join(w.log, "\n") + "\n"
}

func splitText(s rollout.Split) string {
	text := fmt.Sprintf("primary %s canary %s", s.Primary, s.Canary)
	if s.Mirror > 0 {
		text += " mirror " + s.Mirror.String()
	}
	if s.Match {
		text += " match"
	}
	if s.CanarySession != "" {
		text += " sessions " + s.CanarySession + " " + s.PrimarySession
	}
	if s.Revision != "" {
		text += " of " + s.Revision
	}
	return text
}

func problem(kind string) *fault.Problem {
	return &fault.Problem{Kind: fault.Kind(kind), Message: "it is " + kind}
}

func (w *world) command(verb rollout.Verb) {
	w.obs.Commands = append(w.obs.Commands, rollout.Command{
		UID: fmt.Sprint(len(w.told), "-", w.now.Unix(), "-", len(w.obs.Commands)), Verb: verb, Intent: rollout.Intent{By: "ann", Reason: "because", At: w.now},
	})
	w.obs.Commands = w.obs.Commands[max(0, len(w.obs.Commands)-8):]
}

func stateText(s rollout.State) string {
	data, err := rollout.Encode(s)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
