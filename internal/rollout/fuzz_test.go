package rollout_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// FuzzStep feeds Step any state that Decode accepts, with any observation and any spec. It must not panic, and it must
// not break a law.
func FuzzStep(f *testing.F) {
	for _, state := range seedStates() {
		for _, facts := range seedFacts() {
			f.Add(encoded(f, state), encoded(f, facts), encoded(f, newWorld(f).spec))
		}
	}
	f.Fuzz(func(t *testing.T, state, facts, manifest []byte) {
		before, err := rollout.Decode(state)
		if err != nil {
			return
		}
		var obs rollout.Observation
		var spec rollout.Spec
		if json.Unmarshal(facts, &obs) != nil || json.Unmarshal(manifest, &spec) != nil || !possible(&obs) {
			return
		}
		for range 4 {
			after, actions := rollout.Step(spec, before, obs)
			for _, v := range rollout.Verify(spec, before, obs, after, actions) {
				t.Fatalf("%s\nbefore %s\nafter  %s\nactions %+v", v, stateText(before), stateText(after), actions)
			}
			if before, err = rollout.Decode(encoded(t, after)); err != nil {
				t.Fatal(err)
			}
			obs.Now = obs.Now.Add(7 * time.Second)
		}
	})
}

// possible says whether the facts are such as a portable type lets through: it refuses numbers that cannot be.
func possible(obs *rollout.Observation) bool {
	for _, s := range []rollout.Side{obs.Workload.Primary, obs.Workload.Canary} {
		if s.Replicas < 0 || s.Ready < 0 || s.Ready > s.Serving || s.Floor < 0 || s.Replicas > 1<<20 || !s.Exists && s != (rollout.Side{}) {
			return false
		}
	}
	target := &obs.Workload.Target
	if target.Replicas < 0 || target.Replicas > 1<<20 || obs.Now.Year() < 2000 || obs.Now.Year() > 2100 {
		return false
	}
	return target.Exists || target.Revision == ""
}

func encoded(tb testing.TB, v any) []byte {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// FuzzDecode reads any bytes: it must not panic, what it accepts survives being saved and read again, and a state from
// a newer engine is never accepted.
func FuzzDecode(f *testing.F) {
	for _, state := range seedStates() {
		f.Add(encoded(f, state))
	}
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"phase":`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := rollout.Decode(data)
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Unsupported {
				t.Fatalf("%v has kind %q", err, kind)
			}
			return
		}
		if state.Version > rollout.StateVersion {
			t.Fatalf("version %d was accepted", state.Version)
		}
		saved, err := rollout.Encode(state)
		if err != nil {
			// A time beyond the year 9999 cannot be written as JSON.
			return
		}
		again, err := rollout.Decode(saved)
		if err != nil {
			t.Fatalf("%v in %s", err, saved)
		}
		if a, b := stateText(state), stateText(again); a != b {
			t.Fatalf("saved and read again\n%s\nbecame\n%s", a, b)
		}
	})
}

// FuzzCompile compiles any spec: it must not panic or hang, and what it makes keeps the laws of a plan.
func FuzzCompile(f *testing.F) {
	f.Add(encoded(f, newWorld(f).spec))
	f.Add([]byte(`{"stepWeights":[1000,2000],"traffic":{"weights":true}}`))
	f.Add([]byte(`{"iterations":3,"match":true,"mirror":true,"traffic":{"match":true,"mirror":true}}`))
	f.Add([]byte(`{"stepWeight":1,"traffic":{"weights":true}}`))
	f.Add([]byte(`{"stepWeight":2147483647,"stepWeightPromotion":1,"interval":9223372036854775807,"threshold":9223372036854775807,"traffic":{"weights":true}}`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		var spec rollout.Spec
		if json.Unmarshal(manifest, &spec) != nil {
			return
		}
		plan, _, err := rollout.Compile(spec)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("a refusal without a sentence")
			}
			return
		}
		checkPlan(t, spec, plan)
	})
}

// seedStates are the states that a release goes through.
func seedStates() []rollout.State {
	run := rollout.Run{Name: "v2-1", Revision: "v2", Started: epoch(), Progress: epoch(), Step: -1}
	states := []rollout.State{{}, {Version: 1, Phase: rollout.Initialized, Promoted: "v1", Tried: "v1"}}
	for _, place := range places() {
		r := run
		r.Stage = place.stage
		r.Pass = place.phase == rollout.Promoting || place.phase == rollout.Finalising
		r.Written = place.phase == rollout.Finalising || place.stage == rollout.Restoring
		s := rollout.State{Version: 1, Phase: place.phase, Since: epoch(), Promoted: "v1", Tried: "v2", Runs: 1, Run: &r}
		if place.phase == rollout.Finalising {
			s.Promoted = "v2"
		}
		if place.stage == rollout.Stepping {
			r.Step, r.Weight, r.Acked, r.Due = 1, 40*rollout.Percent, epoch(), epoch().Add(10*time.Second)
		}
		states = append(states, s)
	}
	return states
}

// place is where a canary can stand.
type place struct {
	phase rollout.Phase
	stage rollout.Stage
}

func places() []place {
	return []place{
		{rollout.Waiting, rollout.Clearing},
		{rollout.Waiting, rollout.Confirming},
		{rollout.Progressing, rollout.Clearing},
		{rollout.Progressing, rollout.Scaling},
		{rollout.Progressing, rollout.Preparing},
		{rollout.Progressing, rollout.Stepping},
		{rollout.WaitingPromotion, rollout.Stepping},
		{rollout.Promoting, rollout.Opening},
		{rollout.Promoting, rollout.Replacing},
		{rollout.Promoting, rollout.Restoring},
		{rollout.Finalising, rollout.Returning},
		{rollout.Finalising, rollout.Closing},
		{rollout.Failed, rollout.Retreating},
		{rollout.Failed, rollout.Closing},
		{rollout.Failed, rollout.Done},
		{rollout.Terminating, rollout.Stepping},
		{"Unheard", rollout.Stepping},
	}
}

// seedFacts are worlds that a release may find.
func seedFacts() []rollout.Observation {
	pinned := rollout.Target{Exists: true, Revision: "v2", Replicas: 2, Pinned: []string{"v1", "v2"}}
	half := rollout.Split{Primary: 60 * rollout.Percent, Canary: 40 * rollout.Percent, Revision: "v2"}
	good := rollout.Observation{
		Now: epoch().Add(time.Minute),
		Workload: rollout.Workload{
			Target: pinned, Primary: rollout.Side{Exists: true, Revision: "v1", Replicas: 2, Ready: 2, Serving: 2},
			Canary: rollout.Side{Exists: true, Revision: "v2", Replicas: 2, Ready: 2, Serving: 2},
		},
		Traffic:      rollout.Traffic{Exists: true, Split: half, Acked: half},
		Measurements: map[string]analysis.Evidence{"v2-1/1/check/0": *healthy()},
		Commands:     []rollout.Command{{UID: "1", Verb: rollout.Skip}},
	}
	down := good
	down.Workload.Primary = rollout.Side{}
	other := good
	other.Workload.Target.Revision, other.Workload.Canary, other.Brake = "v3", rollout.Side{}, &rollout.Intent{By: "ops"}
	blind := good
	blind.Traffic = rollout.Traffic{Problem: problem("Unavailable")}
	blind.Commands = []rollout.Command{{UID: "1", Verb: rollout.Abort}}
	leaving := good
	leaving.Deleting = true
	return []rollout.Observation{good, down, other, blind, leaving}
}
