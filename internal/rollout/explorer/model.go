package explorer

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Step is the core, or what a test of the explorer puts in its place.
type Step func(rollout.Spec, rollout.State, rollout.Observation) (rollout.State, []rollout.Action)

// node is one canary at one moment, with the world around it.
type node struct {
	now time.Time
	// edited says that the edited manifest is the one in force.
	edited bool
	st     rollout.State
	run    rollout.Run
	w      world
	g      ghost
}

// model is a plan with everything that is computed from it once.
type model struct {
	plan Plan
	step Step
	// foreign says that the step is not the core's.
	foreign bool
	specs   [2]rollout.Spec
	plans   [2]rollout.Plan
	// prints are the fingerprints of the plans.
	prints [2]string
	checks int8
	names  [3]string
	runs   [3]string
	pins   [8][]string
	// sessions are the names of the sessions of each revision's steps.
	sessions [3][8]string
	paused   *rollout.Intent
	skip     *rollout.Intent
	limits   limits
}

// limits are the offsets, in units, beyond which two times do not differ.
type limits struct{ interval, drain, progress, unavailable, noData, gate int }

func newModel(plan Plan, step Step) (*model, error) {
	m := &model{plan: plan, step: step, foreign: step != nil, names: revisions()}
	if m.step == nil {
		m.step = rollout.Step
	}
	other := plan.Spec
	if plan.Edited != nil {
		other = *plan.Edited
	}
	for i, s := range []rollout.Spec{plan.Spec, other} {
		compiled, _, err := rollout.Compile(s)
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", plan.Name, err)
		}
		m.specs[i], m.plans[i] = s.Default(), compiled
		m.prints[i] = fingerprint(m.specs[i])
		for _, p := range compiled.Steps {
			m.checks = max(m.checks, int8(min(p.Checks, 100))) //nolint:gosec // G115: at most 100.
		}
		m.limits.widen(m.specs[i])
	}
	for mask := range m.pins {
		for r, name := range m.names {
			if mask&(1<<r) != 0 {
				m.pins[mask] = append(m.pins[mask], name)
			}
		}
	}
	for r, name := range m.names {
		m.runs[r] = name + "-0"
		for s := range m.sessions[r] {
			m.sessions[r][s] = m.runs[r] + "-" + strconv.Itoa(s-1)
		}
	}
	m.paused = &rollout.Intent{By: "ann", Reason: "because"}
	m.skip = m.paused
	return m, nil
}

func (l *limits) widen(s rollout.Spec) {
	at := func(to *int, d time.Duration) { *to = max(*to, int((d+unit-1)/unit)) }
	at(&l.interval, s.Interval)
	at(&l.drain, s.Drain)
	at(&l.progress, s.ProgressDeadline)
	at(&l.unavailable, s.UnavailableLimit)
	at(&l.noData, time.Duration(s.Threshold)*s.Interval)
	for i := range s.Hooks {
		at(&l.gate, s.Hooks[i].Deadline)
	}
}

// fingerprint learns how the core names the plan of a spec: from a run that it starts.
func fingerprint(s rollout.Spec) string {
	obs := rollout.Observation{Now: origin()}
	obs.Workload.Target = rollout.Target{Exists: true, Revision: "v2", Replicas: size}
	obs.Workload.Primary = rollout.Side{Exists: true, Revision: "v1", Replicas: size, Ready: size, Serving: size}
	st := rollout.State{Version: rollout.StateVersion, Phase: rollout.Initialized, Since: origin(), Promoted: "v1", Tried: "v1"}
	after, _ := rollout.Step(s, st, obs)
	if after.Run == nil {
		return ""
	}
	return after.Run.Steps
}

func (m *model) spec(n *node) rollout.Spec {
	if n.edited {
		return m.specs[1]
	}
	return m.specs[0]
}

func (m *model) compiled(n *node) *rollout.Plan {
	if n.edited {
		return &m.plans[1]
	}
	return &m.plans[0]
}

func (m *model) has(n *node, t rollout.HookType) bool {
	s := &m.specs[0]
	if n.edited {
		s = &m.specs[1]
	}
	return slices.ContainsFunc(s.Hooks, func(h rollout.Hook) bool { return h.Type == t })
}

func (m *model) index(revision string) int8 {
	for r, name := range m.names {
		if name == revision {
			return int8(r)
		}
	}
	return -1
}

// origin is when every normal form is.
func origin() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

// root is a canary that nobody has looked at yet.
func (m *model) root() *node {
	n := &node{now: origin(), g: ghost{verdict: -1}}
	if m.plan.Adopted {
		n.w.canary = side{exists: true, replicas: size, up: [3]int8{size}}
	}
	n.w.watch(n.now)
	return n
}
