package canaryspec

import (
	"fmt"
	"math"
	"slices"

	"github.com/serin-dev/serin/api/v1beta1"
)

func (r *report) metrics(metrics []v1beta1.CanaryMetric) {
	r.length("spec.analysis.metrics", len(metrics), 64)
	seen := map[string]bool{}
	for i := range metrics {
		m, field := &metrics[i], fmt.Sprintf("spec.analysis.metrics[%d]", i)
		if r.required(field+".name", m.Name, "a name of its own for the metric") {
			r.text(field+".name", m.Name, nameLimit)
			if seen[m.Name] {
				r.addf(field+".name", "metric %s is there twice: give each a name of its own", quoted(m.Name))
			}
			seen[m.Name] = true
			r.source(field, m)
		}
		r.window(field+".interval", m.Interval)
		r.limits(field, m)
	}
}

func (r *report) source(field string, m *v1beta1.CanaryMetric) {
	given := 0
	for _, set := range []bool{m.TemplateRef != nil, m.Query != "", Builtin(m.Name)} {
		if set {
			given++
		}
	}
	if given != 1 {
		r.addf(field, "write exactly one of templateRef and query, or the name of a builtin metric: request-success-rate or request-duration")
	}
	if m.TemplateRef != nil {
		r.reference(field+".templateRef", m.TemplateRef, v1beta1.MetricTemplateKind)
	}
}

// Builtin says whether a metric of this name needs no query.
func Builtin(name string) bool {
	return name == v1beta1.MetricSuccessRate || name == v1beta1.MetricDuration
}

func (r *report) limits(field string, m *v1beta1.CanaryMetric) {
	t := m.ThresholdRange
	if t == nil {
		return
	}
	for name, limit := range map[string]*float64{".thresholdRange.min": t.Min, ".thresholdRange.max": t.Max} {
		if limit != nil && (math.IsNaN(*limit) || math.IsInf(*limit, 0)) {
			r.addf(field+name, "the limit is not finite: write a number, or remove the field for no limit")
			return
		}
	}
	if t.Min != nil && t.Max != nil && *t.Min > *t.Max {
		r.addf(field+".thresholdRange", "min is larger than max: no value can pass")
	}
}

func (r *report) reference(field string, ref *v1beta1.NamespacedReference, kind string) {
	if r.required(field+".name", ref.Name, "the name of the "+kind) {
		r.subdomain(field+".name", ref.Name)
	}
	r.label(field+".namespace", ref.Namespace, labelLimit)
	if ref.Kind != "" && ref.Kind != kind {
		r.addf(field+".kind", "%s cannot be used here: write %s, or remove the field", quoted(ref.Kind), kind)
	}
	if ref.APIVersion != "" && ref.APIVersion != v1beta1.APIVersion {
		r.addf(field+".apiVersion", "%s is not known: write %s, or remove the field", quoted(ref.APIVersion), v1beta1.APIVersion)
	}
}

func (r *report) webhooks(hooks []v1beta1.CanaryWebhook) {
	r.length("spec.analysis.webhooks", len(hooks), 64)
	for i := range hooks {
		h, field := &hooks[i], fmt.Sprintf("spec.analysis.webhooks[%d]", i)
		oneOf(r, field+".type", h.Type, v1beta1.WebhookTypes())
		r.text(field+".name", h.Name, nameLimit)
		if r.required(field+".url", h.URL, "the address that is called, such as http://loadtester/") && !absolute(h.URL) {
			r.addf(field+".url", "the url is not absolute: write http://HOST/PATH or https://HOST/PATH")
		}
		r.duration(field+".timeout", h.Timeout)
		r.duration(field+".deadline", h.Deadline)
		if h.Deadline != "" && !gate(h.Type) {
			r.addf(field+".deadline", "deadline is for gates: remove it, or make the type confirm-rollout, confirm-traffic-increase or confirm-promotion")
		}
		r.number(field+".retries", h.Retries, 0, 100)
		r.length(field+".metadata", len(h.Metadata), 64)
		r.secret(field+".secretRef", h.SecretRef)
	}
}

// gate says whether a hook of this type can hold a run.
func gate(t v1beta1.WebhookType) bool {
	return slices.Contains([]v1beta1.WebhookType{
		v1beta1.ConfirmRollout, v1beta1.ConfirmTrafficIncrease, v1beta1.ConfirmPromotion,
	}, t)
}

func (r *report) secret(field string, ref *v1beta1.SecretReference) {
	if ref != nil {
		r.required(field+".name", ref.Name, "the name of the Secret")
	}
}

func (r *report) alerts(alerts []v1beta1.CanaryAlert) {
	r.length("spec.analysis.alerts", len(alerts), 32)
	seen := map[string]bool{}
	for i := range alerts {
		a, field := &alerts[i], fmt.Sprintf("spec.analysis.alerts[%d]", i)
		if r.required(field+".name", a.Name, "a name of its own for the alert") {
			if seen[a.Name] {
				r.addf(field+".name", "alert %s is there twice: give each a name of its own", quoted(a.Name))
			}
			seen[a.Name] = true
		}
		oneOf(r, field+".severity", a.Severity,
			[]v1beta1.AlertSeverity{v1beta1.SeverityInfo, v1beta1.SeverityWarn, v1beta1.SeverityError})
		r.reference(field+".providerRef", &a.ProviderRef, v1beta1.AlertProviderKind)
	}
}
