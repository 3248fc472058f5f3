package explorer_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/rollout/explorer"
)

// mutant is a core with one mistake, and the plan whose walk has to find it.
type mutant struct {
	reason string
	plan   string
	step   explorer.Step
	// laws are the numbers of the laws of which one must be reported.
	laws []string
}

// TestMutants puts broken cores in the place of the right one. Each has to be found, with a path that leads to it.
func TestMutants(t *testing.T) {
	t.Parallel()
	plans := map[string]explorer.Plan{}
	for _, p := range explorer.Plans() {
		plans[p.Name] = p
	}
	for name, m := range mutants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, ok := plans[m.plan]
			if !ok {
				t.Fatalf("there is no plan %q", m.plan)
			}
			found := walkUntil(t, plan, m)
			if len(found.Path) == 0 || !strings.Contains(found.Script, "\npass") {
				t.Fatalf("%s: nobody noticed", m.reason)
			}
			t.Logf("%s, after %d events", found.Laws[0], len(found.Path))
		})
	}
}

// walkUntil walks a plan until one of the laws of a mutant is reported.
func walkUntil(t *testing.T, plan explorer.Plan, m mutant) explorer.Violation {
	t.Helper()
	wanted := func(v explorer.Violation) bool {
		return slices.ContainsFunc(m.laws, func(want string) bool {
			return slices.ContainsFunc(v.Laws, func(law string) bool { return strings.HasPrefix(law, want) })
		})
	}
	r, err := explorer.Explore(plan, explorer.Options{Budget: 150_000, Most: 6, Step: m.step, Enough: wanted})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		if wanted(v) {
			return v
		}
		t.Logf("found as well: %q", v.Laws)
	}
	return explorer.Violation{}
}

func mutants() map[string]mutant {
	all := decisions()
	maps.Copy(all, effects())
	return all
}

// effects are mistakes in what is done.
func effects() map[string]mutant {
	return map[string]mutant{
		"promotes without its snapshot": {
			reason: "Pin is dropped and what it would have kept is believed to be there", plan: "weighted", laws: []string{"S8"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				obs.Workload.Target.Pinned = []string{"v1", "v2", "v3"}
				return rollout.Step(spec, s, obs)
			},
		},
		"forgets the drain": {
			reason: "the canary is shrunk as soon as nothing is sent to it", plan: "weighted", laws: []string{"S4"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				s.Quiet = obs.Now.Add(-spec.Drain)
				return rollout.Step(spec, s, obs)
			},
		},
		"sends users to a failed canary": {
			reason: "the way back leaves a little on the canary", plan: "weighted", laws: []string{"S6"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				return each(actions, func(a rollout.Action) rollout.Action {
					if split, ok := a.(rollout.SetSplit); ok && s.Phase == rollout.Failed {
						split.Split.Primary, split.Split.Canary = 95*rollout.Percent, 5*rollout.Percent
						return split
					}
					return a
				})
			}),
		},
		"raises before pods are ready": {
			reason: "readiness is taken for granted", plan: "weighted", laws: []string{"S2", "S3"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				c := &obs.Workload.Canary
				c.Ready, c.Serving = c.Replicas, c.Replicas
				return rollout.Step(spec, s, obs)
			},
		},
		"shrinks while it promotes": {
			reason: "the canary goes in the pass that writes the primary", plan: "weighted", laws: []string{"S4"},
			step: after(func(_ *rollout.State, actions []rollout.Action) []rollout.Action {
				for _, a := range actions {
					if p, ok := a.(rollout.PromoteTo); ok && !p.Restore {
						return append(actions, rollout.Scale{Side: rollout.CanarySide, Revision: p.Revision})
					}
				}
				return actions
			}),
		},
		"promotes the live target": {
			reason: "what is written is what the target is now, not what was analysed", plan: "weighted", laws: []string{"S8"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				next, actions := rollout.Step(spec, s, obs)
				return next, each(actions, func(a rollout.Action) rollout.Action {
					if p, ok := a.(rollout.PromoteTo); ok && !p.Restore && s.Promoted != "" {
						p.Revision = obs.Workload.Target.Revision
						return p
					}
					return a
				})
			},
		},
		"replaces an abrupt primary under load": {
			reason: "nobody looks whether the primary can be replaced gradually", plan: "abrupt primary", laws: []string{"S4"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				obs.Workload.Primary.Abrupt = false
				return rollout.Step(spec, s, obs)
			},
		},
		"trusts a failed read": {
			reason: "a read that failed counts as one that found nothing", plan: "weighted", laws: []string{"S13", "S2", "S4"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				obs.Workload.Problem = nil
				return rollout.Step(spec, s, obs)
			},
		},
		"writes at rest": {
			reason: "the route is written in every pass", plan: "no analysis", laws: []string{"L1", "S13"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				if s.Phase == rollout.Succeeded {
					return append(actions, rollout.SetSplit{Split: rollout.Split{Primary: rollout.Whole}})
				}
				return actions
			}),
		},
	}
}

// after changes what a right core returned.
func after(change func(*rollout.State, []rollout.Action) []rollout.Action) explorer.Step {
	return func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
		next, actions := rollout.Step(spec, s, obs)
		if next.Run != nil {
			run := *next.Run
			next.Run = &run
		}
		actions = change(&next, actions)
		return next, actions
	}
}

func each(actions []rollout.Action, change func(rollout.Action) rollout.Action) []rollout.Action {
	for i := range actions {
		actions[i] = change(actions[i])
	}
	return actions
}

// evidence replaces what was measured.
func evidence(obs *rollout.Observation, to func(analysis.Evidence) analysis.Evidence) {
	measured := map[string]analysis.Evidence{}
	for id, e := range obs.Measurements {
		measured[id] = to(e)
	}
	obs.Measurements = measured
}
