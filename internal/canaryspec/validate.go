package canaryspec

import (
	"fmt"
	"maps"
	"slices"

	"github.com/serin-dev/serin/api/v1beta1"
)

// Validate returns everything that is wrong with a canary. What refers to other objects is not looked at.
func Validate(c *v1beta1.Canary) Problems {
	_, problems := Spec(c)
	return problems
}

func (r *report) canary(c *v1beta1.Canary) {
	s := &c.Spec
	oneOf(r, "spec.provider", s.Provider, v1beta1.Providers())
	if s.MetricsServer != "" && !absolute(s.MetricsServer) {
		r.addf("spec.metricsServer", "the address is not absolute: write http://HOST:PORT or https://HOST:PORT")
	}
	if r.required("spec.targetRef.name", s.TargetRef.Name, "the name of the Deployment to release") {
		r.label("spec.targetRef.name", s.TargetRef.Name, serviceLimit)
	}
	r.references(s)
	r.service(s)
	if s.ProgressDeadlineSeconds != nil {
		r.number("spec.progressDeadlineSeconds", *s.ProgressDeadlineSeconds, 1, 604800)
	}
	switch {
	case s.Analysis == nil && !s.SkipAnalysis:
		r.addf("spec", "the canary has no analysis: write analysis, or skipAnalysis: true to promote without one")
	case s.Analysis != nil && s.SkipAnalysis:
		r.addf("spec", "the canary has both analysis and skipAnalysis: remove one of them")
	}
	if s.Analysis != nil {
		r.analysis(s.Analysis)
	}
}

func (r *report) references(s *v1beta1.CanarySpec) {
	for field, ref := range map[string]*v1beta1.ObjectReference{
		"spec.ingressRef": s.IngressRef, "spec.routeRef": s.RouteRef, "spec.upstreamRef": s.UpstreamRef,
	} {
		if ref != nil {
			r.required(field+".name", ref.Name, "the name of the object")
		}
	}
	a := s.AutoscalerRef
	if a == nil {
		return
	}
	r.required("spec.autoscalerRef.name", a.Name, "the name of the autoscaler")
	if n := a.PrimaryScalerReplicas; n != nil {
		const field = "spec.autoscalerRef.primaryScalerReplicas"
		if n.MinReplicas != nil {
			r.number(field+".minReplicas", *n.MinReplicas, 1, 100000)
		}
		if n.MaxReplicas != nil {
			r.number(field+".maxReplicas", *n.MaxReplicas, 1, 100000)
		}
		if n.MinReplicas != nil && n.MaxReplicas != nil && *n.MinReplicas > *n.MaxReplicas {
			r.addf(field, "minReplicas is larger than maxReplicas: lower one or raise the other")
		}
	}
}

func (r *report) service(spec *v1beta1.CanarySpec) {
	s := spec.Service
	if s == nil {
		if !knative(&spec.TargetRef) {
			r.addf("spec.service", "the field is missing: write service with the port that the target serves")
		}
		return
	}
	r.label("spec.service.name", s.Name, serviceLimit)
	if s.Port == 0 {
		r.addf("spec.service.port", "the field is missing: write the port that clients use, 1 to 65535")
	} else {
		r.number("spec.service.port", s.Port, 1, 65535)
	}
	oneOf(r, "spec.service.trafficDistribution", s.TrafficDistribution,
		[]v1beta1.TrafficDistribution{v1beta1.PreferClose, v1beta1.PreferSameZone, v1beta1.PreferSameNode})
	r.duration("spec.service.timeout", s.Timeout)
	r.duration("spec.service.backendTimeout", s.BackendTimeout)
	r.length("spec.service.gatewayRefs", len(s.GatewayRefs), 32)
	for i := range s.GatewayRefs {
		r.required(fmt.Sprintf("spec.service.gatewayRefs[%d].name", i), s.GatewayRefs[i].Name, "the name of the Gateway")
	}
	r.length("spec.service.hosts", len(s.Hosts), 64)
	r.length("spec.service.match", len(s.Match), 32)
	for i := range s.Match {
		r.httpMatch(fmt.Sprintf("spec.service.match[%d]", i), &s.Match[i])
	}
	if s.Rewrite != nil {
		oneOf(r, "spec.service.rewrite.type", s.Rewrite.Type,
			[]v1beta1.RewriteType{v1beta1.ReplaceFullPath, v1beta1.ReplacePrefixMatch})
	}
	if s.Retries != nil {
		r.number("spec.service.retries.attempts", s.Retries.Attempts, 0, 100)
		r.duration("spec.service.retries.perTryTimeout", s.Retries.PerTryTimeout)
	}
	r.mirrors(s.Mirror)
	r.cors(s.CorsPolicy)
}

// knative targets bring their own service.
func knative(t *v1beta1.ObjectReference) bool {
	return t.Kind == "Service" && t.APIVersion != "" && t.APIVersion != "v1"
}

func (r *report) httpMatch(field string, m *v1beta1.HTTPMatch) {
	r.match(field+".uri", m.URI)
	r.match(field+".scheme", m.Scheme)
	r.match(field+".method", m.Method)
	r.match(field+".authority", m.Authority)
	r.matches(field+".headers", m.Headers)
	r.matches(field+".withoutHeaders", m.WithoutHeaders)
	r.matches(field+".queryParams", m.QueryParams)
	if m.Port != 0 {
		r.number(field+".port", m.Port, 1, 65535)
	}
}

func (r *report) matches(field string, ms map[string]v1beta1.Match) {
	r.length(field, len(ms), 32)
	for _, name := range slices.Sorted(maps.Keys(ms)) {
		m := ms[name]
		r.match(field+"."+name, &m)
	}
}

func (r *report) mirrors(mirrors []v1beta1.RequestMirror) {
	r.length("spec.service.mirror", len(mirrors), 16)
	for i := range mirrors {
		m, field := &mirrors[i], fmt.Sprintf("spec.service.mirror[%d]", i)
		r.required(field+".backendRef.name", m.BackendRef.Name, "the name of the Service that gets the copies")
		if m.Percent != nil {
			r.number(field+".percent", *m.Percent, 0, 100)
		}
		if m.Percent != nil && m.Fraction != nil {
			r.addf(field, "the mirror has both percent and fraction: remove one of them")
		}
		if f := m.Fraction; f != nil {
			whole := int32(100)
			if f.Denominator != nil {
				whole = *f.Denominator
			}
			if f.Numerator > whole {
				r.addf(field+".fraction", "numerator is larger than denominator: a share is at most the whole")
			}
		}
	}
}

func (r *report) cors(p *v1beta1.CorsPolicy) {
	if p == nil {
		return
	}
	for i := range p.AllowOrigins {
		r.match(fmt.Sprintf("spec.service.corsPolicy.allowOrigins[%d]", i), &p.AllowOrigins[i])
	}
	r.duration("spec.service.corsPolicy.maxAge", p.MaxAge)
}
