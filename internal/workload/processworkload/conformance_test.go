package processworkload_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
	"github.com/serin-dev/serin/internal/workload/processworkload"
	"github.com/serin-dev/serin/internal/workload/workloadtest"
)

// harness is a world whose templates are the value of a variable, which each pod tells by itself.
type harness struct{ *world }

func (h harness) Driver() workload.Driver { return h.driver() }

func (h harness) Apply(template string, replicas int) {
	h.t.Helper()
	target := server("rev-"+template, replicas, variable("TEMPLATE", template))
	target.Plain = false
	target.Template.Readiness.HTTP = &processworkload.HTTPProbe{Path: "/env"}
	if template == workloadtest.Broken {
		target.Template.Readiness.HTTP.Path = "/ready"
	}
	h.apply(target)
}

func (h harness) Delete() { h.must(h.Remove(namespace, name)) }

// Live is what is written down, without what only says how far pods have come.
func (h harness) Live() string {
	dir := filepath.Join(h.dir, "targets", namespace, name)
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if os.IsNotExist(err) {
		return "nothing"
	}
	h.must(err)
	var record map[string]any
	h.must(json.Unmarshal(data, &record))
	delete(record, "pods")
	delete(record, "made")
	text, err := json.Marshal(record)
	h.must(err)
	return string(text)
}

func (h harness) Runs(side rollout.SideName) []string {
	var templates []string
	for _, p := range h.pods() {
		if p.Side != side || !isReady(p) {
			continue
		}
		text, err := h.ask(p, "/env")
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, "TEMPLATE="); ok {
				templates = append(templates, strings.TrimSpace(value))
			}
		}
	}
	return templates
}

func (h harness) Step()                   {}
func (h harness) Patience() time.Duration { return limit }

func (h harness) Disturb(d workloadtest.Disturbance) bool {
	if d == workloadtest.Restart {
		h.restart()
		return true
	}
	return false
}

func TestConformance(t *testing.T) {
	t.Parallel()
	workloadtest.Run(t, func(t *testing.T) workloadtest.Harness {
		t.Helper()
		return harness{newWorld(t, processworkload.Options{})}
	})
}
