package manifest

import (
	"cmp"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

// Difference is what applying a Set would change.
type Difference struct {
	Added   []Change `json:"added,omitempty"`
	Changed []Change `json:"changed,omitempty"`
	Removed []Change `json:"removed,omitempty"`
	// Canaries are the canaries that would do something, Targets the Deployments without a canary that would.
	Canaries []Effect `json:"canaries,omitempty"`
	Targets  []Effect `json:"targets,omitempty"`
}

// Change is one object that is new, different or gone.
type Change struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// File is where the object stands, or stood.
	File string `json:"file,omitempty"`
}

// Action is the most important thing that happens to a canary or a target.
type Action string

// The actions. Those of a target without a canary are Start, Replace, Scale and End.
const (
	// Initialize makes the primary of what the target is now.
	Initialize Action = "initialize"
	// Run tries the new revision by the plan.
	Run Action = "run"
	// Hold means that there is a new revision and that the canary is suspended.
	Hold Action = "hold"
	// Replan changes the plan that runs follow, the current one too.
	Replan Action = "replan"
	// Adjust changes something else: limits, hooks, routes, alerts.
	Adjust Action = "adjust"
	// Lose means that the target is gone: the primary serves on, and there is nothing to release.
	Lose Action = "lose"
	// Release ends the canary.
	Release Action = "release"

	// Start, Replace, Scale and End are what happens to the pods themselves.
	Start   Action = "start"
	Replace Action = "replace"
	Scale   Action = "scale"
	End     Action = "end"
)

// Effect is what would happen to one canary, or to one Deployment without a canary.
type Effect struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Action    Action `json:"action"`
	// Message says it in a sentence, Reasons are the changes that lead to it.
	Message string   `json:"message"`
	Reasons []string `json:"reasons,omitempty"`
	// Revision is the one that the target would have.
	Revision string `json:"revision,omitempty"`
	// Strategy, Interval, Plan and Shortest describe a run of the canary as the Set has it. Shortest is how long it
	// takes when every check passes and pods need no time.
	Strategy rollout.Strategy   `json:"strategy,omitempty"`
	Interval string             `json:"interval,omitempty"`
	Plan     []rollout.PlanStep `json:"plan,omitempty"`
	Shortest string             `json:"shortest,omitempty"`
}

// Empty says that applying the Set would change nothing.
func (d *Difference) Empty() bool {
	return len(d.Added)+len(d.Changed)+len(d.Removed)+len(d.Canaries)+len(d.Targets) == 0
}

// Diff compares the objects that a daemon works with, as its API shows them, with a Set.
func Diff(old []httpapi.Object, s *Set) Difference {
	c := comparison{set: s, old: byIdentity(old), now: byIdentity(s.objects)}
	for id, o := range c.old {
		if n, there := c.now[id]; !there {
			c.out.Removed = append(c.out.Removed, change(o))
		} else if was, is := content(o), content(n); was != is {
			c.out.Changed = append(c.out.Changed, change(n))
		}
	}
	for id, n := range c.now {
		if _, there := c.old[id]; !there {
			c.out.Added = append(c.out.Added, change(n))
		}
	}
	for _, list := range [][]Change{c.out.Added, c.out.Changed, c.out.Removed} {
		slices.SortFunc(list, func(a, b Change) int { return compareIdentities(a.identity(), b.identity()) })
	}
	c.canaries()
	c.targets()
	return c.out
}

type comparison struct {
	set      *Set
	old, now map[identity]httpapi.Object
	out      Difference
}

func byIdentity(objects []httpapi.Object) map[identity]httpapi.Object {
	m := make(map[identity]httpapi.Object, len(objects))
	for _, o := range objects {
		m[identity{kind: o.Kind, Key: Key{o.Namespace, o.Name}}] = o
	}
	return m
}

func change(o httpapi.Object) Change {
	return Change{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, File: o.File}
}

func (c Change) identity() identity { return identity{kind: c.Kind, Key: Key{c.Namespace, c.Name}} }

