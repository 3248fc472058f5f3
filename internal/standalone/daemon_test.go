package standalone_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/client"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/standalone"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// asApp makes this test program one process of the sample app.
const asApp = "SERIN_TEST_AS_APP"

func TestMain(m *testing.M) {
	if os.Getenv(asApp) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := app.Main(ctx, os.Getenv, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

const manifest = `apiVersion: apps/v1
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
          command: [%q]
          ports: [{name: http, containerPort: 8080}]
          env:
            - {name: ` + asApp + `, value: "1"}
            - {name: VERSION, value: v1}
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: secret, key: token}}}
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Secret
metadata: {name: secret}
stringData: {token: correct-horse-battery}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  service: {port: 80}
  analysis:
    interval: 1s
    stepWeights: [50]
    webhooks: [{name: gate, type: confirm-promotion, url: %q}]
`

// house is a running daemon with its directory.
type house struct {
	t      *testing.T
	dir    string
	at     standalone.Addresses
	client *client.Client
	ended  chan error
}

func newHouse(t *testing.T) *house {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: t.TempDir(), ended: make(chan error, 1)}
	h.write(fmt.Sprintf(manifest, self, "http://127.0.0.1:1/never"))
	ready := make(chan standalone.Addresses, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		h.ended <- standalone.Run(ctx, standalone.Options{
			Dir: h.dir, Listen: "127.0.0.1:0", API: "127.0.0.1:0",
			Ready: func(at standalone.Addresses) { ready <- at },
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-h.ended:
			if err != nil {
				t.Errorf("the daemon ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the daemon does not end")
		}
	})
	select {
	case h.at = <-ready:
	case err := <-h.ended:
		h.ended <- err
		t.Fatalf("the daemon ended: %v", err)
	}
	if h.client, err = client.New(h.at.API, client.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.client.Close)
	return h
}

func (h *house) write(text string) {
	h.t.Helper()
	draft := filepath.Join(h.dir, ".draft")
	err := os.WriteFile(draft, []byte(text), 0o600) //nolint:gosec // G703: the test made the directory itself.
	if err == nil {
		err = os.Rename(draft, filepath.Join(h.dir, "web.yaml"))
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) edit(from, to string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "web.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(strings.ReplaceAll(string(text), from, to))
}

func web() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }

// until waits until the canary is as wanted.
func (h *house) until(what string, ok func(httpapi.Detail) bool) httpapi.Detail {
	h.t.Helper()
	var last httpapi.Detail
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < patience; <-ticker.C {
		var err error
		if last, err = h.client.Canary(h.t.Context(), web()); err == nil && ok(last) {
			return last
		}
	}
	h.t.Fatalf("the canary is never %s; last: %+v", what, last)
	return last
}

// ask sends one request to the service and returns the version that answered.
func (h *house) ask() string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.at.Shared, http.NoBody)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Host = "web"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.Header.Get(app.VersionHeader)
}

func TestAReleaseFromAnEditedManifest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.until("initialized", func(d httpapi.Detail) bool { return d.Phase == rollout.Initialized })
	if v := h.ask(); v != "v1" {
		t.Fatalf("version %q answers", v)
	}
	h.edit("value: v1", "value: v2")
	d := h.until("waiting for its gate", func(d httpapi.Detail) bool { return d.Phase == rollout.WaitingPromotion })
	if d.Weight.Acked != 50*rollout.Percent || len(d.Addresses) < 3 {
		t.Errorf("weight %v, addresses %v", d.Weight, d.Addresses)
	}
	if _, err := h.client.Give(t.Context(), web(), httpapi.Order{Verb: rollout.Promote, By: "ann", Reason: "the gate is down"}); err != nil {
		t.Fatal(err)
	}
	h.until("promoted", func(d httpapi.Detail) bool { return d.Phase == rollout.Succeeded })
	if v := h.ask(); v != "v2" {
		t.Errorf("version %q answers after the promotion", v)
	}
	h.says(t, "primary", "version=v2")
	h.keepsSecrets(t)
	if err := h.client.Shutdown(t.Context(), httpapi.Because{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	if err := <-h.ended; err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
	h.ended <- nil
}

// says looks for a text in the logs of a side.
func (h *house) says(t *testing.T, side rollout.SideName, text string) {
	t.Helper()
	logs, err := h.client.Logs(t.Context(), httpapi.LogQuery{Key: web(), Side: side})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = logs.Close() }()
	if data, err := io.ReadAll(logs); err != nil || !strings.Contains(string(data), text) {
		t.Errorf("the logs do not say %q: %v\n%s", text, err, data)
	}
}

