package canaryspec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/serin-dev/serin/api/v1beta1"
)

func (r *report) analysis(a *v1beta1.CanaryAnalysis) {
	if d := r.duration("spec.analysis.interval", a.Interval); d > 0 && d < time.Second {
		r.addf("spec.analysis.interval", "the interval is shorter than 1s: write 1s or more")
	}
	r.number("spec.analysis.threshold", a.Threshold, 0, 10000)
	r.steps(a)
	r.number("spec.analysis.stepWeightPromotion", a.StepWeightPromotion, 0, 100)
	r.number("spec.analysis.mirrorWeight", a.MirrorWeight, 0, 100)
	if a.PrimaryReadyThreshold != nil {
		r.number("spec.analysis.primaryReadyThreshold", *a.PrimaryReadyThreshold, 0, 100)
	}
	if a.CanaryReadyThreshold != nil {
		r.number("spec.analysis.canaryReadyThreshold", *a.CanaryReadyThreshold, 0, 100)
	}
	r.conditions(a.Match)
	r.affinity(a.SessionAffinity)
	r.metrics(a.Metrics)
	r.webhooks(a.Webhooks)
	r.alerts(a.Alerts)
}

func (r *report) steps(a *v1beta1.CanaryAnalysis) {
	r.number("spec.analysis.iterations", a.Iterations, 0, 10000)
	r.number("spec.analysis.stepWeight", a.StepWeight, 0, 100)
	r.number("spec.analysis.maxWeight", a.MaxWeight, 0, 100)
	given := 0
	for _, set := range []bool{a.Iterations != 0, a.StepWeight != 0, len(a.StepWeights) > 0} {
		if set {
			given++
		}
	}
	if given != 1 {
		r.addf("spec.analysis", "write exactly one of iterations, stepWeight and stepWeights")
	}
	if a.MaxWeight > 0 && a.StepWeight > 0 && a.MaxWeight < a.StepWeight {
		r.addf("spec.analysis.maxWeight", "maxWeight is smaller than stepWeight: raise maxWeight or lower stepWeight")
	}
	r.length("spec.analysis.stepWeights", len(a.StepWeights), 100)
	last := int32(0)
	for i, w := range a.StepWeights {
		field := fmt.Sprintf("spec.analysis.stepWeights[%d]", i)
		r.number(field, w, 1, 100)
		if i > 0 && w <= last {
			r.addf(field, "stepWeights must rise: write each weight larger than the one before")
			return
		}
		last = w
	}
}

func (r *report) conditions(match []v1beta1.Condition) {
	r.length("spec.analysis.match", len(match), 32)
	for i := range match {
		m, field := &match[i], fmt.Sprintf("spec.analysis.match[%d]", i)
		if len(m.Headers)+len(m.QueryParams)+len(m.SourceLabels) == 0 {
			r.addf(field, "the condition is empty: write headers, queryParams or sourceLabels")
		}
		r.matches(field+".headers", m.Headers)
		for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
			if !token(name) {
				r.addf(field+".headers", "%s is no name of a header: write letters, digits and hyphens", quoted(name))
			}
		}
		r.matches(field+".queryParams", m.QueryParams)
	}
}

func (r *report) affinity(a *v1beta1.SessionAffinity) {
	if a == nil {
		return
	}
	const field = "spec.analysis.sessionAffinity"
	if r.required(field+".cookieName", string(a.CookieName), "the name of the canary's cookie") {
		r.cookie(field+".cookieName", a.CookieName)
	}
	r.cookie(field+".primaryCookieName", a.PrimaryCookieName)
	if a.CookieName != "" && a.CookieName == a.PrimaryCookieName {
		r.addf(field, "cookieName and primaryCookieName are the same: give each version a cookie of its own")
	}
	r.number(field+".maxAge", a.MaxAge, 0, 31536000)
	oneOf(r, field+".sameSite", a.SameSite,
		[]v1beta1.SameSite{v1beta1.SameSiteStrict, v1beta1.SameSiteLax, v1beta1.SameSiteNone})
	for name, value := range map[string]string{".path": a.Path, ".domain": a.Domain} {
		if strings.ContainsAny(value, ";,\r\n\x00") {
			r.addf(field+name, "the value would end the cookie early: remove semicolons, commas and line breaks")
		}
	}
}

func (r *report) cookie(field string, name v1beta1.CookieName) {
	switch {
	case name == "":
	case len(name) > 128:
		r.text(field, string(name), 128)
	case !token(string(name)):
		r.addf(field, "%s is no name of a cookie: write letters, digits, hyphens and underscores", quoted(string(name)))
	}
}

// token says whether s is what HTTP allows as the name of a header or of a cookie.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+.^_`|~-", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
