package canaryspec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/rollout"
)

// FuzzSpec reads arbitrary JSON as a Canary: every mistake has a field and a sentence in one line, and a Canary
// without a mistake has a spec that compiles into a plan.
func FuzzSpec(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"spec":{"targetRef":{"kind":"Deployment","name":"web"},"service":{"port":80},"analysis":{"interval":"10s","threshold":2,"stepWeights":[10,50]}}}`,
		`{"spec":{"targetRef":{"kind":"Deployment","name":"web"},"service":{"port":80},"analysis":{"interval":"1m","iterations":5,"match":[{"headers":{"a":{"regex":"(("}}}]}}}`,
		`{"spec":{"service":{"port":-1},"analysis":{"interval":"","stepWeight":7,"maxWeight":50,"metrics":[{"name":"request-duration","thresholdRange":{"min":5,"max":1}}]}}}`,
		`{"spec":{"analysis":{"webhooks":[{"type":"rollout","url":"::"},{"name":"a"},{"name":"a"}],"alerts":[{"severity":"x"}]}}}`,
		`{"spec":{"analysis":{"sessionAffinity":{"cookieName":"a;b","maxAge":-1}},"skipAnalysis":true}}`,
		`{"spec":{"analysis":{"mirror":true,"mirrorWeight":300,"stepWeightPromotion":-3,"stepWeights":[100,1]}}}`, `{"spec":null}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c v1beta1.Canary
		if json.Unmarshal(data, &c) != nil {
			return
		}
		problems := canaryspec.Validate(&c)
		for _, p := range append(problems, canaryspec.Lint(&c)...) {
			if p.Field == "" || p.Message == "" || strings.ContainsAny(p.String(), "\n\x00") {
				t.Errorf("bad problem: %q", p.String())
			}
		}
		canaryspec.Metrics(&c)
		canaryspec.Hooks(&c)
		canaryspec.Alerts(&c)
		spec, more := canaryspec.Spec(&c)
		if (more.Err() == nil) != (problems.Err() == nil) {
			t.Errorf("Validate says %v and Spec %v", problems, more)
		}
		if more.Err() == nil && !c.Spec.SkipAnalysis {
			if _, _, err := rollout.Compile(spec); err != nil {
				t.Errorf("a good canary has no plan: %v\n%s", err, data)
			}
		}
	})
}
