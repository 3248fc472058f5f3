package explorer

import (
	"slices"
	"strings"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// result is one pass: what is saved, what is done, and which laws were broken.
type result struct {
	after   rollout.State
	actions []rollout.Action
	g       ghost
	broken  []string
	asked   bool
}

// passer makes passes; it keeps what every pass needs, so that none has to allocate it.
type passer struct {
	m        *model
	policies []policy
	obs      rollout.Observation
	facts    facts
	answers  map[string]rollout.Answer
	measured map[string]analysis.Evidence
	commands [1]rollout.Command
	court    court
	// foreign says that the core is another one than that of rollout.Verify, which asks its own what it does after a
	// restart (S14).
	foreign bool
}

func newPasser(m *model) *passer {
	return &passer{
		m: m, policies: policies(), foreign: m.foreign,
		answers: map[string]rollout.Answer{}, measured: map[string]analysis.Evidence{},
		facts: facts{agreed: map[rollout.HookType]bool{}},
	}
}

// pass makes one pass of a kind. It returns false where answers were to be given and nothing was asked.
func (p *passer) pass(n *node, k kind, out *result) bool {
	p.look(n, k)
	spec := p.m.spec(n)
	out.after, out.actions = p.m.step(spec, n.st, p.obs)
	out.asked = asks(out.actions)
	if k >= answered {
		if !out.asked || !p.answer(n, &p.policies[k-answered], out) {
			return false
		}
	}
	out.broken = p.judge(spec, n, out)
	p.court = court{m: p.m, n: n, f: &p.facts, after: &out.after, actions: out.actions}
	out.g = p.court.follow()
	out.broken = append(out.broken, p.court.broken...)
	return true
}

// judge holds a pass against the laws of the core.
func (p *passer) judge(spec rollout.Spec, n *node, out *result) []string {
	broken := rollout.Verify(spec, n.st, p.obs, out.after, out.actions)
	if !p.foreign {
		return broken
	}
	return slices.DeleteFunc(broken, func(law string) bool { return strings.HasPrefix(law, "S14") })
}

// look makes the observation of a pass.
func (p *passer) look(n *node, k kind) {
	clear(p.answers)
	clear(p.measured)
	agreed := p.facts.agreed
	clear(agreed)
	p.facts = facts{verb: k.verb(), unreadable: k == unreadable, blind: k == blind, rejected: k == rejected, braked: k == braked, agreed: agreed}
	p.m.observe(n, &p.obs)
	switch k {
	case unreadable:
		p.obs.Workload = rollout.Workload{Problem: unavailable()}
	case blind:
		p.obs.Traffic = rollout.Traffic{Problem: unavailable()}
	case rejected:
		p.obs.Traffic.Rejected = "no"
	case braked:
		p.obs.Brake = p.m.paused
	default:
	}
	if v := k.verb(); v != "" {
		p.commands[0] = rollout.Command{UID: "command", Verb: v, Intent: *p.m.paused}
		p.obs.Commands = p.commands[:]
	}
}

func asks(actions []rollout.Action) bool {
	for _, a := range actions {
		_, asks := a.(rollout.Ask)
		_, measures := a.(rollout.Measure)
		if asks || measures {
			return true
		}
	}
	return false
}

// answer answers what is asked until nothing new is. It returns false when there was no answer to give.
func (p *passer) answer(n *node, by *policy, out *result) bool {
	p.obs.Answers, p.obs.Measurements = p.answers, p.measured
	given, used := false, by.refuses == ""
	for range 4 {
		more := false
		for _, a := range out.actions {
			if ask, ok := a.(rollout.Ask); ok {
				used = used || ask.Type == by.refuses
				more = p.reply(ask, by) || more
			}
			if measure, ok := a.(rollout.Measure); ok {
				more = p.measure(measure, by) || more
			}
		}
		if !more {
			break
		}
		given = true
		out.after, out.actions = p.m.step(p.m.spec(n), n.st, p.obs)
	}
	p.facts.check = p.checked(n, by)
	return given && used
}

func (p *passer) reply(a rollout.Ask, by *policy) bool {
	if _, known := p.answers[a.ID]; known || by.silent {
		return false
	}
	ok := (a.Type == by.refuses) == (a.Type == rollout.RollbackHook)
	p.answers[a.ID] = rollout.Answer{OK: ok, At: p.obs.Now, Message: "not now"}
	if ok {
		p.facts.agreed[a.Type] = true
	}
	if a.Type == rollout.PreRollout {
		p.facts.prepared = opinion(ok)
	}
	return true
}

func opinion(ok bool) verdict {
	if ok {
		return passed
	}
	return failed
}

func (p *passer) measure(a rollout.Measure, by *policy) bool {
	if _, known := p.measured[a.ID]; known || by.metrics == "" {
		return false
	}
	e := analysis.Evidence{}
	switch by.metrics {
	case healthy, ailing:
		counts := analysis.Counts{Requests: 1000}
		if by.metrics == ailing {
			counts.Errors = 50
		}
		e.Batch = &analysis.Batch{From: a.From, To: a.To, Canary: counts}
	case "none":
	default:
		e.BatchProblem = &fault.Problem{Kind: fault.Kind(by.metrics), Message: "it is " + by.metrics}
	}
	p.measured[a.ID] = e
	return true
}

// checked is the outcome of the check that this pass could make of its answers.
func (p *passer) checked(n *node, by *policy) verdict {
	during := p.m.has(n, rollout.DuringRollout)
	if during && !p.facts.agreed[rollout.DuringRollout] {
		if by.refuses == rollout.DuringRollout {
			return failed
		}
		return noVerdict
	}
	switch {
	case len(p.measured) == 0 && during && len(p.m.spec(n).Metrics) == 0:
		return passed
	case len(p.measured) == 0:
		return noVerdict
	case by.metrics == healthy:
		return passed
	case by.metrics == ailing:
		return failed
	default:
		return unknown
	}
}

// node is the canary after the pass was saved and before its first effect.
func (r *result) node(n *node) node {
	return node{now: n.now, edited: n.edited, st: r.after, w: n.w, g: r.g}
}

// act performs the next action of a pass and judges it at the moment of it. It says whether it was an effect.
func (p *passer) act(n *node, r *result) (bool, []string) {
	a := r.actions[0]
	r.actions = r.actions[1:]
	p.court = court{m: p.m, n: n, f: &p.facts, after: &r.after}
	p.court.effect(a)
	if len(p.court.broken) > 0 {
		return false, p.court.broken
	}
	if !p.m.perform(n, a) {
		return false, nil
	}
	n.w.watch(n.now)
	return true, nil
}

// whole makes a pass without a crash. It says whether anything was asked and how many effects there were.
func (p *passer) whole(n, to *node, k kind) (asked bool, effects int, broken []string) {
	var r result
	if !p.pass(n, k, &r) {
		*to = *n
		return false, 0, nil
	}
	broken = r.broken
	*to = r.node(n)
	for len(r.actions) > 0 && len(broken) == 0 {
		var done bool
		if done, broken = p.act(to, &r); done {
			effects++
		}
	}
	return r.asked, effects, broken
}
