package manifest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/api/v1beta1"
)

const examples = "testdata/examples"

// TestExamples compares what is made of the examples with a golden file.
func TestExamples(t *testing.T) {
	t.Parallel()
	s, err := Load(examples)
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	for _, w := range s.Warnings() {
		warnings = append(warnings, w.String())
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"targets": s.Targets(), "objects": s.Objects(), "warnings": warnings}); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(b.String(), s.Dir(), "DIR")
	const golden = "testdata/examples.golden"
	if *update {
		put(t, golden, got)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, target := range s.Targets() {
		if err := target.Validate(); err != nil {
			t.Errorf("the supervisor refuses a target: %v", err)
		}
	}
}

// TestSet reads single objects out of a Set.
func TestSet(t *testing.T) {
	t.Parallel()
	s, err := Load(examples)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range s.Canaries() {
		names = append(names, c.Namespace+"/"+c.Name)
	}
	if diff := cmp.Diff([]string{"default/shop", "shop/checkout"}, names); diff != "" {
		t.Errorf("canaries: (-want +got)\n%s", diff)
	}
	shop := Key{"shop", "chat"}
	if got := string(s.Secret(Key{"shop", "gate"})["token"]); got != "open sesame" {
		t.Errorf("the token is %q", got)
	}
	if got := string(s.ConfigMap(Key{"default", "shop"})["CURRENCY"]); got != "EUR" {
		t.Errorf("the currency is %q", got)
	}
	if p := s.AlertProvider(shop); p == nil || p.Spec.Channel != "payments" {
		t.Errorf("the alert provider is %v", p)
	}
	if m := s.MetricTemplate(Key{"shop", "failed-payments"}); m == nil || m.Spec.Provider.Type != v1beta1.MetricProviderPrometheus {
		t.Errorf("the template is %v", m)
	}
	if c := s.Canary(Key{"default", "shop"}); c == nil || c.Spec.Service.Port != 80 {
		t.Errorf("the canary is %v", c)
	}
	if d := s.Deployment(Key{"shop", "checkout"}); d == nil || d.Namespace != "shop" {
		t.Errorf("the Deployment is %v", d)
	}
	if worker, ok := s.Target(Key{"default", "worker"}); !ok || !worker.Plain {
		t.Errorf("the worker is %v, %v", worker, ok)
	}
	if _, ok := s.Target(shop); ok || s.Canary(shop) != nil || s.Secret(Key{"x", "y"}) != nil {
		t.Error("there are objects that are not there")
	}
	if got := s.WarningsOf(v1beta1.CanaryKind, Key{"default", "shop"}); len(got) != 0 {
		t.Errorf("the canary has warnings: %v", got)
	}
	if got := s.WarningsOf(deploymentKind, Key{"default", "shop"}); len(got) != 1 {
		t.Errorf("the Deployment has not one warning, but %v", got)
	}
}

// TestFormats reads the same object in every notation there is.
func TestFormats(t *testing.T) {
	t.Parallel()
	tests := map[string]section{
		"block":        {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: 'v'\n"},
		"flow":         {"a.yml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}"},
		"json":         {"a.json", "\n\t{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"labels\":null},\"data\":{\"k\":\"\\u0076\"}}\n"},
		"json as yaml": {"a.yaml", `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}`},
		"anchors":      {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: &n a}\ndata:\n  <<: {k: &v v}\n"},
		"merged list":  {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  <<: [{k: v}, {k: w}]\n"},
		"marked":       {"a.yaml", "\xef\xbb\xbfapiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: a\r\ndata:\r\n  k: v\r\n"},
		"documents":    {"a.yaml", "---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata: {k: v}\n---\n...\n"},
		"below":        {"x/y/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: !!str v}\n"},
		"two values":   {"a.json", `null {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"v"}}`},
	}
	digests := map[string]bool{}
	for name, f := range tests {
		s, err := Load(write(t, f))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(s.ConfigMap(Key{"default", "a"})["k"]); got != "v" {
			t.Errorf("%s: k is %q", name, got)
		}
		digests[s.Objects()[0].Digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("there are %d digests of the same object", len(digests))
	}
}

// TestLiteral keeps $(NAME) of configs from being replaced.
func TestLiteral(t *testing.T) {
	t.Parallel()
	s, err := Load(write(t, section{"a.yaml", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{command: [./app], envFrom: [{configMapRef: {name: c}}], env: [{name: OWN, value: $(PLAIN)}]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {PLAIN: a$b, CALL: $(OWN), TWO: a$$b}
`}))
	if err != nil {
		t.Fatal(err)
	}
	target, _ := s.Target(Key{"default", "web"})
	got := map[string]string{}
	for _, v := range target.Template.Env {
		got[v.Name] = v.Value
	}
	if diff := cmp.Diff(map[string]string{"PLAIN": "a$b", "CALL": "$$(OWN)", "TWO": "a$$$$b", "OWN": "$(PLAIN)"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestHidden leaves out what begins with a dot, and files of other kinds.
func TestHidden(t *testing.T) {
	t.Parallel()
	dir := write(t, section{".serin/a.yaml", "{"}, section{".b.yaml", "{"}, section{"c.txt", "{"}, section{"sub/.git/d.json", "{"}, section{"e.yaml~", "{"})
	s, err := Load(dir)
	if err != nil || len(s.Objects()) != 0 {
		t.Fatal(s, err)
	}
	if _, err := Load(filepath.Join(dir, "absent")); err == nil || err.Error() != "the directory "+filepath.Join(dir, "absent")+" is not there" {
		t.Error(err)
	}
	if _, err := Load(filepath.Join(dir, "c.txt")); err == nil || !strings.HasSuffix(err.Error(), "is no directory: name the directory that holds the manifests") {
		t.Error(err)
	}
}
