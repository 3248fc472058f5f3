package badinput

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/test/house"
)

// behaviour is a release in which a program, a metric or a hook misbehaves.
type behaviour struct {
	name string
	// program is what the new version runs. Without one it is as good as the first.
	program string
	// metrics and hooks are those of the analysis.
	metrics, hooks string
	// says has to be in what `serin explain` prints, sooner or later; phase is where the canary is then,
	// if it has not ended yet.
	says  string
	phase rollout.Phase
	// ends is where the release ends by itself, if it does.
	ends rollout.Phase
}

func behaviours() []behaviour {
	metric := func(name string) string {
		return "[{name: m, templateRef: {name: " + name + "}, thresholdRange: {max: 5}}]"
	}
	gate := func(kind, path string) string {
		return "[{name: h, type: " + kind + ", url: \"THIRD/" + path + "\", timeout: 1s}]"
	}
	return []behaviour{
		{name: "absent", program: `[/no/such/program]`, says: "no program /no/such/program", phase: rollout.Progressing, ends: rollout.Failed},
		{name: "no-right", program: `[/etc/passwd]`, says: "/etc/passwd is not executable", phase: rollout.Progressing, ends: rollout.Failed},
		{name: "exits", program: `[sh, -c, "echo out of cheese; exit 3"]`, says: "exited with code 3, its last line was: out of cheese", phase: rollout.Progressing, ends: rollout.Failed},
		{name: "unready", program: `[sh, -c, "READY=false exec serin demo-app"]`, says: "readiness probe GET /readyz: answered 503", phase: rollout.Progressing, ends: rollout.Failed},
		{name: "deaf", program: `[sh, -c, "trap '' TERM; serin demo-app & while :; do wait; done"]`, ends: rollout.Succeeded},
		{name: "forks", program: `[sh, -c, "sleep 1000 & setsid sleep 1000 & exec serin demo-app"]`, ends: rollout.Succeeded},

		{name: "metric-hangs", metrics: metric("hang"), says: "no answer within 10s", phase: rollout.Progressing},
		{name: "metric-lies", metrics: metric("lie"), says: "the answer cannot be read: it is not the JSON of the API", phase: rollout.Progressing},
		{name: "metric-redirects", metrics: metric("redirect"), says: "it redirects (status 302), which is not followed: use the final address", phase: rollout.Progressing},
		{name: "metric-floods", metrics: metric("flood"), says: "the answer is larger than 8388608 bytes: select fewer series or a shorter range", phase: rollout.Progressing},
		{name: "metric-nan", metrics: metric("nan"), says: "the value is not a number, as after a division of nothing by nothing", phase: rollout.Progressing, ends: rollout.Failed},
		{name: "metric-two", metrics: metric("two"), says: "the query gives 2 series and a metric needs exactly one: aggregate them, for example with sum() or max()", phase: rollout.Progressing},
		{name: "metric-fails", metrics: metric("fail"), says: ": status 500", phase: rollout.Progressing},
		{name: "metric-denied", metrics: metric("denied"), says: "access is denied (status 401): check the credentials", phase: rollout.Progressing},

		{name: "hook-hangs", hooks: gate("confirm-rollout", "hang"), says: "did not answer in time", phase: rollout.Waiting},
		{name: "hook-redirects", hooks: gate("confirm-rollout", "redirect"), says: "redirects (status 302), which is not followed: use the final address", phase: rollout.Waiting},
		{name: "hook-floods", hooks: gate("confirm-rollout", "flood-fail"), says: "answered with status 500", phase: rollout.Waiting},
		{name: "hook-fails", hooks: gate("rollout", "fail"), says: "answered with status 500: no", phase: rollout.Progressing, ends: rollout.Failed},
		{name: "event-hangs", hooks: gate("event", "hang"), ends: rollout.Succeeded},
		{name: "event-floods", hooks: gate("event", "flood"), ends: rollout.Succeeded},
	}
}

const behaving = `apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec:
  replicas: 1
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: NAME
          command: COMMAND
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
          env: [{name: VERSION, value: VALUE}]
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: NAME}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: NAME}
  service: {port: 80}
  progressDeadlineSeconds: 8
  analysis:
    interval: 1s
    threshold: 2
    stepWeights: [50]
    metrics: METRICS
    webhooks: HOOKS
`

// file is the manifests of a behaviour, before its release or after.
func (b behaviour) file(third string, released bool) string {
	command, value := "[serin, demo-app]", "v1"
	if released {
		value = "v2"
		if b.program != "" {
			command = b.program
		}
	}
	or := func(s string) string {
		if s == "" {
			return "[]"
		}
		return s
	}
	text := strings.NewReplacer("METRICS", or(b.metrics), "HOOKS", or(b.hooks), "COMMAND", command, "VALUE", value, "NAME", b.name).Replace(behaving)
	return strings.ReplaceAll(text, "THIRD", third)
}

