package explorer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/serin-dev/serin/internal/rollout"
)

// violation makes the story of a path: the events that lead to a state, and those after it.
func (w *walk) violation(laws []string, at uint32, after []event) Violation {
	var path []event
	for id := at; w.events[id].kind() != start; id = w.parents[id] {
		path = append(path, w.events[id])
	}
	slices.Reverse(path)
	t := teller{w: w, names: revisions()}
	t.m, t.p = w.m, newPasser(w.m)
	t.begin(laws)
	c := w.seen.codes[0]
	for _, e := range append(path, after...) {
		c = t.tell(c, e)
	}
	return Violation{Laws: laws, Path: t.path, Script: t.script()}
}

// teller replays a path and writes it as a scenario. The walk renames revisions in every state; the teller keeps the
// names by which the path began.
type teller struct {
	w     *walk
	m     *model
	p     *passer
	names [3]string
	path  []string
	lines []string
	head  []string
	facts map[string]string
}

func (t *teller) begin(laws []string) {
	for _, law := range laws {
		t.head = append(t.head, "# "+law)
	}
	t.facts = map[string]string{}
	t.line("spec " + specText(t.m.plan.Spec))
	for _, h := range t.m.plan.Spec.Hooks {
		text := "hook " + h.Name + "=" + string(h.Type)
		if h.Deadline > 0 {
			text = "hook " + h.Name + "=(" + string(h.Type) + "," + h.Deadline.String() + ")"
		}
		t.line(text)
	}
	t.line("metrics silent")
	t.line("world canary-up=no primary-up=none acks=no")
	t.facts["canary-up"], t.facts["primary-up"], t.facts["acks"] = "no", "none", "no"
	t.fact("abrupt", yes(t.m.plan.Abrupt), "no")
	t.fact("autoscaled", yes(t.m.plan.Autoscaled), "no")
}

func (t *teller) line(text string) { t.lines = append(t.lines, text+"\n----\n") }

// fact sets a fact of the scenario's world unless it is set already; unset is what it is at first.
func (t *teller) fact(name, value, unset string) {
	if was, known := t.facts[name]; known && was == value || !known && value == unset {
		return
	}
	t.facts[name] = value
	t.line("world " + name + "=" + value)
}

// tell replays one event and returns the normal form after it.
func (t *teller) tell(c code, e event) code {
	var n, next node
	var out code
	t.m.decode(&c, &n)
	k := e.kind()
	if k == behave {
		k, _, _ = t.w.behaves(&n, &next, &out)
		e = made(k, everything)
		if k == behave {
			t.heal(&n)
		}
	} else {
		next = n
		t.play(&next, e)
	}
	if k >= plain {
		t.pass(&n, e)
	} else if k != behave {
		t.happen(&n, k)
	}
	t.note(&next, e)
	renamed := t.m.encode(&next, &out)
	var names [3]string
	for old, to := range renamed {
		names[to] = t.names[old]
	}
	t.names = names
	return out
}

// note adds an event to the path, with what the canary looks like after it.
func (t *teller) note(next *node, e event) {
	text := e.text(t.names[next.w.target])
	st := &next.st
	if e.kind() >= plain {
		text += ": " + string(st.Phase)
		if st.Run != nil {
			text += " " + string(st.Run.Stage) + " " + st.Run.Weight.String()
		}
	}
	t.path = append(t.path, text)
}

// play lets one event happen to a node.
func (t *teller) play(n *node, e event) {
	if e.kind() < plain {
		t.m.happen(n, e.kind())
		return
	}
	var r result
	before := *n
	if !t.p.pass(&before, e.kind(), &r) {
		return
	}
	*n = r.node(&before)
	for effects := 0; len(r.actions) > 0 && effects < e.effects(); {
		done, _ := t.p.act(n, &r)
		if done {
			effects++
		}
	}
}

func (t *teller) heal(n *node) {
	if n.w.missing {
		t.fact("exists", "yes", "yes")
	}
	t.fact("canary-up", "yes", "yes")
	t.fact("primary-up", "yes", "yes")
	t.fact("acks", "yes", "yes")
}

func (t *teller) happen(n *node, k kind) {
	switch k {
	case tick:
		t.line("world clock=" + unit.String())
	case targetFirst, targetSecond, targetThird:
		t.line("world target=" + t.names[k-targetFirst])
	case deletion:
		t.line("world deleting=yes")
	case vanish:
		t.fact("exists", yes(n.w.missing), "yes")
	case drift:
		t.line("world drift")
	case edit:
		to := t.m.specs[1]
		if n.edited {
			to = t.m.specs[0]
		}
		t.line("spec " + specText(to))
	case canarySome, primarySome:
		t.lines = append(t.lines, "# "+k.String()+"\n")
	default:
	}
}

