package canaryspec

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// Spec turns a canary into what the core needs to know of it, or returns everything that is wrong with it. What
// the canary leaves open stays zero: rollout.Spec.Default fills it in. Traffic is the router's to say.
func Spec(c *v1beta1.Canary) (rollout.Spec, Problems) {
	r := report{}
	r.canary(c)
	if len(r.found) > 0 {
		return rollout.Spec{}, r.sorted()
	}
	s := rollout.Spec{
		Suspend:          c.Spec.Suspend,
		SkipAnalysis:     c.Spec.SkipAnalysis,
		RevertOnDeletion: c.Spec.RevertOnDeletion,
	}
	if n := c.Spec.ProgressDeadlineSeconds; n != nil {
		s.ProgressDeadline = time.Duration(*n) * time.Second
	}
	if a := c.Spec.Analysis; a != nil {
		fill(&s, a)
	}
	return s, nil
}

// sorted makes the order of problems independent of the order of maps.
func (r *report) sorted() Problems {
	slices.SortStableFunc(r.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
	return r.found
}

func fill(s *rollout.Spec, a *v1beta1.CanaryAnalysis) {
	s.Interval = parsed(a.Interval)
	s.Threshold = int(a.Threshold)
	s.Iterations = int(a.Iterations)
	s.StepWeight = percent(a.StepWeight)
	s.MaxWeight = percent(a.MaxWeight)
	for _, w := range a.StepWeights {
		s.StepWeights = append(s.StepWeights, percent(w))
	}
	s.StepWeightPromotion = percent(a.StepWeightPromotion)
	s.Mirror = a.Mirror
	s.MirrorWeight = percent(a.MirrorWeight)
	s.Match = len(a.Match) > 0
	s.Sticky = a.SessionAffinity != nil
	s.PrimaryReady = ready(a.PrimaryReadyThreshold)
	s.CanaryReady = ready(a.CanaryReadyThreshold)
	for i := range a.Metrics {
		s.Metrics = append(s.Metrics, metric(&a.Metrics[i]))
	}
	for _, h := range hooks(a.Webhooks) {
		s.Hooks = append(s.Hooks, h.Hook)
	}
}

func percent(n int32) rollout.Weight { return rollout.Weight(n) * rollout.Percent }

// ready turns 0 percent into the least that counts as ready: the core reads 0 as "not said".
func ready(n *int32) int {
	if n == nil {
		return 0
	}
	return max(1, int(*n))
}

// parsed returns a duration that was validated before.
func parsed(d v1beta1.Duration) time.Duration {
	parsed, err := time.ParseDuration(string(d))
	if err != nil {
		return 0
	}
	return parsed
}

// Metric is a metric of a canary and how it is asked for.
type Metric struct {
	analysis.Metric

	// Window is the text that {{ interval }} stands for.
	Window string
	// Query is inline PromQL, or empty.
	Query string
	// Template names the MetricTemplate, with its namespace filled in, or is nil.
	Template *v1beta1.NamespacedReference
	// Variables are what {{ variables.KEY }} stands for.
	Variables map[string]string
}

// Metrics returns the metrics of a valid canary, in the order of the spec.
func Metrics(c *v1beta1.Canary) []Metric {
	if c.Spec.Analysis == nil {
		return nil
	}
	metrics := make([]Metric, 0, len(c.Spec.Analysis.Metrics))
	for i := range c.Spec.Analysis.Metrics {
		m := &c.Spec.Analysis.Metrics[i]
		made := Metric{Metric: metric(m), Window: cmp.Or(string(m.Interval), "1m"), Query: string(m.Query), Variables: plain(m.TemplateVariables)}
		if m.TemplateRef != nil {
			ref := qualified(*m.TemplateRef, c.Namespace)
			made.Template = &ref
		}
		metrics = append(metrics, made)
	}
	return metrics
}

func metric(m *v1beta1.CanaryMetric) analysis.Metric {
	made := analysis.Metric{Name: m.Name, Source: analysis.Query}
	switch m.Name {
	case v1beta1.MetricSuccessRate:
		made.Source = analysis.SuccessRate
	case v1beta1.MetricDuration:
		made.Source = analysis.Duration
	}
	switch {
	case m.ThresholdRange != nil:
		made.Min, made.Max = m.ThresholdRange.Min, m.ThresholdRange.Max
	case m.Threshold != nil && made.Source == analysis.SuccessRate:
		made.Min = m.Threshold
	case m.Threshold != nil:
		made.Max = m.Threshold
	}
	return made
}

// Hook is a hook of a canary and how it is called.
type Hook struct {
	rollout.Hook

	// URL is called with POST, Metadata is sent along, and Secret (or "") names the Secret with the bearer token.
	URL      string
	Metadata map[string]string
	Secret   string
	// Timeout of one call. Retries says how often a call without a usable answer is repeated at once.
	Timeout time.Duration
	Retries int
	// MuteAlert keeps alerts about it from being sent; SkipVerify accepts any certificate.
	MuteAlert  bool
	SkipVerify bool
}

// Hooks returns the hooks of a valid canary, in the order and with the names of the Spec.
func Hooks(c *v1beta1.Canary) []Hook {
	if c.Spec.Analysis == nil {
		return nil
	}
	return hooks(c.Spec.Analysis.Webhooks)
}

func hooks(webhooks []v1beta1.CanaryWebhook) []Hook {
	taken := map[string]bool{}
	for i := range webhooks {
		taken[webhooks[i].Name] = true
	}
	used := map[string]bool{}
	made := make([]Hook, 0, len(webhooks))
	for i := range webhooks {
		w := &webhooks[i]
		kind := cmp.Or(w.Type, v1beta1.DuringRollout)
		h := Hook{
			Hook:      rollout.Hook{Type: rollout.HookType(kind), Deadline: parsed(w.Deadline)},
			URL:       w.URL,
			Metadata:  plain(w.Metadata),
			Timeout:   cmp.Or(parsed(w.Timeout), 10*time.Second),
			Retries:   int(w.Retries),
			MuteAlert: w.MuteAlert, SkipVerify: w.DisableTLS,
		}
		if w.SecretRef != nil {
			h.Secret = w.SecretRef.Name
		}
		h.Name = unique(cmp.Or(w.Name, string(kind)), used, taken)
		used[h.Name] = true
		made = append(made, h)
	}
	return made
}

// unique returns name, or name with the first free number where another hook has it. A number never takes the
// name that a later hook was given by its author.
func unique(name string, used, taken map[string]bool) string {
	if !used[name] {
		return name
	}
	for n := 2; ; n++ {
		if numbered := fmt.Sprintf("%s-%d", name, n); !used[numbered] && !taken[numbered] {
			return numbered
		}
	}
}

// Alert is an alert of a canary with its provider.
type Alert struct {
	Name     string
	Severity rollout.Severity
	Provider v1beta1.NamespacedReference
}

// Alerts returns the alerts of a valid canary.
func Alerts(c *v1beta1.Canary) []Alert {
	if c.Spec.Analysis == nil {
		return nil
	}
	alerts := make([]Alert, 0, len(c.Spec.Analysis.Alerts))
	for i := range c.Spec.Analysis.Alerts {
		a := &c.Spec.Analysis.Alerts[i]
		alerts = append(alerts, Alert{
			Name:     a.Name,
			Severity: rollout.Severity(cmp.Or(a.Severity, v1beta1.SeverityInfo)),
			Provider: qualified(a.ProviderRef, c.Namespace),
		})
	}
	return alerts
}

// ServiceName returns the name S of the canary's services.
func ServiceName(c *v1beta1.Canary) string {
	if c.Spec.Service != nil && c.Spec.Service.Name != "" {
		return c.Spec.Service.Name
	}
	return c.Spec.TargetRef.Name
}

func qualified(ref v1beta1.NamespacedReference, namespace string) v1beta1.NamespacedReference {
	ref.Namespace = cmp.Or(ref.Namespace, namespace)
	return ref
}

func plain[T ~string](m map[string]T) map[string]string {
	if len(m) == 0 {
		return nil
	}
	made := make(map[string]string, len(m))
	for k, v := range m {
		made[k] = string(v)
	}
	return made
}
