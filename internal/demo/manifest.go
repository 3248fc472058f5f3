package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
	"time"
)

// Service is the name of the sample app: of its Deployment, its Canary and its service.
const Service = "shop"

const (
	deploymentFile = "deployment.yaml"
	canaryFile     = "canary.yaml"
)

// deployment is an ordinary Deployment. Only env differs between releases.
const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Name }}
  labels:
    app: {{ .Name }}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: {{ .Name }}
  template:
    metadata:
      labels:
        app: {{ .Name }}
    spec:
      terminationGracePeriodSeconds: 15
      containers:
        - name: {{ .Name }}
          image: {{ printf "%s:%s" .Name .App.Version }}
          command:
{{- range .Command }}
            - {{ . | quote }}
{{- end }}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: VERSION
              value: {{ .App.Version | quote }}
            - name: ERROR_RATE
              value: {{ .App.ErrorRate | printf "%g" | quote }}
            - name: LATENCY
              value: {{ .App.Median.String | quote }}
            - name: LATENCY_P99
              value: {{ .App.P99.String | quote }}
            - name: COUNTS_DIR
              value: {{ .CountsDir | quote }}
          readinessProbe:
            httpGet:
              path: /readyz
              port: http
            periodSeconds: 1
`

// canary sends 10, 30 and 60 % to a new version, one analysis interval each. Between the two scrapes in an interval of
// 2 s the canary gets 20, 60 and 120 of 200 requests per second: enough to see 1 bad one in 20 for certain.
const canary = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: {{ .Name }}
spec:
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .Name }}
  progressDeadlineSeconds: 60
  service:
    port: 80
    targetPort: http
  analysis:
    interval: {{ .Interval }}
    threshold: 2
    stepWeights: [10, 30, 60]
{{- if not .Blind }}
    metrics:
      - name: {{ .SuccessMetric }}
        interval: {{ .Interval }}
        thresholdRange:
          min: {{ .MinSuccess }}
      - name: {{ .DurationMetric }}
        interval: {{ .Interval }}
        thresholdRange:
          max: {{ .MaxDuration.Milliseconds }}
{{- end }}
`

// manifests writes the files that the daemon watches.
type manifests struct {
	dir string
	// CountsDir and Command are the same for every release.
	CountsDir string
	Command   []string
	Interval  time.Duration
	Blind     bool
}

// writeCanary writes the Canary, once.
func (m manifests) writeCanary() error {
	return m.write(canaryFile, canary, struct {
		manifests

		Name, SuccessMetric, DurationMetric string
		MinSuccess                          int
		MaxDuration                         time.Duration
	}{m, Service, successMetric, durationMetric, minSuccess, maxDuration})
}

// writeDeployment writes the Deployment of a variant: this is what makes a release.
func (m manifests) writeDeployment(app Variant) error {
	return m.write(deploymentFile, deployment, struct {
		manifests

		Name string
		App  Variant
	}{m, Service, app})
}

// write replaces a file in one step, so that the daemon never reads half a manifest.
func (m manifests) write(name, text string, data any) error {
	parsed, err := template.New(name).Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(text)
	if err != nil {
		return fmt.Errorf("parse the template of %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return fmt.Errorf("fill in %s: %w", name, err)
	}
	next := filepath.Join(m.dir, "."+name+".next")
	if err := os.WriteFile(next, out.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write a manifest: %w", err)
	}
	if err := os.Rename(next, filepath.Join(m.dir, name)); err != nil {
		return fmt.Errorf("put a manifest in its place: %w", err)
	}
	return nil
}