// pass writes a pass: first the facts that it sees, then the pass, then that they are over.
func (t *teller) pass(n *node, e event) {
	t.up("canary-up", &n.w.canary, "no")
	t.up("primary-up", &n.w.primary, "none")
	t.fact("acks", yes(n.w.routed && n.w.acked == n.w.split), "yes")
	once := map[kind]string{unreadable: "unreadable", blind: "route-unreadable", braked: "brake"}[e.kind()]
	if once != "" {
		t.fact(once, "yes", "no")
	}
	if e.kind() == rejected {
		t.line("world rejected=no")
	}
	if v := e.kind().verb(); v != "" {
		t.line(string(v))
	}
	if e.kind() >= answered {
		t.answers(&policies()[e.kind()-answered])
		t.line("pass") // It asks; the next one has the answers.
	}
	if e.effects() != everything {
		t.line("pass crash=" + strconv.Itoa(e.effects()))
	} else {
		t.line("pass")
	}
	switch {
	case once != "":
		t.fact(once, "no", "no")
	case e.kind() == rejected:
		t.line("world rejected")
	case e.kind() >= answered:
		t.silence()
	}
}

// up says which pods of a side are ready. A scenario knows all of them, none, and for the primary the old ones.
func (t *teller) up(name string, s *side, none string) {
	ready := s.up[s.revision]
	switch {
	case !s.exists || s.replicas == 0:
	case ready == s.replicas:
		t.fact(name, "yes", "yes")
	case s.serving() == 0:
		t.fact(name, none, "yes")
	default:
		t.fact(name, "no", "yes")
		if ready > 0 || s.serving() < s.replicas {
			t.lines = append(t.lines, fmt.Sprintf("# %d pods are ready, %d of them with what is written.\n", s.serving(), ready))
		}
	}
}

func (t *teller) answers(by *policy) {
	switch by.metrics {
	case "":
	case "Unavailable", "Denied":
		t.line("metrics problem=" + by.metrics)
	default:
		t.line("metrics " + by.metrics)
	}
	for _, h := range t.m.plan.Spec.Hooks {
		if !by.silent {
			t.line("answer " + h.Name + "=" + yes((h.Type == by.refuses) == (h.Type == rollout.RollbackHook)))
		}
	}
}

func (t *teller) silence() {
	t.line("metrics silent")
	for _, h := range t.m.plan.Spec.Hooks {
		t.line("answer " + h.Name + "=never")
	}
}

// script is the path as a scenario, its exact events first: the world of a scenario follows in every pass, so it does not
// know sides of which only some pods are ready.
func (t *teller) script() string {
	var b strings.Builder
	b.WriteString(strings.Join(t.head, "\n") + "\n#\n# Plan " + t.m.plan.Name + ":\n")
	for i, p := range t.path {
		fmt.Fprintf(&b, "# %d. %s\n", i+1, p)
	}
	b.WriteString(strings.Join(t.lines, "\n") + "\nstatus\n----\n")
	return b.String()
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// specText is a spec in the words of a scenario.
func specText(s rollout.Spec) string {
	words := []string{
		"interval=" + s.Interval.String(), "drain=" + s.Drain.String(), "deadline=" + s.ProgressDeadline.String(),
		"unavailable=" + s.UnavailableLimit.String(), "threshold=" + strconv.Itoa(s.Threshold),
	}
	if len(s.Metrics) > 0 {
		words = append(words, "success=99")
	}
	if s.Iterations > 0 {
		words = append(words, "iterations="+strconv.Itoa(s.Iterations))
	}
	if len(s.StepWeights) > 0 {
		list := make([]string, 0, len(s.StepWeights))
		for _, w := range s.StepWeights {
			list = append(list, strconv.Itoa(int(w/rollout.Percent)))
		}
		words = append(words, "steps=("+strings.Join(list, ",")+")")
	}
	if s.StepWeightPromotion > 0 {
		words = append(words, "back="+strconv.Itoa(int(s.StepWeightPromotion/rollout.Percent)))
	}
	for name, on := range map[string]bool{"mirror": s.Mirror, "match": s.Match, "sticky": s.Sticky, "skip-analysis": s.SkipAnalysis, "revert": s.RevertOnDeletion} {
		if on {
			words = append(words, name+"=yes")
		}
	}
	if !s.Traffic.Weights {
		words = append(words, "weights-known=no")
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}
