package manifest

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/rollout"
)

// target checks that a canary releases what can be run here.
func (c *checker) target(root *node, v *v1beta1.Canary) {
	ref := &v.Spec.TargetRef
	if ref.Kind != "" && ref.Kind != deploymentKind {
		c.addf(root.lineOf("spec.targetRef.kind"), "spec.targetRef.kind", "%s cannot be released on one machine: write %s", quoted(ref.Kind), deploymentKind)
	} else if ref.APIVersion != "" && ref.APIVersion != versionOf(deploymentKind) {
		c.addf(root.lineOf("spec.targetRef.apiVersion"), "spec.targetRef.apiVersion", "%s is not known for the kind %s: write %s", quoted(ref.APIVersion), deploymentKind, versionOf(deploymentKind))
	}
}

// refer checks what a canary refers to.
func (r *reader) refer(t *thing, c *v1beta1.Canary) {
	if c.Spec.Analysis == nil {
		return
	}
	for i := range c.Spec.Analysis.Metrics {
		if ref := c.Spec.Analysis.Metrics[i].TemplateRef; ref != nil {
			r.need(t, identity{kind: v1beta1.MetricTemplateKind, Key: keyIn(ref, c.Namespace)}, fmt.Sprintf("spec.analysis.metrics[%d].templateRef.name", i))
		}
	}
	for i := range c.Spec.Analysis.Alerts {
		ref := &c.Spec.Analysis.Alerts[i].ProviderRef
		r.need(t, identity{kind: v1beta1.AlertProviderKind, Key: keyIn(ref, c.Namespace)}, fmt.Sprintf("spec.analysis.alerts[%d].providerRef.name", i))
	}
	for i := range c.Spec.Analysis.Webhooks {
		r.needKey(t, c.Spec.Analysis.Webhooks[i].SecretRef, fmt.Sprintf("spec.analysis.webhooks[%d].secretRef.name", i), "token")
	}
}

func keyIn(ref *v1beta1.NamespacedReference, namespace string) Key {
	if ref.Namespace != "" {
		namespace = ref.Namespace
	}
	return Key{namespace, ref.Name}
}

// missing says that an object is in none of the files.
func (r *reader) missing(id identity) bool { return r.whole && !r.seen[id] }

// need reports a reference to an object that is not there.
func (r *reader) need(t *thing, id identity, field string) bool {
	if !r.missing(id) {
		return r.objects[id] != nil
	}
	r.wrong(t, mistake{line: t.root.lineOf(field), field: field, message: fmt.Sprintf(
		"there is no %s %s in namespace %s: add it%s", id.kind, quoted(id.Name), id.Namespace, r.similar(id))})
	return false
}

// needKey reports a reference to a Secret that is not there, or that lacks a key.
func (r *reader) needKey(t *thing, ref *v1beta1.SecretReference, field, key string) {
	if ref == nil {
		return
	}
	id := identity{kind: secretKind, Key: Key{t.Namespace, ref.Name}}
	if !r.need(t, id, field) || key == "" {
		return
	}
	if _, there := r.objects[id].data[key]; !there {
		r.wrong(t, mistake{line: t.root.lineOf(field), field: field, message: fmt.Sprintf("Secret %s has no key %s: add it", quoted(ref.Name), key)})
	}
}

// Capabilities are what a canary's traffic can be asked for on one machine: everything that Serin's own data planes can
// do, unless the canary names the provider kubernetes, which knows no weights anywhere.
func Capabilities(c *v1beta1.Canary) rollout.Capabilities {
	if c.Spec.Provider == v1beta1.ProviderKubernetes {
		return rollout.Capabilities{}
	}
	return rollout.Capabilities{Weights: true, Mirror: true, Match: true, Sticky: true}
}

// plan compiles a valid canary for Serin's own data planes.
func plan(c *v1beta1.Canary) (rollout.Spec, rollout.Plan, []string, error) {
	spec, problems := canaryspec.Spec(c)
	if len(problems) > 0 {
		return spec, rollout.Plan{}, nil, problems
	}
	spec.Traffic = Capabilities(c)
	p, warnings, err := rollout.Compile(spec)
	if spec.Traffic.Weights {
		// What Compile warns of with every capability, canaryspec.Lint has said with its field.
		warnings = nil
	}
	return spec, p, warnings, err
}

