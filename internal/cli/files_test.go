package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/standalone/manifest"
)

const goodDeployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          command: ["./web"]
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: VERSION
              value: v1
`

const goodCanary = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: web
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  service: {port: 80, targetPort: http}
  analysis:
    interval: 30s
    threshold: 2
    stepWeights: [5, 20, 50]
    metrics:
      - name: request-success-rate
        interval: 30s
        thresholdRange: {min: 99}
`

func before(text, mark string) string {
	head, _, _ := strings.Cut(text, mark)
	return head
}

// directory writes manifests into a directory of their own.
func (b *bench) directory(t *testing.T, name, deployment, canary string) string {
	t.Helper()
	b.write(t, filepath.Join(name, "deployment.yaml"), deployment)
	b.write(t, filepath.Join(name, "canary.yaml"), canary)
	return filepath.Join(b.dir, name)
}

func TestLint(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		deployment, canary string
		more               []string
		code               int
	}{
		"good":   {goodDeployment, goodCanary, nil, Done},
		"json":   {goodDeployment, goodCanary, []string{"-o", "json"}, Done},
		"wrong":  {strings.Replace(goodDeployment, "replicas: 2", "replicas: two", 1), strings.Replace(goodCanary, "stepWeights: [5, 20, 50]", "stepWeight: 0", 1), nil, Failure},
		"warned": {goodDeployment, before(goodCanary, "    metrics:"), nil, Done},
		"strict": {goodDeployment, before(goodCanary, "    metrics:"), []string{"--strict"}, Failure},
		"linear": {goodDeployment, strings.Replace(goodCanary, "stepWeights: [5, 20, 50]", "stepWeight: 2\n    maxWeight: 50", 1), nil, Done},
		"direct": {goodDeployment, before(goodCanary, "  analysis:") + "  skipAnalysis: true\n", nil, Done},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			args := append([]string{"lint", b.directory(t, "deploy", tc.deployment, tc.canary)}, tc.more...)
			code := b.serin(t.Context(), args...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			golden(t, "lint_"+name, b.scrub(b.transcript(code, args)))
		})
	}
}

// running makes the fake a daemon that works on a directory.
func (b *bench) running(t *testing.T, dir string) {
	t.Helper()
	set, err := manifest.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	b.fake.SetObjects(set.Objects()...)
	s := httpapitest.Succeeded(web())
	target, _ := set.Target(manifest.Key{Namespace: "default", Name: "web"})
	s.Workload.Target.Revision = target.Revision
	b.fake.Put(s)
}

func TestDiff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	now := b.directory(t, "now", goodDeployment, goodCanary)
	b.running(t, now)
	second := func(manifest string) string { return strings.ReplaceAll(manifest, "web", "api") }
	directories := map[string]string{
		"nothing": now,
		"release": b.directory(t, "release", strings.Replace(goodDeployment, "value: v1", "value: v2", 1), goodCanary),
		"plan":    b.directory(t, "plan", goodDeployment, strings.Replace(goodCanary, "[5, 20, 50]", "[10]", 1)),
		"other":   b.directory(t, "other", second(goodDeployment), second(goodCanary)),
		"wrong":   b.directory(t, "wrong", "kind: Deployment", goodCanary),
	}
	for _, name := range []string{"nothing", "release", "plan", "other", "wrong"} {
		b.out, b.err = buffer{}, buffer{}
		args := []string{"diff", directories[name]}
		golden(t, "diff_"+name, b.transcript(b.serin(t.Context(), args...), args))
	}
	b.out, b.err = buffer{}, buffer{}
	args := []string{"diff", directories["release"], "-o", "yaml"}
	golden(t, "diff_yaml", b.transcript(b.serin(t.Context(), args...), args))
}

func TestTheManifestsOfTheHelpTextAreRight(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, text, _ := strings.Cut(helpManifests, "two checks") // The example follows.
	_, text, _ = strings.Cut(text, "\n\n")
	text, _, _ = strings.Cut(text, "\n\"serin lint")
	dir := b.directory(t, "deploy", goodDeployment, strings.ReplaceAll("\n"+text, "\n  ", "\n"))
	if code := b.serin(t.Context(), "lint", dir); code != Done {
		t.Errorf("exit code %d: %s%s", code, b.out.String(), b.err.String())
	}
}

func TestADirectoryThatIsNone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	file := b.write(t, "file", "")
	for _, args := range [][]string{{"lint", file}, {"diff", file}, {"up", file}, {"lint", filepath.Join(b.dir, "none")}} {
		if code := b.serin(t.Context(), args...); code != Usage {
			t.Errorf("%v: exit code %d: %s", args, code, b.err.String())
		}
	}
	if _, err := os.Stat(filepath.Join(b.dir, "none")); !os.IsNotExist(err) {
		t.Errorf("looking made the directory: %v", err)
	}
}
