package sim_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/sim"
)

// mutant is an engine with one mistake, and the run that has to find it.
type mutant struct {
	scenario string
	faults   string
	step     sim.Step
	store    func(engine.Store) engine.Store
	// law is how one of the violations begins.
	law string
}

// TestMutants plants mistakes in the engine. Each has to be noticed.
func TestMutants(t *testing.T) {
	t.Parallel()
	for name, m := range mutants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults, err := sim.Parse(m.faults)
			if err != nil {
				t.Fatal(err)
			}
			right := play(t, sim.Find(m.scenario), sim.Options{Faults: faults})
			check(t, &right)
			r := play(t, sim.Find(m.scenario), sim.Options{
				Faults: faults, Step: m.step, Store: m.store, Unverified: !strings.HasPrefix(m.law, "verify"),
			})
			for _, broken := range r.Violations {
				if strings.HasPrefix(broken, m.law) {
					t.Logf("noticed: %s", broken)
					return
				}
			}
			t.Errorf("nobody noticed; violations %q, ending %q\n%s", r.Violations, r.Ending, strings.Join(r.Log, "\n"))
		})
	}
}

func mutants() map[string]mutant {
	all := blind()
	maps.Copy(all, careless())
	maps.Copy(all, forgetful())
	return all
}

// changed is the core with the actions changed by f.
func changed(f func(rollout.State, rollout.Observation, rollout.Action) rollout.Action) sim.Step {
	return func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
		after, actions := rollout.Step(spec, s, obs)
		var kept []rollout.Action
		for _, a := range actions {
			if a = f(after, obs, a); a != nil {
				kept = append(kept, a)
			}
		}
		return after, kept
	}
}

// seeing is the core with what it sees, and what it is told to do, changed by f.
func seeing(f func(*rollout.Spec, *rollout.State, *rollout.Observation)) sim.Step {
	return func(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
		f(&spec, &s, &obs)
		return rollout.Step(spec, s, obs)
	}
}

// blind are mistakes in what is looked at.
func blind() map[string]mutant {
	return map[string]mutant{
		"ready at zero": {scenario: "canary never ready", law: "S3", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			o.Workload.Canary.Ready, o.Workload.Canary.Serving = o.Workload.Canary.Replicas, o.Workload.Canary.Replicas
		})},
		"half is enough": {scenario: "linear promote", faults: "down:canary@scale#2+20s", law: "S3", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			o.Workload.Canary.Ready = max(o.Workload.Canary.Ready, 2)
		})},
		"ignore a read error": {scenario: "linear promote", faults: "unavailable@pods#20+5s", law: "verify: S13", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			o.Workload.Problem = nil
		})},
		"writing is acknowledgement": {scenario: "abort at step 1", faults: "partial@split#4+30s", law: "S4", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			o.Traffic.Acked = o.Traffic.Split
		})},
		"every value passes": {scenario: "metric fails", law: "S8", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			for id, e := range o.Measurements {
				e.Batch.Canary.Errors = 0
				o.Measurements[id] = e
			}
		})},
		"no data passes": {scenario: "linear promote", faults: "empty@query#1+40s", law: "verify: S12", step: seeing(func(s *rollout.Spec, _ *rollout.State, _ *rollout.Observation) {
			s.Metrics = []analysis.Metric{}
		})},
		"no is yes": {scenario: "promote with gate", law: "verify: S15", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			o.Answers = maps.Clone(o.Answers)
			for id, a := range o.Answers {
				a.OK = !strings.Contains(id, "undo")
				o.Answers[id] = a
			}
		})},
		"deaf to the brake": {scenario: "linear promote", faults: "brake@save#15+30s", law: "verify: S15", step: seeing(func(_ *rollout.Spec, _ *rollout.State, o *rollout.Observation) {
			o.Brake = nil
		})},
		"no deadline": {scenario: "canary never ready", law: "L1", step: seeing(func(s *rollout.Spec, _ *rollout.State, _ *rollout.Observation) {
			s.ProgressDeadline = 1000 * time.Hour
		})},
	}
}