// lint warns about what the author of a canary probably did not mean.
func (r *reader) lint(t *thing, c *v1beta1.Canary) {
	for _, p := range canaryspec.Lint(c) {
		r.warn(t, mistake{line: t.root.lineOf(p.Field), field: p.Field, message: p.Message})
	}
	_, _, warnings, err := plan(c)
	if err != nil {
		r.wrong(t, mistake{line: t.root.lineOf("spec.analysis"), field: "spec.analysis", message: err.Error()})
	}
	for _, w := range warnings {
		r.warn(t, mistake{line: t.root.lineOf("spec.provider"), field: "spec.provider", message: w})
	}
	for _, field := range clusterFields() {
		if t.root.has(field) {
			r.warn(t, mistake{line: t.root.lineOf(field), field: field, message: "the field has no effect on one machine: it is ignored"})
		}
	}
	if p := c.Spec.Provider; p != "" && p != v1beta1.ProviderEnvoy && p != v1beta1.ProviderKubernetes {
		r.warn(t, mistake{line: t.root.lineOf("spec.provider"), field: "spec.provider", message: fmt.Sprintf("Serin routes the requests itself on one machine: %s is ignored", quoted(string(p)))})
	}
	if a := c.Spec.Analysis; a != nil {
		for i := range a.Match {
			if len(a.Match[i].SourceLabels) > 0 {
				field := fmt.Sprintf("spec.analysis.match[%d].sourceLabels", i)
				r.warn(t, mistake{line: t.root.lineOf(field), field: field, message: "clients have no labels on one machine: the field is ignored"})
			}
		}
	}
	r.lintTarget(t, c)
}

// clusterFields are the fields of a Canary that only a cluster can serve.
func clusterFields() []string {
	return []string{
		"spec.autoscalerRef", "spec.ingressRef", "spec.routeRef", "spec.upstreamRef",
		"spec.service.trafficDistribution", "spec.service.portDiscovery", "spec.service.headless",
		"spec.service.gateways", "spec.service.gatewayRefs", "spec.service.delegation", "spec.service.trafficPolicy",
		"spec.service.meshName", "spec.service.backends", "spec.service.match", "spec.service.mirror", "spec.service.backendTimeout",
		"spec.service.apex", "spec.service.primary", "spec.service.canary", "spec.service.unmanagedMetadata",
	}
}

// has says whether a path leads to a value.
func (n *node) has(path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		if n = n.get(name); n == nil {
			return false
		}
	}
	return true
}

func (r *reader) lintTarget(t *thing, c *v1beta1.Canary) {
	id := identity{kind: deploymentKind, Key: Key{t.Namespace, c.Spec.TargetRef.Name}}
	if r.missing(id) {
		r.warn(t, mistake{line: t.root.lineOf("spec.targetRef.name"), field: "spec.targetRef.name", message: fmt.Sprintf(
			"there is no %s %s in namespace %s: the canary waits for it%s", id.kind, quoted(id.Name), id.Namespace, r.similar(id))})
		return
	}
	target := r.objects[id]
	s := c.Spec.Service
	if target == nil || s == nil || s.TargetPort == nil {
		return
	}
	d, ok := target.value.(*appsv1.Deployment)
	if !ok {
		return
	}
	if !hasPort(d.Spec.Template.Spec.Containers[0].Ports, *s.TargetPort) {
		r.warn(t, mistake{line: t.root.lineOf("spec.service.targetPort"), field: "spec.service.targetPort", message: fmt.Sprintf(
			"%s %s has no port %s: write the name or the number of one that it has", id.kind, quoted(id.Name), portText(*s.TargetPort))})
	}
}

func portText(ref intstr.IntOrString) string {
	if ref.Type == intstr.String {
		return quoted(ref.StrVal)
	}
	return ref.String()
}

// contend warns about canaries that want the same target or the same service. The daemon knows which of them is older.
func (r *reader) contend(canaries []*thing) {
	targets, services := map[Key]*thing{}, map[Key]*thing{}
	for _, t := range canaries {
		c, ok := t.value.(*v1beta1.Canary)
		if !ok {
			continue
		}
		target := Key{t.Namespace, c.Spec.TargetRef.Name}
		service := Key{t.Namespace, canaryspec.ServiceName(c)}
		if first := targets[target]; first != nil {
			r.warn(t, mistake{line: t.root.lineOf("spec.targetRef.name"), field: "spec.targetRef.name", message: fmt.Sprintf(
				"Canary %s in %s:%d has this target, too: only the older one acts, the other waits", quoted(first.Name), first.file, first.root.line)})
			continue
		}
		targets[target] = t
		if first := services[service]; first != nil {
			r.warn(t, mistake{line: t.root.lineOf("spec.service"), field: "spec.service", message: fmt.Sprintf(
				"Canary %s in %s:%d serves %s, too: give this one a service.name of its own", quoted(first.Name), first.file, first.root.line, quoted(service.Name))})
			continue
		}
		services[service] = t
	}
}

// similar names an object of the same kind that was probably meant, as the end of a sentence.
func (r *reader) similar(id identity) string {
	var names []string
	for other := range r.seen {
		if other.kind == id.kind && other.Namespace == id.Namespace {
			names = append(names, other.Name)
		}
	}
	slices.Sort(names)
	if near := nearest(id.Name, names); near != "" {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}
