package manifest

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/spelling"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

// Set is what a directory holds. It is immutable: what its methods return must not be changed.
type Set struct {
	dir      string
	things   map[identity]*thing
	canaries []*v1beta1.Canary
	targets  []processworkload.Target
	objects  []httpapi.Object
	warnings []Problem
}

// Dir returns the directory as an absolute path.
func (s *Set) Dir() string { return s.dir }

// Warnings returns what was ignored and what was probably not meant, ordered by file and line. None of it keeps
// anything from running.
func (s *Set) Warnings() []Problem { return slices.Clone(s.warnings) }

// WarningsOf returns the warnings about one object.
func (s *Set) WarningsOf(kind string, key Key) []Problem {
	var found []Problem
	for _, w := range s.warnings {
		if w.Kind == kind && w.Namespace == key.Namespace && w.Name == key.Name {
			found = append(found, w)
		}
	}
	return found
}

// Canaries returns every canary, ordered by namespace and name. The namespace is filled in.
func (s *Set) Canaries() []*v1beta1.Canary { return slices.Clone(s.canaries) }

// Canary returns a canary, or nil.
func (s *Set) Canary(key Key) *v1beta1.Canary {
	return valueOf[v1beta1.Canary](s, identity{kind: v1beta1.CanaryKind, Key: key})
}

// MetricTemplate returns a template, or nil.
func (s *Set) MetricTemplate(key Key) *v1beta1.MetricTemplate {
	return valueOf[v1beta1.MetricTemplate](s, identity{kind: v1beta1.MetricTemplateKind, Key: key})
}

// AlertProvider returns an alert provider, or nil.
func (s *Set) AlertProvider(key Key) *v1beta1.AlertProvider {
	return valueOf[v1beta1.AlertProvider](s, identity{kind: v1beta1.AlertProviderKind, Key: key})
}

// Deployment returns a Deployment, or nil.
func (s *Set) Deployment(key Key) *appsv1.Deployment {
	return valueOf[appsv1.Deployment](s, identity{kind: deploymentKind, Key: key})
}

func valueOf[T any](s *Set, id identity) *T {
	t := s.things[id]
	if t == nil {
		return nil
	}
	v, _ := t.value.(*T)
	return v
}

// Secret returns the content of a Secret, decoded, or nil where there is no such Secret.
func (s *Set) Secret(key Key) map[string][]byte { return s.data(secretKind, key) }

// ConfigMap returns the content of a ConfigMap, or nil where there is no such ConfigMap.
func (s *Set) ConfigMap(key Key) map[string][]byte { return s.data(configMapKind, key) }

func (s *Set) data(kind string, key Key) map[string][]byte {
	if t := s.things[identity{kind: kind, Key: key}]; t != nil {
		return t.data
	}
	return nil
}

// Targets returns every Deployment as what is to be run, ordered by namespace and name. It is Plain where no canary
// refers to it.
func (s *Set) Targets() []processworkload.Target { return slices.Clone(s.targets) }

// Target returns one of the targets.
func (s *Set) Target(key Key) (processworkload.Target, bool) {
	i, found := slices.BinarySearchFunc(s.targets, key, func(t processworkload.Target, key Key) int {
		return compareKeys(Key{t.Namespace, t.Name}, key)
	})
	if !found {
		return processworkload.Target{}, false
	}
	return s.targets[i], true
}

// Objects returns every object that is worked with, ordered by kind, namespace and name. The digest is equal for equal
// content, however it is written; Diff understands more of it.
func (s *Set) Objects() []httpapi.Object { return slices.Clone(s.objects) }

// resolve looks at what objects say about each other, and makes the Set.
func (r *reader) resolve() *Set {
	s := &Set{dir: r.dir, things: r.objects}
	var canaries []*thing
	taken := map[Key]bool{}
	for _, t := range r.ordered() {
		switch v := t.value.(type) {
		case *v1beta1.Canary:
			r.refer(t, v)
			r.lint(t, v)
			canaries = append(canaries, t)
			s.canaries = append(s.canaries, v)
			taken[Key{v.Namespace, v.Spec.TargetRef.Name}] = true
		case *v1beta1.MetricTemplate:
			r.needKey(t, v.Spec.Provider.SecretRef, "spec.provider.secretRef.name", "")
		case *v1beta1.AlertProvider:
			r.needKey(t, v.Spec.SecretRef, "spec.secretRef.name", "address")
		case *appsv1.Deployment:
			s.targets = append(s.targets, r.deploy(t, v))
		}
	}
	r.contend(canaries)
	for i := range s.targets {
		s.targets[i].Plain = !taken[Key{s.targets[i].Namespace, s.targets[i].Name}]
	}
	for _, t := range r.ordered() {
		s.objects = append(s.objects, s.describe(t))
	}
	return s
}

// ordered returns the objects by kind, namespace and name, so that everything said about them has one order.
func (r *reader) ordered() []*thing {
	ids := slices.SortedFunc(maps.Keys(r.objects), compareIdentities)
	things := make([]*thing, len(ids))
	for i, id := range ids {
		things[i] = r.objects[id]
	}
	return things
}

// deploy makes a target of a checked Deployment.
func (r *reader) deploy(t *thing, d *appsv1.Deployment) processworkload.Target {
	pod := &d.Spec.Template
	k := &pod.Spec.Containers[0]
	made := processworkload.Target{
		Namespace: t.Namespace, Name: t.Name, Replicas: 1,
		Revision: r.revision(t, pod),
		Template: processworkload.Template{
			Command: k.Command, Args: k.Args,
			Env:       r.variables(t, pod),
			Dir:       r.workingDir(k.WorkingDir),
			Readiness: readiness(k.ReadinessProbe),
			Recreate:  d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType,
		},
	}
	if d.Spec.Replicas != nil {
		made.Replicas = int(*d.Spec.Replicas)
	}
	if g := pod.Spec.TerminationGracePeriodSeconds; g != nil {
		// 0 asks for no time at all, which to a Template means the default.
		made.Template.Grace = max(time.Duration(*g)*time.Second, time.Millisecond)
	}
	for _, p := range k.Ports {
		made.Template.Ports = append(made.Template.Ports, processworkload.Port{Name: p.Name, Number: int(p.ContainerPort)})
	}
	return made
}

// workingDir is the directory given to Load unless the manifest says another one: programs such as ./app stand next to
// the manifests. A relative one is below it.
func (r *reader) workingDir(wanted string) string {
	if filepath.IsAbs(wanted) {
		return filepath.Clean(wanted)
	}
	return filepath.Join(r.dir, wanted)
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func compareIdentities(a, b identity) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), compareKeys(a.Key, b.Key))
}

func nearest(word string, candidates []string) string { return spelling.Nearest(word, candidates) }
