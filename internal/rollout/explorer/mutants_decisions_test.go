package explorer_test

import (
	"maps"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// decisions are mistakes in what is decided and remembered.
func decisions() map[string]mutant {
	all := forgetful()
	maps.Copy(all, patient())
	return all
}

// forgetful are mistakes in what is believed and saved.
func forgetful() map[string]mutant {
	return map[string]mutant{
		"raises while paused": {
			reason: "a pause is forgotten for the decision and remembered for people", plan: "weighted", laws: []string{"S15"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				paused := s.Paused
				s.Paused = nil
				next, actions := rollout.Step(spec, s, obs)
				if paused != nil {
					next.Paused = paused
				}
				return next, actions
			},
		},
		"raises under the brake": {
			reason: "the brake of the installation is not looked at", plan: "weighted", laws: []string{"S15"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				obs.Brake = nil
				return rollout.Step(spec, s, obs)
			},
		},
		"ignores a new revision": {
			reason: "the run goes on with what it began with", plan: "weighted", laws: []string{"S10"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				if s.Run != nil && s.Run.Stage != rollout.Done {
					obs.Workload.Target.Revision = s.Run.Revision
				}
				return rollout.Step(spec, s, obs)
			},
		},
		"advances without data": {
			reason: "no data is as good as good data", plan: "weighted", laws: []string{"S8", "S12"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				evidence(&obs, func(e analysis.Evidence) analysis.Evidence {
					if e.Batch == nil && e.BatchProblem == nil {
						return good()
					}
					return e
				})
				return rollout.Step(spec, s, obs)
			},
		},
		"advances without an answer": {
			reason: "a source that cannot be reached agrees", plan: "weighted", laws: []string{"S8", "S12"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				evidence(&obs, func(e analysis.Evidence) analysis.Evidence {
					if e.BatchProblem != nil {
						return good()
					}
					return e
				})
				return rollout.Step(spec, s, obs)
			},
		},
		"overlooks failed checks": {
			reason: "the threshold is one too high", plan: "weighted", laws: []string{"7"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				spec.Threshold++
				return rollout.Step(spec, s, obs)
			},
		},
		"drops the verdict": {
			reason: "the verdict is acted upon and not saved", plan: "weighted", laws: []string{"S6"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				if s.Phase == rollout.Failed && s.Run != nil && s.Run.Stage != rollout.Done {
					s.Run.Outcome = ""
				}
				return actions
			}),
		},
		"opens a gate by itself": {
			reason: "a gate that does not answer is open", plan: "gates", laws: []string{"S15"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				for i := range spec.Hooks {
					if spec.Hooks[i].Type == rollout.ConfirmPromotion {
						spec.Hooks = append(append([]rollout.Hook{}, spec.Hooks[:i]...), spec.Hooks[i+1:]...)
						break
					}
				}
				return rollout.Step(spec, s, obs)
			},
		},
		"promotes without a saved verdict": {
			reason: "the primary is written before anything says that the run passed", plan: "weighted", laws: []string{"S6", "S8", "S9"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				if s.Phase == rollout.Promoting && s.Run.Stage == rollout.Replacing {
					s.Run.Pass = false
				}
				return actions
			}),
		},
	}
}

func good() analysis.Evidence {
	late := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return analysis.Evidence{Batch: &analysis.Batch{
		From: late, To: late, Canary: analysis.Counts{Requests: 10},
	}}
}

// patient are mistakes in how a run ends, or does not.
func patient() map[string]mutant {
	return map[string]mutant{
		"rests too early": {
			reason: "the run counts as succeeded while its canary still serves", plan: "weighted", laws: []string{"L1"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				if s.Phase == rollout.Finalising {
					s.Phase, s.Run.Stage, s.Run.Outcome = rollout.Succeeded, rollout.Done, rollout.OutcomeSucceeded
					return nil
				}
				return actions
			}),
		},
		"waits for ever": {
			reason: "a last step that has passed is not left", plan: "weighted", laws: []string{"L1", "L2"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				next, actions := rollout.Step(spec, s, obs)
				if s.Phase == rollout.Progressing && next.Phase == rollout.Promoting {
					s.Wait = rollout.Wait{Reason: "Analysing", Ends: "nothing"}
					return s, nil
				}
				return next, actions
			},
		},
		"goes round in circles": {
			reason: "a failed revision is tried again by itself", plan: "no analysis", laws: []string{"S6"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				if s.Phase == rollout.Failed && s.Run != nil && s.Run.Stage == rollout.Done {
					s.Tried = s.Promoted
				}
				return actions
			}),
		},
		"rolls back later": {
			reason: "a failed run leaves the traffic for the next pass", plan: "weighted", laws: []string{"L3"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				next, actions := rollout.Step(spec, s, obs)
				if s.Phase != rollout.Failed && next.Phase == rollout.Failed {
					return next, nil
				}
				return next, actions
			},
		},
		"is deaf to a deletion": {
			reason: "a canary that is being deleted is kept", plan: "no analysis", laws: []string{"L1"},
			step: func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
				obs.Deleting = false
				return rollout.Step(spec, s, obs)
			},
		},
		"forgets that it wrote the primary": {
			reason: "a new revision in the middle of a promotion leaves the primary half replaced", plan: "weighted", laws: []string{"S8", "S9", "S10", "L1"},
			step: after(func(s *rollout.State, actions []rollout.Action) []rollout.Action {
				if s.Run != nil && s.Run.Stage == rollout.Replacing {
					s.Run.Written = false
				}
				return actions
			}),
		},
	}
}