// keepsSecrets looks for the Secret's value wherever people look.
func (h *house) keepsSecrets(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/api/v1/canaries", "/api/v1/objects", "/api/v1/events", "/metrics"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.at.API+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(body), "correct-horse") {
			t.Errorf("%s: %s, %v, %s", path, resp.Status, err, body)
		}
	}
	store, err := os.ReadFile(filepath.Join(h.dir, ".serin", "serin.db"))
	if err != nil || strings.Contains(string(store), "correct-horse") {
		t.Errorf("the store holds the value of a Secret (or %v)", err)
	}
}

func TestAMistakeLeavesWhatRuns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.until("initialized", func(d httpapi.Detail) bool { return d.Phase == rollout.Initialized })
	h.edit("replicas: 1", "replicsa: 1")
	d := h.until("warned", func(d httpapi.Detail) bool { return inForce(d) != "" })
	want := "the directory's latest content is not in force: web.yaml:5: Deployment/web: spec.replicsa: the field is not known: did you mean replicas?"
	if diff := cmp.Diff(want, inForce(d)); diff != "" {
		t.Errorf("the warning (-want +got):\n%s", diff)
	}
	if v := h.ask(); v != "v1" {
		t.Errorf("version %q answers", v)
	}
	h.edit("replicsa: 1", "replicas: 1")
	h.until("in order again", func(d httpapi.Detail) bool { return inForce(d) == "" })
}

// inForce is the warning that says that the directory's latest content is not in force, or nothing.
func inForce(d httpapi.Detail) string {
	for _, w := range d.Warnings {
		if strings.Contains(w, "not in force") {
			return w
		}
	}
	return ""
}

func TestTwoDaemonsOnOneDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	err := standalone.Run(t.Context(), standalone.Options{Dir: h.dir, Listen: "127.0.0.1:0", API: "127.0.0.1:0"})
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "serin down") {
		t.Errorf("the second daemon ended with %v", err)
	}
	f, err := standalone.ReadFile(filepath.Join(h.dir, ".serin"))
	if err != nil || f.PID != os.Getpid() || f.API != h.at.API {
		t.Errorf("the first daemon's file is %+v, %v", f, err)
	}
}

func TestRunRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "a.yaml"), []byte("kind: Deploiment\napiVersion: apps/v1\nmetadata: {name: a}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		o    standalone.Options
		want string
	}{
		"no directory":       {standalone.Options{}, "there is no directory of manifests: serin up DIR"},
		"unknown data plane": {standalone.Options{Dir: t.TempDir(), DataPlane: "nginx"}, `there is no data plane "nginx": use builtin`},
		"no address":         {standalone.Options{Dir: t.TempDir(), Listen: "8080"}, `the address of the shared listener is "8080": write HOST:PORT`},
		"broken manifests":   {standalone.Options{Dir: broken, Listen: "127.0.0.1:0", API: "127.0.0.1:0"}, "did you mean Deployment?"},
		"external metrics":   {standalone.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", API: "127.0.0.1:0", Prometheus: "prom:9090"}, "the address of Prometheus"},
		"API in use":         {standalone.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", API: occupied(t)}, "choose another address with --api"},
		"open API":           {standalone.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", API: "0.0.0.0:0"}, "give it one with --token-file"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := standalone.Run(ctx, tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

// occupied is an address that somebody else listens on.
func occupied(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln.Addr().String()
}
