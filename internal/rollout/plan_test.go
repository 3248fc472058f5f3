package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// checkPlan holds a plan against the laws of every plan.
func checkPlan(t tester, spec rollout.Spec, plan rollout.Plan) {
	s := spec.Default()
	checks, last := 0, rollout.Weight(-1)
	for i, step := range plan.Steps {
		checks += step.Checks
		switch {
		case step.Checks < 1:
			t.Fatalf("step %d needs %d checks", i, step.Checks)
		case step.Canary <= last && plan.Strategy == rollout.Weighted:
			t.Fatalf("step %d goes from %s to %s", i, last, step.Canary)
		case step.Canary > rollout.Whole || step.Mirror > rollout.Whole || step.Canary < 0 || step.Mirror < 0:
			t.Fatalf("step %d is %+v", i, step)
		case len(s.StepWeights) == 0 && step.Canary > min(s.MaxWeight, rollout.Whole):
			t.Fatalf("step %d is %s, the maximum %s", i, step.Canary, s.MaxWeight)
		case !s.Traffic.Weights && step.Canary > 0, !s.Traffic.Mirror && step.Mirror > 0, !s.Traffic.Match && step.Match:
			t.Fatalf("step %d is %+v, which the data plane cannot do", i, step)
		}
		last = step.Canary
	}
	switch plan.Strategy {
	case rollout.Weighted:
		if len(plan.Steps) > 101 || last == 0 {
			t.Fatalf("%d steps up to %s", len(plan.Steps), last)
		}
		if len(s.StepWeights) == 0 && last != min(s.MaxWeight, rollout.Whole) {
			t.Fatalf("the last step is %s, not the maximum %s", last, s.MaxWeight)
		}
	case rollout.ABTest, rollout.BlueGreen:
		if len(plan.Steps) != 1 || s.Iterations > 0 && checks != s.Iterations {
			t.Fatalf("%d steps with %d checks, want 1 with %d", len(plan.Steps), checks, s.Iterations)
		}
	case rollout.Direct:
		if len(plan.Steps) != 0 {
			t.Fatalf("%d steps without an analysis", len(plan.Steps))
		}
	default:
		t.Fatalf("strategy %q", plan.Strategy)
	}
	if d := plan.Shortest(spec); d < 0 {
		t.Fatalf("takes %s", d)
	}
}

func TestPlansKeepTheirLaws(t *testing.T) {
	t.Parallel()
	weight := rapid.Custom(func(r *rapid.T) rollout.Weight {
		return rollout.Weight(rapid.Int32Range(-1000, 2*int32(rollout.Whole)).Draw(r, "weight"))
	})
	rapid.Check(t, func(r *rapid.T) {
		spec := rollout.Spec{
			StepWeight: weight.Draw(r, "step"), MaxWeight: weight.Draw(r, "max"), StepWeightPromotion: weight.Draw(r, "back"),
			StepWeights: rapid.SliceOfN(weight, 0, 4).Draw(r, "list"), Iterations: rapid.IntRange(-1, 20).Draw(r, "iterations"),
			Mirror: rapid.Bool().Draw(r, "mirror"), MirrorWeight: weight.Draw(r, "copies"), Match: rapid.Bool().Draw(r, "match"),
			SkipAnalysis: rapid.IntRange(0, 9).Draw(r, "skip") == 0,
			Traffic: rollout.Capabilities{
				Weights: rapid.Bool().Draw(r, "weights"), Mirror: rapid.Bool().Draw(r, "mirrors"), Match: rapid.Bool().Draw(r, "matches"),
			},
		}
		plan, _, err := rollout.Compile(spec)
		if err != nil {
			return
		}
		checkPlan(r, spec, plan)
	})
}

// TestPlansTakeTheirShortestTime plays plans in a world that follows at once: a run takes exactly what Shortest says.
func TestPlansTakeTheirShortestTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r)
		w.spec = drawSpec(r)
		w.spec.Hooks = nil
		plan, _, err := rollout.Compile(w.spec)
		if err != nil {
			r.Fatalf("%v", err)
		}
		w.run(10 * time.Second)
		w.obs.Workload.Target.Revision = "v2"
		began := w.now
		for w.state.Phase != rollout.Succeeded && w.now.Sub(began) < time.Hour {
			if !w.pass() {
				w.now = w.now.Add(time.Second)
			}
		}
		if took, want := w.now.Sub(began), plan.Shortest(w.spec); took != want {
			r.Fatalf("%s took %s, want %s", plan.Strategy, took, want)
		}
	})
}

