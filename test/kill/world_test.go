package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/standalone/store"
	"github.com/serin-dev/serin/test/house"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: web
          command: [serin, demo-app]
          ports: [{name: http, containerPort: 8080}]
          env:
            - {name: VERSION, value: %s}
            - {name: ERROR_RATE, value: "%s"}
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
`

const canary = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  service: {port: 80}
  progressDeadlineSeconds: 30
  revertOnDeletion: true
  analysis:
    interval: 1s
    threshold: 1
    stepWeights: [50]
    metrics: %s
    webhooks:
      - {name: start, type: confirm-rollout, url: "HOOKS/start"}
      - {name: check, type: rollout, url: "HOOKS/check"}
      - {name: finish, type: confirm-promotion, url: "HOOKS/finish"}
      - {name: tell, type: event, url: "HOOKS/tell"}
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: latency}
spec:
  provider: {type: prometheus, address: "HOOKS/prometheus"}
  query: latency{service="web"}
`

// What a canary is judged by: a server of ours that always says 0.1, or what its requests really got.
const (
	bySomebody = `[{name: latency, templateRef: {name: latency}, thresholdRange: {max: 0.5}}]`
	byRequests = `[{name: request-success-rate, thresholdRange: {min: 99}}]`
)

// world is one directory with its daemons, one after the other, and third parties that survive them.
type world struct {
	t    *testing.T
	dir  string
	data string
	o    house.Options
	d    *house.Daemon
	trap *trap
	// first is what the daemon wrote that was killed.
	first   string
	traffic *house.Load

	hooks *httptest.Server
	mu    sync.Mutex
	// told counts the deliveries of each event.
	told map[string]int
}

func newWorld(t *testing.T, p *trap) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), data: t.TempDir(), trap: p, told: map[string]int{}}
	w.hooks = httptest.NewServer(w)
	t.Cleanup(w.hooks.Close)
	w.o = house.Options{Dir: w.dir, Data: w.data, Shared: house.Free(t), API: house.Free(t), Line: p.onLine}
	return w
}

// ServeHTTP is a third party: hooks that agree with everything, and a Prometheus.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	path, _, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	var call struct {
		Phase   rollout.Phase
		EventID string
	}
	if path != "prometheus" {
		if err := json.Unmarshal(body, &call); err != nil {
			w.t.Errorf("the body of %s is no JSON: %v", path, err)
		}
	}
	if w.trap.onCall(path, call.Phase, call.EventID) {
		<-r.Context().Done()
		return
	}
	if path == "start" || path == "finish" {
		// Whoever decides thinks about it; the phases that wait for an answer last as long.
		select {
		case <-time.After(thinking):
		case <-r.Context().Done():
			return
		}
	}
	w.mu.Lock()
	w.told[call.EventID]++
	w.mu.Unlock()
	if path == "prometheus" {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(rw, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[`, now(), `,"0.1"]}]}}`)
	}
}

// heard says how often an event was delivered.
func (w *world) heard(event string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[event]
}

// thinking is how long a gate takes to answer.
const thinking = 150 * time.Millisecond

// write puts the manifests there: a version that is good or bad, and what judges it.
func (w *world) write(version string, bad bool) {
	w.t.Helper()
	rate := "0"
	if bad {
		rate = "1"
	}
	house.Put(w.t, filepath.Join(w.dir, "web.yaml"), fmt.Sprintf(deployment, version, rate))
}

func (w *world) writeCanary(metrics string) {
	w.t.Helper()
	text := strings.ReplaceAll(fmt.Sprintf(canary, metrics), "HOOKS", w.hooks.URL)
	house.Put(w.t, filepath.Join(w.dir, "canary.yaml"), text)
}

func key() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }

// until waits until the canary is as wanted.
func (w *world) until(what string, ok func(httpapi.Detail) bool) httpapi.Detail {
	w.t.Helper()
	var last httpapi.Detail
	house.Until(w.t, what, func() (string, bool) {
		var err error
		last, err = w.d.Client.Canary(w.t.Context(), key())
		return fmt.Sprintf("%+v, %v\n%s", last, err, w.d.Log()), err == nil && ok(last)
	})
	return last
}

// initialized waits until the first version serves.
func (w *world) initialized() {
	w.t.Helper()
	w.until("the first version serves", func(d httpapi.Detail) bool { return d.Phase == rollout.Initialized })
}

// atRest says that the canary is where its release ends, with nothing left to do.
func atRest(p rollout.Phase) func(httpapi.Detail) bool {
	return func(d httpapi.Detail) bool {
		return d.Phase == p && d.Run != nil && d.Run.Stage == rollout.Done && d.Weight == (httpapi.Shares{}) && d.CanaryPods.Wanted == 0
	}
}

// saved reads the state that a killed daemon has left.
func (w *world) saved() rollout.State {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), filepath.Join(w.data, "serin.db"), store.Options{})
	if err != nil {
		w.t.Fatalf("the store that a killed daemon has left: %v", err)
	}
	data, _, err := s.Load(context.WithoutCancel(w.t.Context()), key())
	if closeErr := s.Close(); err != nil || closeErr != nil {
		w.t.Fatal(err, closeErr)
	}
	if data == nil {
		return rollout.State{}
	}
	state, err := rollout.Decode(data)
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}
