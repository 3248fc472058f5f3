package manifest

import (
	"strings"
	"testing"
)

// shopFiles are a Deployment with a config of every sort.
const shopFiles = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  labels: {team: a}
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: shop}
    spec:
      initContainers:
      - name: init
        envFrom: [{configMapRef: {name: init}}]
      containers:
      - name: shop
        image: shop:1
        command: [./shop]
        env:
        - name: LEVEL
          valueFrom: {configMapKeyRef: {name: level, key: level}}
        - name: MAYBE
          valueFrom: {configMapKeyRef: {name: maybe, key: x, optional: true}}
        envFrom:
        - secretRef: {name: secret}
      volumes:
      - name: files
        configMap: {name: files}
      - name: more
        projected: {sources: [{secret: {name: projected}}]}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: level}, data: {level: info, other: a}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: init}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: files}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: stranger}, data: {a: b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: secret}, stringData: {TOKEN: t1}}
---
{apiVersion: v1, kind: Secret, metadata: {name: projected}, stringData: {key: k1}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: free, annotations: {flagger.app/config-tracking: disabled}}, data: {a: b}}
`

// revisionOf loads files and returns the revision of the only Deployment.
func revisionOf(t *testing.T, files ...section) string {
	t.Helper()
	s, err := Load(write(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	targets := s.Targets()
	if len(targets) != 1 || len(targets[0].Revision) != 64 {
		t.Fatalf("targets are %v", targets)
	}
	return targets[0].Revision
}

// TestRevision changes one thing at a time and looks whether that is another version.
func TestRevision(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason, old, new string
		same             bool
	}{
		"replicas":     {"their number is not part of what runs", "replicas: 2", "replicas: 7", true},
		"labels":       {"those of the Deployment are not the pod's", "{team: a}", "{team: b}", true},
		"comment":      {"nobody runs a comment", "command:", "# new\n        command:", true},
		"quotes":       {"it is the same text", "image: shop:1", `image: "shop:1"`, true},
		"order":        {"fields have no order", "name: shop\n        image: shop:1", "image: shop:1\n        name: shop", true},
		"null":         {"null is as good as nothing", "image: shop:1", "image: shop:1\n        stdin: null", true},
		"stranger":     {"nothing refers to it", "name: stranger}, data: {a: b}", "name: stranger}, data: {a: c}", true},
		"meta":         {"labels of a config are not its content", "{name: level}", "{name: level, labels: {a: b}}", true},
		"base64":       {"it is the same secret", "stringData: {TOKEN: t1}", "data: {TOKEN: dDE=}", true},
		"image":        {"as on Kubernetes an image is a version", "shop:1", "shop:2", false},
		"command":      {"another program", "[./shop]", "[./shop2]", false},
		"pod labels":   {"they are part of the template", "{app: shop}", "{app: shop, x: y}", false},
		"list order":   {"the order of variables counts", "- name: LEVEL", "- {name: NEW, value: x}\n        - name: LEVEL", false},
		"config":       {"a tracked config", "level: info", "level: debug", false},
		"other key":    {"a config is tracked as a whole", "other: a", "other: b", false},
		"secret":       {"a tracked secret", "TOKEN: t1", "TOKEN: t2", false},
		"init":         {"init containers refer to configs, too", "{name: init}, data: {a: b}", "{name: init}, data: {a: c}", false},
		"volume":       {"volumes refer to configs, too", "{name: files}, data: {a: b}", "{name: files}, data: {a: c}", false},
		"projected":    {"projected volumes do", "key: k1", "key: k2", false},
		"untrack":      {"what is untracked is left out", "{name: level}", "{name: level, annotations: {flagger.app/config-tracking: disabled}}", false},
		"ignored":      {"the template counts as it is written", "image: shop:1", "image: shop:1\n        resources: {}", false},
		"now there":    {"a missing config has come", "{name: stranger}", "{name: maybe}", false},
		"tracked text": {"any other value of the annotation means tracked", "{name: level}", "{name: level, annotations: {flagger.app/config-tracking: enabled}}", true},
	}
	base := revisionOf(t, section{"a.yaml", shopFiles})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(shopFiles, test.old) {
				t.Fatal("the test changes nothing")
			}
			got := revisionOf(t, section{"a.yaml", strings.Replace(shopFiles, test.old, test.new, 1)})
			if (got == base) != test.same {
				t.Errorf("the same revision: %v; %s", got == base, test.reason)
			}
		})
	}
}

// TestRevisionOfUntracked changes a config that is taken out of the revision.
func TestRevisionOfUntracked(t *testing.T) {
	t.Parallel()
	script := strings.Replace(shopFiles, "{name: secret}}", "{name: secret}}\n        - configMapRef: {name: free}", 1)
	before := revisionOf(t, section{"a.yaml", script})
	after := revisionOf(t, section{"a.yaml", strings.Replace(script, "disabled}}, data: {a: b}", "disabled}}, data: {a: c}", 1)})
	if before != after {
		t.Error("an untracked config made a revision")
	}
}

// TestRevisionOfFiles spreads the same objects over other files.
func TestRevisionOfFiles(t *testing.T) {
	t.Parallel()
	var files []section
	for i, doc := range strings.Split(shopFiles, "---\n") {
		files = append(files, section{strings.Repeat("d/", i%3) + string(rune('z'-i)) + ".yml", doc})
	}
	if revisionOf(t, files...) != revisionOf(t, section{"a.yaml", shopFiles}) {
		t.Error("the place of objects made a revision")
	}
}

// TestDigest looks at what the digest of an object follows.
func TestDigest(t *testing.T) {
	t.Parallel()
	digests := func(script string) map[string]string {
		s, err := Load(write(t, section{"a.yaml", script}))
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for _, o := range s.Objects() {
			m[o.Kind+"/"+o.Name] = o.Digest
		}
		return m
	}
	base := digests(shopFiles)
	if got := digests(strings.Replace(shopFiles, "replicas: 2", "replicas: 3", 1)); got["Deployment/shop"] == base["Deployment/shop"] {
		t.Error("replicas are not in the digest")
	}
	got := digests(strings.Replace(shopFiles, "TOKEN: t1", "TOKEN: t2", 1))
	if got["Secret/secret"] == base["Secret/secret"] {
		t.Error("a secret's content is not in its digest")
	}
	was, _ := parts(base["Deployment/shop"])
	is, _ := parts(got["Deployment/shop"])
	if was != is || got["Deployment/shop"] == base["Deployment/shop"] {
		t.Error("a changed secret has to change the revision of the Deployment, and not its content")
	}
	if got["ConfigMap/level"] != base["ConfigMap/level"] {
		t.Error("the digest of something else changed")
	}
}
