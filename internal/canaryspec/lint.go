package canaryspec

import (
	"fmt"
	"slices"
	"time"

	"github.com/serin-dev/serin/api/v1beta1"
)

// Lint returns what the author of a valid canary probably did not mean. What depends on the abilities of the
// provider is rollout.Compile's to say.
func Lint(c *v1beta1.Canary) Problems {
	r := report{}
	if s := c.Spec.Service; s != nil && s.CorsPolicy != nil && len(s.CorsPolicy.AllowOrigin) > 0 {
		r.addf("spec.service.corsPolicy.allowOrigin", "the field is deprecated: write allowOrigins")
	}
	a := c.Spec.Analysis
	if a == nil {
		return r.found
	}
	r.lintSteps(a)
	r.lintChecks(a)
	r.lintAffinity(a)
	for i := range a.Metrics {
		r.lintMetric(fmt.Sprintf("spec.analysis.metrics[%d]", i), &a.Metrics[i])
	}
	for i := range a.Webhooks {
		r.lintHook(fmt.Sprintf("spec.analysis.webhooks[%d]", i), &a.Webhooks[i])
	}
	if d := parsed(a.Interval); d > 0 && d < 10*time.Second && c.Spec.MetricsServer != "" {
		r.addf("spec.analysis.interval", "%s is shorter than the 15s at which a Prometheus usually scrapes: checks may find no data", a.Interval)
	}
	return r.sorted()
}

func (r *report) lintSteps(a *v1beta1.CanaryAnalysis) {
	if a.StepWeight > 0 && a.MaxWeight > 0 && a.MaxWeight%a.StepWeight != 0 {
		r.addf("spec.analysis.maxWeight", "%d is no multiple of stepWeight %d: the last step is capped at %d", a.MaxWeight, a.StepWeight, a.MaxWeight)
	}
	if a.MaxWeight > 0 && a.StepWeight == 0 {
		r.addf("spec.analysis.maxWeight", "maxWeight has no effect without stepWeight: remove it")
	}
	if a.MirrorWeight > 0 && !a.Mirror {
		r.addf("spec.analysis.mirrorWeight", "mirrorWeight has no effect without mirror: add mirror: true or remove it")
	}
	if len(a.Match) > 0 && a.Iterations == 0 {
		r.addf("spec.analysis.match", "match has no effect without iterations: write iterations for an A/B test, or remove match")
	}
	if a.Iterations > 0 && a.StepWeightPromotion > 0 {
		r.addf("spec.analysis.stepWeightPromotion", "no step raised the weight: after iterations the traffic returns at once")
	}
}

func (r *report) lintChecks(a *v1beta1.CanaryAnalysis) {
	calls := func(types ...v1beta1.WebhookType) bool {
		return slices.ContainsFunc(a.Webhooks, func(h v1beta1.CanaryWebhook) bool {
			return slices.Contains(types, h.Type)
		})
	}
	during := calls(v1beta1.DuringRollout, "")
	if len(a.Metrics) == 0 && !during {
		r.addf("spec.analysis", "there is neither a metric nor a rollout hook: readiness alone decides")
	}
	if a.Iterations > 0 && len(a.Match) == 0 && !a.Mirror && !during && !calls(v1beta1.PreRollout) {
		r.addf("spec.analysis.iterations", "nothing sends requests to the canary of a blue/green release: add mirror: true, or a hook that generates load")
	}
	if n := len(a.Metrics); a.Threshold <= 1 && n > 2 {
		r.addf("spec.analysis.threshold", "one bad value of any of %d metrics rolls back: raise threshold to forgive an outlier", n)
	}
}

func (r *report) lintAffinity(a *v1beta1.CanaryAnalysis) {
	const field = "spec.analysis.sessionAffinity"
	s := a.SessionAffinity
	switch {
	case s == nil:
		return
	case len(a.Match) > 0:
		r.addf(field, "sessionAffinity is ignored together with match: the conditions decide")
	case a.Iterations > 0:
		r.addf(field, "sessionAffinity has no effect on a blue/green release: the canary gets no share of the traffic")
	}
	if s.SameSite == v1beta1.SameSiteNone && !s.Secure {
		r.addf(field+".sameSite", "browsers drop a cookie with sameSite: None unless it is secure: add secure: true")
	}
	if s.Partitioned && !s.Secure {
		r.addf(field+".partitioned", "browsers drop a partitioned cookie unless it is secure: add secure: true")
	}
}

func (r *report) lintMetric(field string, m *v1beta1.CanaryMetric) {
	r.lintLimits(field, m)
	if m.Query != "" {
		r.addf(field+".query", "the field is deprecated: write templateRef and a MetricTemplate")
	}
	if len(m.TemplateVariables) > 0 && m.TemplateRef == nil {
		r.addf(field+".templateVariables", "templateVariables has no effect without templateRef: remove it")
	}
	if t := m.ThresholdRange; t != nil {
		r.lintUnits(field+".thresholdRange", m.Name, t)
	}
}

func (r *report) lintLimits(field string, m *v1beta1.CanaryMetric) {
	t := m.ThresholdRange
	switch {
	case t == nil && m.Threshold == nil, t != nil && t.Min == nil && t.Max == nil:
		r.addf(field, "metric %s has no limit, so any value passes: write thresholdRange with min or max", quoted(m.Name))
	case t != nil && m.Threshold != nil:
		r.addf(field+".threshold", "threshold has no effect beside thresholdRange: remove it")
	case m.Threshold != nil:
		r.addf(field+".threshold", "the field is deprecated: write thresholdRange")
	}
}

// lintUnits finds limits that were probably meant in another unit.
func (r *report) lintUnits(field, metric string, t *v1beta1.ThresholdRange) {
	small := func(limit *float64) bool { return limit != nil && *limit > 0 && *limit <= 1 }
	switch {
	case metric == v1beta1.MetricSuccessRate && small(t.Min):
		r.addf(field+".min", "request-success-rate is in percent: %g means nearly every request may fail", *t.Min)
	case metric == v1beta1.MetricDuration && small(t.Max):
		r.addf(field+".max", "request-duration is in milliseconds: %g is hardly ever met", *t.Max)
	}
}

func (r *report) lintHook(field string, h *v1beta1.CanaryWebhook) {
	if h.Type == "" && h.Name != string(v1beta1.DuringRollout) && slices.Contains(v1beta1.WebhookTypes(), v1beta1.WebhookType(h.Name)) {
		r.addf(field, "the hook is named %s but is of type rollout: add type: %s if that is what it is", h.Name, h.Name)
	}
	if h.DisableTLS {
		r.addf(field+".disableTLS", "any certificate is accepted: whoever is on the way can answer this hook")
	}
}