func content(o httpapi.Object) string {
	own, _ := parts(o.Digest)
	return own
}

func leads(o httpapi.Object) string {
	_, to := parts(o.Digest)
	return to
}

// changed says in what way an object differs: "added", "changed", "removed", or "" where it does not.
func (c *comparison) changed(id identity) string {
	was, before := c.old[id]
	is, after := c.now[id]
	switch {
	case before && !after:
		return "removed"
	case !before && after:
		return "added"
	case before && after && content(was) != content(is):
		return "changed"
	default:
		return ""
	}
}

// reasons are the sentences about those of the objects that differ.
func (c *comparison) reasons(ids ...identity) []string {
	var said []string
	for _, id := range ids {
		if how := c.changed(id); how != "" {
			said = append(said, fmt.Sprintf("%s %s is %s", id.kind, id.Key, how))
		}
	}
	return said
}

func (c *comparison) canaries() {
	for _, canary := range c.set.canaries {
		if e := c.effect(canary); e.Action != "" {
			c.out.Canaries = append(c.out.Canaries, e)
		}
	}
	for id := range c.old {
		if _, there := c.now[id]; id.kind == v1beta1.CanaryKind && !there {
			c.out.Canaries = append(c.out.Canaries, Effect{
				Namespace: id.Namespace, Name: id.Name, Action: Release,
				Message: "the canary is released: its target is served without it, and no run goes on",
				Reasons: c.reasons(id),
			})
		}
	}
	slices.SortFunc(c.out.Canaries, func(a, b Effect) int {
		return compareKeys(Key{a.Namespace, a.Name}, Key{b.Namespace, b.Name})
	})
}

// effect says what happens to a canary of the Set.
func (c *comparison) effect(canary *v1beta1.Canary) Effect {
	self := identity{kind: v1beta1.CanaryKind, Key: Key{canary.Namespace, canary.Name}}
	target := identity{kind: deploymentKind, Key: Key{canary.Namespace, canary.Spec.TargetRef.Name}}
	e := Effect{Namespace: self.Namespace, Name: self.Name, Revision: leads(c.now[target])}
	e.Action, e.Message = c.action(canary, self, target)
	e.Reasons = c.reasons(append([]identity{self, target}, c.involved(canary, target.Key)...)...)
	if e.Action == "" && len(e.Reasons) > 0 {
		e.Action, e.Message = Adjust, "it goes on with what has changed; no run begins"
	}
	if e.Action == "" || e.Action == Lose {
		return e
	}
	if spec, p, _, err := plan(canary); err == nil {
		e.Strategy, e.Interval, e.Plan = p.Strategy, spec.Default().Interval.String(), p.Steps
		e.Shortest = p.Shortest(spec).String()
	}
	return e
}

// action finds the most important thing that happens to a canary.
func (c *comparison) action(canary *v1beta1.Canary, self, target identity) (Action, string) {
	was, before := c.old[target]
	is, after := c.now[target]
	_, known := c.old[self]
	switch {
	case !known && !after:
		return Initialize, "the canary waits until its target is there"
	case !known, !before && after:
		return Initialize, "the primary is made of the target as it is, without analysis"
	case before && !after:
		return Lose, "the target is gone: the primary serves on, and nothing can be released"
	case leads(was) != leads(is):
		return released(canary)
	case leads(c.old[self]) != leads(c.now[self]):
		return Replan, "the plan is another one, for a run that goes on too"
	default:
		return "", ""
	}
}

// released says what a canary does with a new revision.
func released(canary *v1beta1.Canary) (Action, string) {
	switch {
	case canary.Spec.Suspend:
		return Hold, "there is a new revision; the canary is suspended, so no run begins"
	case canary.Spec.SkipAnalysis:
		return Run, "a run begins: the new revision is promoted as soon as its pods are ready"
	default:
		return Run, "a run begins with the new revision, unless it is the one that was promoted last"
	}
}

