package canaryspec_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/standalone/manifest"
)

// base is the canary that each line of a script edits.
const base = `{
	"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"namespace": "shop", "name": "cart"},
	"spec": {
		"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
		"service": {"port": 80},
		"analysis": {"stepWeight": 10, "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]}
	}
}`

// TestScripts reads testdata/scripts: edits of a canary, a template or a provider, and the sentences or the spec that
// follow. Run with -rewrite to accept new ones.
func TestScripts(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		t.Helper()
		t.Parallel()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			out, err := answer(d)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			return out
		})
	})
}

func answer(d *datadriven.TestData) (string, error) {
	switch d.Cmd {
	case "template":
		var m v1beta1.MetricTemplate
		if err := edited(`{"spec":{"provider":{"type":"prometheus"},"query":"up"}}`, d.Input, &m); err != nil {
			return "", err
		}
		return told(canaryspec.ValidateMetricTemplate(&m)), nil
	case "provider":
		var p v1beta1.AlertProvider
		if err := edited(`{"spec":{"type":"slack","address":"https://hooks/x"}}`, d.Input, &p); err != nil {
			return "", err
		}
		return told(canaryspec.ValidateAlertProvider(&p)), nil
	}
	var c v1beta1.Canary
	if err := edited(base, d.Input, &c); err != nil {
		return "", err
	}
	switch d.Cmd {
	case "problems":
		return told(canaryspec.Validate(&c)), nil
	case "lint":
		return told(canaryspec.Lint(&c)), nil
	case "spec":
		spec, problems := canaryspec.Spec(&c)
		if err := problems.Err(); err != nil {
			return "", err
		}
		return shown(spec)
	case "hooks":
		return shown(canaryspec.Hooks(&c))
	case "metrics":
		return shown(canaryspec.Metrics(&c))
	case "alerts":
		return shown(canaryspec.Alerts(&c))
	case "service":
		return canaryspec.ServiceName(&c) + "\n", nil
	default:
		return "", fmt.Errorf("unknown command %s", d.Cmd)
	}
}

func told(problems canaryspec.Problems) string {
	if len(problems) == 0 {
		return "nothing\n"
	}
	return problems.Error() + "\n"
}

func shown(v any) (string, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	return string(data) + "\n", err
}

// edited decodes a text into an object after the edits: one PATH=JSON a line, below spec, without JSON to remove it.
func edited(text, edits string, into any) error {
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return err
	}
	for line := range strings.Lines(edits) {
		path, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if err := set(object, strings.Split("spec."+path, "."), value); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func set(object map[string]any, path []string, value string) error {
	if len(path) > 1 {
		below, ok := object[path[0]].(map[string]any)
		if !ok {
			below = map[string]any{}
			object[path[0]] = below
		}
		return set(below, path[1:], value)
	}
	if value == "" {
		delete(object, path[0])
		return nil
	}
	// LONG(n) stands for a text of n characters.
	var n int
	if _, err := fmt.Sscanf(value, "LONG(%d)", &n); err == nil {
		object[path[0]] = strings.Repeat("x", n)
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		return err
	}
	object[path[0]] = v
	return nil
}

// TestEveryEnumIsKnown: what the API lists is accepted, so no front end refuses what another takes.
func TestEveryEnumIsKnown(t *testing.T) {
	t.Parallel()
	edits := map[string][]string{}
	for _, p := range v1beta1.Providers() {
		edits["provider"] = append(edits["provider"], string(p))
	}
	for _, w := range v1beta1.WebhookTypes() {
		edits["analysis.webhooks"] = append(edits["analysis.webhooks"], string(w))
	}
	edits["service.trafficDistribution"] = []string{"PreferClose", "PreferSameZone", "PreferSameNode"}
	edits["service.rewrite.type"] = []string{"ReplaceFullPath", "ReplacePrefixMatch"}
	edits["analysis.sessionAffinity"] = []string{"Strict", "Lax", "None"}
	edits["analysis.alerts"] = []string{"info", "warn", "error"}
	wrap := map[string]string{
		"analysis.webhooks":        `[{"name": "h", "url": "http://h/", "type": %q}]`,
		"analysis.sessionAffinity": `{"cookieName": "c", "sameSite": %q}`,
		"analysis.alerts":          `[{"name": "a", "providerRef": {"name": "p"}, "severity": %q}]`,
	}
	for path, values := range edits {
		for _, value := range values {
			format := wrap[path]
			if format == "" {
				format = "%q"
			}
			var c v1beta1.Canary
			if err := edited(base, path+"="+fmt.Sprintf(format, value), &c); err != nil {
				t.Fatal(err)
			}
			if err := canaryspec.Validate(&c).Err(); err != nil {
				t.Errorf("%s %s: %v", path, value, err)
			}
		}
	}
	for _, p := range v1beta1.MetricProviderTypes() {
		m := v1beta1.MetricTemplate{Spec: v1beta1.MetricTemplateSpec{Provider: v1beta1.MetricProvider{Type: p}, Query: "up"}}
		if err := canaryspec.ValidateMetricTemplate(&m).Err(); err != nil {
			t.Errorf("template %s: %v", p, err)
		}
	}
	for _, p := range v1beta1.AlertProviderTypes() {
		a := v1beta1.AlertProvider{Spec: v1beta1.AlertProviderSpec{Type: p, Address: "https://hooks/x"}}
		if err := canaryspec.ValidateAlertProvider(&a).Err(); err != nil {
			t.Errorf("provider %s: %v", p, err)
		}
	}
}

// TestOneSpecTwoFrontEnds reads one canary as an API server stores it and as a file of standalone mode.
func TestOneSpecTwoFrontEnds(t *testing.T) {
	t.Parallel()
	stored, err := os.ReadFile("testdata/stored.json")
	if err != nil {
		t.Fatal(err)
	}
	var c v1beta1.Canary
	if err := json.Unmarshal(stored, &c); err != nil {
		t.Fatal(err)
	}
	want, problems := canaryspec.Spec(&c)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	files, err := manifest.Load("testdata/example")
	if err != nil {
		t.Fatal(err)
	}
	canaries := files.Canaries()
	if len(canaries) != 1 {
		t.Fatalf("%d canaries in the files, want 1", len(canaries))
	}
	got, problems := canaryspec.Spec(canaries[0])
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spec of the file (-stored +file):\n%s", diff)
	}
	if diff := cmp.Diff(canaryspec.Hooks(&c), canaryspec.Hooks(canaries[0])); diff != "" {
		t.Errorf("hooks of the file (-stored +file):\n%s", diff)
	}
}
