package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const script = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, template: {spec: {containers: [{command: [./web], envFrom: [{configMapRef: {name: web}}]}]}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {level: info}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: worker}, spec: {replicas: 1, template: {spec: {containers: [{command: [./worker]}]}}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: chat}, stringData: {address: "https://example.com/a"}}
---
{apiVersion: flagger.app/v1beta1, kind: AlertProvider, metadata: {name: chat}, spec: {type: slack, secretRef: {name: chat}}}
---
{apiVersion: flagger.app/v1beta1, kind: MetricTemplate, metadata: {name: queue}, spec: {provider: {type: prometheus}, query: queue}}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web}
spec:
  targetRef: {kind: Deployment, name: web}
  service: {port: 80}
  analysis:
    interval: 10s
    stepWeights: [10, 50]
    metrics:
    - {name: queue, templateRef: {name: queue}, thresholdRange: {max: 5}}
    alerts:
    - {name: chat, providerRef: {name: chat}}
`

// without cuts one document out of the script: the one that has the text.
func without(mark string) string {
	var kept []string
	for doc := range strings.SplitSeq(script, "---\n") {
		if !strings.Contains(doc, mark) {
			kept = append(kept, doc)
		}
	}
	return strings.Join(kept, "---\n")
}

// edited replaces a text of the script.
func edited(old, now string) string { return strings.Replace(script, old, now, 1) }

// outline is a difference in a few lines.
func outline(d Difference) string {
	var lines []string
	for sign, changes := range map[string][]Change{"+": d.Added, "~": d.Changed, "-": d.Removed} {
		for _, c := range changes {
			lines = append(lines, sign+" "+c.Kind+"/"+c.Name)
		}
	}
	for _, e := range append(d.Canaries, d.Targets...) {
		line := e.Name + ": " + string(e.Action)
		if e.Shortest != "" {
			line += " " + e.Shortest
		}
		lines = append(lines, line+" ("+strings.Join(e.Reasons, ", ")+")")
	}
	return strings.Join(lines, "\n")
}

// TestDiff applies one change after the other.
func TestDiff(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ before, after, want string }{
		"nothing":      {script, script, ""},
		"formatting":   {script, "# again\n" + edited("{level: info}", `{"level": 'info'}`), ""},
		"new revision": {script, edited("./web", "./web2"), "~ Deployment/web\nweb: run 25s (Deployment default/web is changed)"},
		"config": {
			script, edited("level: info", "level: debug"),
			"~ ConfigMap/web\nweb: run 25s (ConfigMap default/web is changed)",
		},
		"replicas": {
			script, edited("replicas: 2", "replicas: 3"),
			"~ Deployment/web\nweb: adjust 25s (Deployment default/web is changed)",
		},
		"plan": {
			script, edited("[10, 50]", "[10, 20, 50]"),
			"~ Canary/web\nweb: replan 35s (Canary default/web is changed)",
		},
		"interval": {
			script, edited("interval: 10s", "interval: 20s"),
			"~ Canary/web\nweb: replan 45s (Canary default/web is changed)",
		},
		"limit": {
			script, edited("max: 5", "max: 6"),
			"~ Canary/web\nweb: adjust 25s (Canary default/web is changed)",
		},
		"template": {
			script, edited("query: queue", "query: queue2"),
			"~ MetricTemplate/queue\nweb: adjust 25s (MetricTemplate default/queue is changed)",
		},
		"secret of a provider": {
			script, edited("example.com/a", "example.com/b"),
			"~ Secret/chat\nweb: adjust 25s (Secret default/chat is changed)",
		},
		"suspended": {
			edited("spec:\n", "spec:\n  suspend: true\n"), strings.Replace(edited("./web", "./web2"), "spec:\n", "spec:\n  suspend: true\n", 1),
			"~ Deployment/web\nweb: hold 25s (Deployment default/web is changed)",
		},
		"target gone":      {script, without("name: web}, spec: {replicas"), "- Deployment/web\nweb: lose (Deployment default/web is removed)"},
		"target back":      {without("name: web}, spec: {replicas"), script, "+ Deployment/web\nweb: initialize 25s (Deployment default/web is added)"},
		"canary gone":      {script, without("kind: Canary"), "- Canary/web\nweb: release (Canary default/web is removed)"},
		"canary new":       {without("kind: Canary"), script, "+ Canary/web\nweb: initialize 25s (Canary default/web is added)"},
		"worker replaced":  {script, edited("./worker", "./worker2"), "~ Deployment/worker\nworker: replace (Deployment default/worker is changed)"},
		"worker scaled":    {script, edited("replicas: 1", "replicas: 4"), "~ Deployment/worker\nworker: scale (Deployment default/worker is changed)"},
		"worker gone":      {script, without("./worker"), "- Deployment/worker\nworker: end (Deployment default/worker is removed)"},
		"worker new":       {without("./worker"), script, "+ Deployment/worker\nworker: start (Deployment default/worker is added)"},
		"skipped analysis": {skipped(script), skipped(edited("./web", "./web2")), "~ Deployment/web\nweb: run 0s (Deployment default/web is changed)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sets []*Set
			for _, script := range []string{test.before, test.after} {
				s, err := Load(write(t, section{"a.yaml", script}))
				if err != nil {
					t.Fatal(err)
				}
				sets = append(sets, s)
			}
			got := Diff(sets[0].Objects(), sets[1])
			if diff := cmp.Diff(test.want, outline(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got.Empty() != (test.want == "") {
				t.Error("Empty is wrong")
			}
		})
	}
}

// skipped leaves the analysis out of the canary.
func skipped(script string) string {
	before, _, _ := strings.Cut(script, "  analysis:")
	return before + "  skipAnalysis: true\n"
}

// TestDiffOfAll looks at the JSON of a whole difference.
func TestDiffOfAll(t *testing.T) {
	t.Parallel()
	s, err := Load(write(t, section{"a.yaml", script}))
	if err != nil {
		t.Fatal(err)
	}
	d := Diff(nil, s)
	if len(d.Added) != len(s.Objects()) || len(d.Canaries) != 1 || len(d.Targets) != 1 {
		t.Fatalf("everything is new, got\n%s", outline(d))
	}
	d.Canaries[0].Revision = "R"
	got, err := json.Marshal(d.Canaries[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"namespace":"default","name":"web","action":"initialize","message":"the primary is made of the target as it is, without analysis",` +
		`"reasons":["Canary default/web is added","Deployment default/web is added","AlertProvider default/chat is added","ConfigMap default/web is added",` +
		`"MetricTemplate default/queue is added","Secret default/chat is added"],` +
		`"revision":"R","strategy":"canary","interval":"10s","plan":[{"canary":10000,"checks":1},{"canary":50000,"checks":1}],"shortest":"25s"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