// involved lists what a canary depends on besides its target: the configs of the target, its templates, alert
// providers and Secrets.
func (c *comparison) involved(canary *v1beta1.Canary, target Key) []identity {
	var ids []identity
	if d := c.set.Deployment(target); d != nil {
		ids = append(ids, references(target.Namespace, &d.Spec.Template.Spec)...)
	}
	if a := canary.Spec.Analysis; a != nil {
		for i := range a.Metrics {
			if ref := a.Metrics[i].TemplateRef; ref != nil {
				ids = append(ids, c.set.withSecret(identity{kind: v1beta1.MetricTemplateKind, Key: keyIn(ref, canary.Namespace)})...)
			}
		}
		for i := range a.Alerts {
			ids = append(ids, c.set.withSecret(identity{kind: v1beta1.AlertProviderKind, Key: keyIn(&a.Alerts[i].ProviderRef, canary.Namespace)})...)
		}
		for i := range a.Webhooks {
			if ref := a.Webhooks[i].SecretRef; ref != nil {
				ids = append(ids, identity{kind: secretKind, Key: Key{canary.Namespace, ref.Name}})
			}
		}
	}
	slices.SortFunc(ids, compareIdentities)
	return slices.Compact(ids)
}

// withSecret returns a template or a provider together with the Secret that it refers to.
func (s *Set) withSecret(id identity) []identity {
	var ref *v1beta1.SecretReference
	if t := s.MetricTemplate(id.Key); t != nil && id.kind == v1beta1.MetricTemplateKind {
		ref = t.Spec.Provider.SecretRef
	}
	if p := s.AlertProvider(id.Key); p != nil && id.kind == v1beta1.AlertProviderKind {
		ref = p.Spec.SecretRef
	}
	if ref == nil {
		return []identity{id}
	}
	return []identity{id, {kind: secretKind, Key: Key{id.Namespace, ref.Name}}}
}

// targets finds what happens to Deployments that no canary looks after.
func (c *comparison) targets() {
	for i := range c.set.targets {
		t := &c.set.targets[i]
		if !t.Plain {
			continue
		}
		if e := c.plain(t, c.set.Deployment(Key{t.Namespace, t.Name})); e.Action != "" {
			c.out.Targets = append(c.out.Targets, e)
		}
	}
	for id := range c.old {
		// Those with a canary are told of there.
		if _, there := c.now[id]; id.kind == deploymentKind && !there && !c.set.watches(id.Key) {
			c.out.Targets = append(c.out.Targets, Effect{
				Namespace: id.Namespace, Name: id.Name, Action: End,
				Message: "its pods end, once what they answer is answered", Reasons: c.reasons(id),
			})
		}
	}
	slices.SortFunc(c.out.Targets, func(a, b Effect) int {
		return cmp.Or(compareKeys(Key{a.Namespace, a.Name}, Key{b.Namespace, b.Name}), cmp.Compare(a.Action, b.Action))
	})
}

// watches says whether a canary refers to a Deployment.
func (s *Set) watches(target Key) bool {
	return slices.ContainsFunc(s.canaries, func(c *v1beta1.Canary) bool {
		return c.Namespace == target.Namespace && c.Spec.TargetRef.Name == target.Name
	})
}

func (c *comparison) plain(t *processworkload.Target, d *appsv1.Deployment) Effect {
	id := identity{kind: deploymentKind, Key: Key{t.Namespace, t.Name}}
	was, before := c.old[id]
	e := Effect{Namespace: t.Namespace, Name: t.Name, Revision: t.Revision}
	switch {
	case !before:
		e.Action, e.Message = Start, fmt.Sprintf("%d of its pods are started; no canary looks after it", t.Replicas)
	case leads(was) != t.Revision:
		e.Action, e.Message = Replace, "its pods are replaced one after the other; no canary looks after it"
	case content(was) != content(c.now[id]):
		e.Action, e.Message = Scale, fmt.Sprintf("it has %d pods from now on, with the same revision", t.Replicas)
	default:
		return e
	}
	e.Reasons = c.reasons(append([]identity{id}, references(t.Namespace, &d.Spec.Template.Spec)...)...)
	return e
}
