package badinput

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/test/house"
)

// kept is what runs before bad input comes, and has to run after it.
const kept = `apiVersion: apps/v1
kind: Deployment
metadata: {name: served, namespace: kept}
spec:
  replicas: 1
  selector: {matchLabels: {app: served}}
  template:
    metadata: {labels: {app: served}}
    spec:
      containers:
        - name: served
          command: [serin, demo-app]
          ports: [{name: http, containerPort: 8080}]
          env: [{name: VERSION, value: v1}]
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: served, namespace: kept}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: served}
  service: {port: 80}
  analysis: {interval: 1s, threshold: 2, stepWeights: [50], metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`

func served() engine.Key { return engine.Key{Namespace: "kept", Name: "served"} }

// keeper is a daemon with a served app, and proof that it stays as it is.
type keeper struct {
	dir, data string
	d         *house.Daemon
	pods      []house.Pod
}

// token opens the API of the keepers that have one.
const token = "correct-horse"

func newKeeper(t *testing.T, flags ...string) *keeper {
	t.Helper()
	k := &keeper{dir: t.TempDir(), data: t.TempDir()}
	house.Put(t, filepath.Join(k.dir, ".kept", "ignored"), "")
	house.Put(t, filepath.Join(k.dir, "zz-kept.yaml"), kept)
	k.d = house.Start(t, house.Options{Dir: k.dir, Data: k.data, Flags: flags})
	house.Until(t, "the app is served", func() (string, bool) {
		a, err := house.Get(t.Context(), k.d.Shared, "served.kept")
		return fmt.Sprint(a, err), err == nil && a.Status == http.StatusOK
	})
	k.pods = house.Pods(t, k.data)
	return k
}

// intact proves that what ran before still runs: the same processes, the same version, no run.
func (k *keeper) intact(t *testing.T, after string) {
	t.Helper()
	a, err := house.Get(t.Context(), k.d.Shared, "served.kept")
	if err != nil || a.Status != http.StatusOK || a.Version != "v1" {
		t.Fatalf("after %s the app answers %+v %v\n%s", after, a, err, k.d.Log())
	}
	if diff := cmp.Diff(k.pods, house.Pods(t, k.data)); diff != "" {
		t.Fatalf("after %s other processes run:\n%s\n%s", after, diff, k.d.Log())
	}
}

// detail is what the API says of the served canary.
func (k *keeper) detail(t *testing.T) httpapi.Detail {
	t.Helper()
	d, err := k.d.Client.Canary(t.Context(), served())
	if err != nil {
		t.Fatal(err)
	}
	if d.Phase != rollout.Initialized && d.Phase != rollout.Initializing || d.Run != nil {
		t.Fatalf("the served canary was touched: %+v", d.Canary)
	}
	return d
}

// notInForce is what begins the warning that the directory's content could not be used.
const notInForce = "the directory's latest content is not in force: "

// warning is what the daemon says is wrong with the directory, or nothing.
func (k *keeper) warning(t *testing.T) string {
	t.Helper()
	for _, w := range k.detail(t).Warnings {
		if why, ok := strings.CutPrefix(w, notInForce); ok {
			return why
		}
	}
	return ""
}