func TestCompile(t *testing.T) {
	t.Parallel()
	all := rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true}
	metric := []analysis.Metric{{Name: "x", Source: analysis.Query}}
	cases := map[string]struct {
		spec rollout.Spec
		// want are the steps, warns parts of the warnings, fails a part of the refusal.
		want  []rollout.PlanStep
		warns []string
		fails string
	}{
		"linear": {
			spec: rollout.Spec{StepWeight: 40 * rollout.Percent, Metrics: metric, Traffic: all},
			want: []rollout.PlanStep{{Canary: 40_000, Checks: 1}, {Canary: 80_000, Checks: 1}, {Canary: 100_000, Checks: 1}},
			warns: []string{
				"maxWeight 100% is no multiple of stepWeight 40%: the last step is 100%",
			},
		},
		"a step above the maximum": {
			spec:  rollout.Spec{StepWeight: 50 * rollout.Percent, MaxWeight: 20 * rollout.Percent, Metrics: metric, Traffic: all},
			want:  []rollout.PlanStep{{Canary: 20_000, Checks: 1}},
			warns: []string{"the last step is 20%"},
		},
		"mirrored first": {
			spec: rollout.Spec{StepWeights: []rollout.Weight{500}, Mirror: true, MirrorWeight: 10_000, Metrics: metric, Traffic: all},
			want: []rollout.PlanStep{{Mirror: 10_000, Checks: 1}, {Canary: 500, Checks: 1}},
		},
		"a/b": {
			spec:  rollout.Spec{Iterations: 7, Match: true, Sticky: true, Metrics: metric, Traffic: all},
			want:  []rollout.PlanStep{{Match: true, Checks: 7}},
			warns: []string{"session affinity is ignored in an A/B test"},
		},
		"blue/green without load": {
			spec:  rollout.Spec{Iterations: 2, Metrics: metric, Traffic: all},
			want:  []rollout.PlanStep{{Checks: 2}},
			warns: []string{"nothing sends requests to the canary"},
		},
		"nothing to judge by": {
			spec:  rollout.Spec{StepWeight: rollout.Whole, Traffic: all},
			want:  []rollout.PlanStep{{Canary: rollout.Whole, Checks: 1}},
			warns: []string{"readiness alone decides"},
		},
		"no weights": {
			spec:  rollout.Spec{StepWeight: 10_000, Match: true, Sticky: true, Metrics: metric, Hooks: []rollout.Hook{{Type: rollout.DuringRollout}}},
			want:  []rollout.PlanStep{{Checks: 10}},
			warns: []string{"this provider knows no weights", "analysis.match is ignored", "cannot keep sessions"},
		},
		"no mirror": {
			spec:  rollout.Spec{Iterations: 1, Mirror: true, Metrics: metric, Hooks: []rollout.Hook{{Type: rollout.PreRollout}}},
			want:  []rollout.PlanStep{{Checks: 1}},
			warns: []string{"cannot mirror"},
		},
		"no match":         {spec: rollout.Spec{Iterations: 1, Match: true}, fails: "cannot route by match conditions"},
		"nothing":          {fails: "analysis has no steps"},
		"two of them":      {spec: rollout.Spec{Iterations: 1, StepWeight: 1, Traffic: all}, fails: "both iterations and step weights"},
		"too many steps":   {spec: rollout.Spec{StepWeight: 900, Traffic: all}, fails: "stepWeight 0.9% makes more than 100 steps"},
		"too long a list":  {spec: rollout.Spec{StepWeights: make([]rollout.Weight, 101), Traffic: all}, fails: "stepWeights has 101 entries: the limit is 100"},
		"a list that ends": {spec: rollout.Spec{StepWeights: []rollout.Weight{9000, 9000}, Traffic: all}, fails: "stepWeights[1] is 9%"},
		"more than all":    {spec: rollout.Spec{StepWeights: []rollout.Weight{100_001}, Traffic: all}, fails: "stepWeights[0] is 100.001%"},
		"no analysis":      {spec: rollout.Spec{SkipAnalysis: true}},
	}
	for name, c := range cases {
		plan, warnings, err := rollout.Compile(c.spec)
		if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: error %v, want %q", name, err, c.fails)
		}
		if diff := cmp.Diff(c.want, plan.Steps); diff != "" {
			t.Errorf("%s: steps (-want +got):\n%s", name, diff)
		}
		if len(warnings) != len(c.warns) {
			t.Errorf("%s: warnings %q, want %d", name, warnings, len(c.warns))
			continue
		}
		for i, w := range c.warns {
			if !strings.Contains(warnings[i], w) {
				t.Errorf("%s: warning %q, want %q", name, warnings[i], w)
			}
		}
	}
}

func TestWeightReadsAsPercentage(t *testing.T) {
	t.Parallel()
	for weight, want := range map[rollout.Weight]string{0: "0%", 1: "0.001%", 500: "0.5%", 33_333: "33.333%", rollout.Whole: "100%"} {
		if got := weight.String(); got != want {
			t.Errorf("%d reads %s, want %s", int(weight), got, want)
		}
	}
}