// TestBehaviours releases, in one daemon, all that misbehaves; another app beside them is served all the time.
func TestBehaviours(t *testing.T) { //nolint:tparallel // The group is waited for.
	t.Parallel()
	third := thirdParty(t)
	k := newKeeper(t)
	for _, name := range []string{"hang", "lie", "redirect", "flood", "nan", "two", "fail", "denied"} {
		house.Put(t, filepath.Join(k.dir, "metrics", name+".yaml"), fmt.Sprintf("apiVersion: flagger.app/v1beta1\nkind: MetricTemplate\n"+
			"metadata: {name: %s}\nspec: {provider: {type: prometheus, address: %q}, query: up}\n", name, third+"/"+name))
	}
	t.Run("all", func(t *testing.T) {
		for _, b := range behaviours() {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				k.live(t, b, third)
			})
		}
	})
	a, err := house.Get(t.Context(), k.d.Shared, "served.kept")
	if err != nil || a.Version != "v1" {
		t.Errorf("the app beside them answers %+v %v", a, err)
	}
	k.d.End(t)
	if left := house.Pods(t, k.data); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if strings.Contains(k.d.Log(), "DATA RACE") {
		t.Error(k.d.Log())
	}
}

// crowd bounds how many of them run at the same time.
var crowd = make(chan struct{}, 8) //nolint:gochecknoglobals // It is shared by the behaviours.

// live plays one behaviour: the first version is served, the second is released, and what is said and done is right.
func (k *keeper) live(t *testing.T, b behaviour, third string) {
	t.Helper()
	crowd <- struct{}{}
	defer func() { <-crowd }()
	path := filepath.Join(k.dir, b.name+".yaml")
	house.Put(t, path, b.file(third, false))
	k.reaches(t, b.name, rollout.Initialized)
	house.Put(t, path, b.file(third, true))
	if b.says != "" {
		k.explains(t, b)
		a, err := house.Get(t.Context(), k.d.Shared, b.name)
		if err != nil || a.Status != http.StatusOK || b.program != "" && a.Version != "v1" {
			t.Errorf("%s: the service answers %+v %v", b.name, a, err)
		}
	}
	if b.ends != "" {
		d := k.reaches(t, b.name, b.ends)
		tallies.note("behaviours", d.Run.Message)
	} else if d := k.detailOf(t, b.name); d.Run == nil || d.Run.Outcome != "" {
		t.Errorf("%s: the run has ended: %+v", b.name, d.Run)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	house.Until(t, "the end of the processes of "+b.name, func() (string, bool) {
		for _, p := range house.Pods(t, k.data) {
			if strings.HasPrefix(p.Name, "default/"+b.name+"/") {
				return fmt.Sprintf("%+v\n%s", p, k.d.Log()), false
			}
		}
		return "", true
	})
}

func (k *keeper) detailOf(t *testing.T, name string) httpapi.Detail {
	t.Helper()
	d, err := k.d.Client.Canary(t.Context(), engine.Key{Namespace: "default", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reaches waits until a canary is in a phase.
func (k *keeper) reaches(t *testing.T, name string, p rollout.Phase) httpapi.Detail {
	t.Helper()
	var d httpapi.Detail
	house.Until(t, name+" reaches "+string(p), func() (string, bool) {
		var err error
		d, err = k.d.Client.Canary(t.Context(), engine.Key{Namespace: "default", Name: name})
		return fmt.Sprintf("%+v %v", d.Canary, err), err == nil && d.Phase == p
	})
	return d
}

// explains waits until `serin explain` says what it has to.
func (k *keeper) explains(t *testing.T, b behaviour) {
	t.Helper()
	began := time.Now()
	house.Until(t, b.name+" is explained", func() (string, bool) {
		cmd := exec.CommandContext(t.Context(), house.Binary(), "explain", b.name, "--server", k.d.API)
		cmd.Env = house.Environ(k.dir)
		out, err := cmd.CombinedOutput()
		d := k.detailOf(t, b.name)
		if strings.Contains(string(out), b.says) && (d.Phase == b.phase || d.Phase == b.ends) {
			tallies.note("behaviours", b.says)
			t.Logf("%s, %.1f s:\n%s", b.name, time.Since(began).Seconds(), out)
			return "", true
		}
		return fmt.Sprintf("%s%v\n%+v", out, err, d.Canary), false
	})
}
