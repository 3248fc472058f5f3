package canaryspec

import (
	"maps"
	"slices"
	"strings"

	"github.com/serin-dev/serin/api/v1beta1"
)

// ValidateMetricTemplate returns everything that is wrong with a template, except what its query says.
func ValidateMetricTemplate(t *v1beta1.MetricTemplate) Problems {
	r := report{}
	p := &t.Spec.Provider
	if r.required("spec.provider.type", string(p.Type), "the kind of source, such as prometheus") {
		oneOf(&r, "spec.provider.type", p.Type, v1beta1.MetricProviderTypes())
	}
	if p.Address != "" && !absolute(p.Address) {
		r.addf("spec.provider.address", "the address is not absolute: write http://HOST:PORT or https://HOST:PORT")
	}
	r.length("spec.provider.headers", len(p.Headers), 32)
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		if !token(name) {
			r.addf("spec.provider.headers", "%s is no name of a header: write letters, digits and hyphens", quoted(name))
		}
	}
	r.secret("spec.provider.secretRef", p.SecretRef)
	if strings.TrimSpace(t.Spec.Query) == "" {
		r.addf("spec.query", "the field is missing: write the query whose answer is one number")
	}
	r.text("spec.query", t.Spec.Query, 16384)
	return r.found
}

// ValidateAlertProvider returns everything that is wrong with an alert provider. No address is repeated: it may
// hold a secret.
func ValidateAlertProvider(a *v1beta1.AlertProvider) Problems {
	r := report{}
	s := &a.Spec
	if r.required("spec.type", string(s.Type), "the kind of receiver, such as slack") {
		oneOf(&r, "spec.type", s.Type, v1beta1.AlertProviderTypes())
	}
	if (s.Address != "") == (s.SecretRef != nil) {
		r.addf("spec", "write exactly one of address and secretRef")
	}
	if s.Address != "" && !absolute(s.Address) {
		r.addf("spec.address", "the address is not absolute: write https://HOST/PATH")
	}
	r.secret("spec.secretRef", s.SecretRef)
	if s.Proxy != "" && !absolute(s.Proxy) {
		r.addf("spec.proxy", "the proxy is not absolute: write http://HOST:PORT or https://HOST:PORT")
	}
	return r.found
}