// careless are mistakes in what is done.
func careless() map[string]mutant {
	return map[string]mutant{
		"swap two actions": {scenario: "linear promote", law: "S2", step: changed(func(s rollout.State, _ rollout.Observation, a rollout.Action) rollout.Action {
			up, ok := a.(rollout.Scale)
			if !ok || up.Replicas == 0 || s.Run == nil {
				return a
			}
			return rollout.SetSplit{Split: rollout.Split{Primary: 80_000, Canary: 20_000, Revision: s.Run.Revision}}
		})},
		"forget the drain": {scenario: "abort at step 1", law: "S4", step: seeing(func(s *rollout.Spec, _ *rollout.State, _ *rollout.Observation) {
			s.Drain = time.Nanosecond
		})},
		"copy the live target": {
			scenario: "new revision while promoting", faults: "crash-before@promote#2", law: "S8",
			step: changed(func(_ rollout.State, o rollout.Observation, a rollout.Action) rollout.Action {
				if p, ok := a.(rollout.PromoteTo); ok && !p.Restore {
					p.Revision = o.Workload.Target.Revision
					return p
				}
				return a
			}),
		},
		"promote again, something else": {scenario: "linear promote", law: "S9", step: changed(func(s rollout.State, o rollout.Observation, a rollout.Action) rollout.Action {
			if _, ok := a.(rollout.Wake); ok && s.Run != nil && s.Run.Stage == rollout.Replacing && o.Workload.Primary.Revision == s.Run.Revision {
				return rollout.PromoteTo{Revision: s.Promoted}
			}
			return a
		})},
		"forget the way back": {scenario: "metric fails", law: "L3", step: changed(func(s rollout.State, _ rollout.Observation, a rollout.Action) rollout.Action {
			if _, ok := a.(rollout.SetSplit); ok && s.Phase == rollout.Failed {
				return nil
			}
			return a
		})},
		"never at rest": {scenario: "linear promote", law: "L1", step: func(spec rollout.Spec, s rollout.State, o rollout.Observation) (rollout.State, []rollout.Action) {
			after, actions := rollout.Step(spec, s, o)
			if after.Phase == rollout.Succeeded {
				actions = append(actions, rollout.Wake{At: o.Now.Add(time.Minute)}, rollout.Scale{Side: rollout.CanarySide, Revision: "v2"})
			}
			return after, actions
		}},
		"leave the floor": {scenario: "HPA active", law: "L1", step: changed(func(_ rollout.State, _ rollout.Observation, a rollout.Action) rollout.Action {
			if f, ok := a.(rollout.Floor); ok && f.Replicas == 0 {
				return nil
			}
			return a
		})},
		"delete without looking": {scenario: "delete mid-run", law: "S4", step: changed(func(s rollout.State, _ rollout.Observation, a rollout.Action) rollout.Action {
			if _, ok := a.(rollout.SetSplit); ok && s.Phase == rollout.Terminating {
				return rollout.Scale{Side: rollout.CanarySide}
			}
			return a
		})},
	}
}

// forgetful are mistakes in what is remembered.
func forgetful() map[string]mutant {
	return map[string]mutant{
		"act before the verdict is saved": {scenario: "linear promote", law: "S14", store: func(s engine.Store) engine.Store {
			return &lossy{Store: s, drops: func(st rollout.State) bool { return st.Run != nil && st.Run.Pass && st.Phase == rollout.Promoting }}
		}},
		"drop the failure": {scenario: "metric fails", law: "S14", store: func(s engine.Store) engine.Store {
			return &lossy{Store: s, drops: func(st rollout.State) bool { return st.Phase == rollout.Failed }}
		}},
		"no fence": {scenario: "linear promote", faults: "stop@save#19+4s", law: "S17", store: func(s engine.Store) engine.Store {
			return &unfenced{Store: s}
		}},
		"no fence where nothing is saved": {scenario: "abort at step 0", faults: "unavailable@split#3+700ms,stop@load#2+4500ms", law: "S17", store: func(s engine.Store) engine.Store {
			return &unfenced{Store: s}
		}},
	}
}

// lossy is a store that says that it has saved what it has not.
type lossy struct {
	engine.Store

	drops func(rollout.State) bool
}

// Save is part of engine.Store.
func (l *lossy) Save(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
	if s, err := rollout.Decode(data); err == nil && l.drops(s) {
		return version, nil
	}
	return l.Store.Save(ctx, key, data, version)
}

// unfenced is a store that lets everybody write, and nobody see that somebody else did.
type unfenced struct {
	engine.Store

	version uint64
}

// Load is part of engine.Store.
func (u *unfenced) Load(ctx context.Context, key engine.Key) (data []byte, version uint64, err error) {
	data, version, err = u.Store.Load(ctx, key)
	if err == nil && u.version > 0 {
		version = u.version
	}
	return data, version, err
}

// Save is part of engine.Store.
func (u *unfenced) Save(ctx context.Context, key engine.Key, data []byte, version uint64) (uint64, error) {
	saved, err := u.Store.Save(ctx, key, data, version)
	if fault.KindOf(err) == fault.Conflict {
		if _, version, err = u.Store.Load(ctx, key); err == nil {
			saved, err = u.Store.Save(ctx, key, data, version)
		}
	}
	u.version = saved
	return saved, err
}
