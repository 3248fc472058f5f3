package standalone

import (
	"cmp"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/standalone/prom"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

// The annotations of a pod template by which pods ask to be scraped, as many clusters know them.
const (
	scrapeAnnotation     = "prometheus.io/scrape"
	scrapePortAnnotation = "prometheus.io/port"
	scrapePathAnnotation = "prometheus.io/path"
)

// scrape tells the embedded Prometheus where metrics are: at the data plane, and at the pods that ask for it.
func (d *daemon) scrape(w *world) {
	if d.metrics == nil {
		return
	}
	targets := []prom.Target{{Job: "serin", URL: "http://" + d.scraped.Addr().String() + "/metrics"}}
	for _, t := range w.set.Targets() {
		deployment := w.set.Deployment(targetKey{Namespace: t.Namespace, Name: t.Name})
		if deployment == nil || deployment.Spec.Template.Annotations[scrapeAnnotation] != "true" {
			continue
		}
		for _, p := range d.pods.Pods(t.Namespace, t.Name) {
			if p.PID != 0 && !p.Ending && p.Address != "" {
				targets = append(targets, scrapeTarget(deployment, &t, &p))
			}
		}
	}
	if err := d.metrics.SetTargets(targets); err != nil {
		d.log.Error("Some metrics cannot be scraped", "error", err.Error())
	}
}

// scrapeTarget is one pod. Its labels tell the versions apart: the workload is T for the canary and T-primary for the
// primary.
func scrapeTarget(d *appsv1.Deployment, t *processworkload.Target, p *processworkload.Pod) prom.Target {
	annotations := d.Spec.Template.Annotations
	address := p.Address
	for _, port := range t.Template.Ports {
		asked := annotations[scrapePortAnnotation]
		if asked == "" || asked != port.Name && asked != strconv.Itoa(port.Number) {
			continue
		}
		address = cmp.Or(p.Ports[port.Name], p.Address)
	}
	workload := t.Name
	if p.Side == rollout.PrimarySide {
		workload += "-" + string(rollout.PrimarySide)
	}
	path := cmp.Or(annotations[scrapePathAnnotation], "/metrics")
	return prom.Target{
		Job: t.Name,
		URL: "http://" + address + "/" + strings.TrimPrefix(path, "/"),
		Labels: map[string]string{
			"namespace": t.Namespace, "pod": p.Name, "workload": workload, "revision": p.Revision,
		},
	}
}
