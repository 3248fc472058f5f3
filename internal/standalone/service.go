package standalone

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/workload/processworkload"
	"github.com/serin-dev/serin/internal/xds/table"
)

// serviceOf makes the service of a valid canary for the routing table, without its addresses.
func serviceOf(c *v1beta1.Canary) table.Service {
	s := table.Service{Key: table.Key{Namespace: c.Namespace, Name: canaryspec.ServiceName(c)}}
	spec := c.Spec.Service
	if spec == nil {
		return s
	}
	s.Hosts = texts(spec.Hosts)
	s.Protocol = table.ProtocolOf(spec.AppProtocol, spec.PortName)
	s.Timeout = duration(spec.Timeout)
	s.Retries = retries(spec.Retries)
	if h := spec.Headers; h != nil {
		s.Request, s.Response = headers(h.Request), headers(h.Response)
	}
	if w := spec.Rewrite; w != nil {
		s.Rewrite = table.Rewrite{Path: w.URI, Prefix: w.Type == v1beta1.ReplacePrefixMatch, Authority: w.Authority}
	}
	s.CORS = cors(spec.CorsPolicy)
	if a := c.Spec.Analysis; a != nil {
		s.Match, s.Affinity = conditions(a.Match), affinity(a.SessionAffinity)
	}
	return s
}

// targetPort returns which port of the target's pods the service sends requests to: the name of one, or empty for the
// first.
func targetPort(c *v1beta1.Canary, t *processworkload.Target) (name, warning string) {
	if c.Spec.Service == nil || c.Spec.Service.TargetPort == nil || t == nil {
		return "", ""
	}
	want := c.Spec.Service.TargetPort.String()
	number := c.Spec.Service.TargetPort.IntValue()
	for i, p := range t.Template.Ports {
		if p.Name != want && (number == 0 || p.Number != number) {
			continue
		}
		if i == 0 {
			return "", ""
		}
		return p.Name, ""
	}
	return "", "spec.service.targetPort: " + t.Name + " has no port " + want + ", so requests go to its first one"
}

func retries(r *v1beta1.Retries) *table.Retries {
	if r == nil {
		return nil
	}
	made := &table.Retries{Attempts: int(r.Attempts), PerTry: duration(r.PerTryTimeout)}
	for word := range strings.SplitSeq(r.RetryOn, ",") {
		if word = strings.TrimSpace(word); word != "" {
			made.On = append(made.On, word)
		}
	}
	return made
}

func headers(r *v1beta1.HeaderRule) table.HeaderChange {
	if r == nil {
		return table.HeaderChange{}
	}
	return table.HeaderChange{Add: textMap(r.Add), Set: textMap(r.Set), Remove: texts(r.Remove)}
}

func cors(p *v1beta1.CorsPolicy) *table.CORS {
	if p == nil {
		return nil
	}
	made := &table.CORS{
		AllowMethods: texts(p.AllowMethods), AllowHeaders: texts(p.AllowHeaders), ExposeHeaders: texts(p.ExposeHeaders),
		MaxAge: duration(p.MaxAge), Credentials: p.AllowCredentials != nil && *p.AllowCredentials,
	}
	for _, origin := range p.AllowOrigin {
		made.AllowOrigins = append(made.AllowOrigins, table.StringMatch{Exact: string(origin)})
	}
	for i := range p.AllowOrigins {
		made.AllowOrigins = append(made.AllowOrigins, stringMatch(p.AllowOrigins[i]))
	}
	return made
}

func conditions(list []v1beta1.Condition) []table.Condition {
	var made []table.Condition
	for i := range list {
		c := table.Condition{Headers: stringMatches(list[i].Headers), Query: stringMatches(list[i].QueryParams)}
		if len(c.Headers)+len(c.Query) > 0 {
			made = append(made, c)
		}
	}
	return made
}

func stringMatches(matches map[string]v1beta1.Match) map[string]table.StringMatch {
	if len(matches) == 0 {
		return nil
	}
	made := make(map[string]table.StringMatch, len(matches))
	for name, m := range matches {
		made[name] = stringMatch(m)
	}
	return made
}

func stringMatch(m v1beta1.Match) table.StringMatch {
	return table.StringMatch{Exact: text(m.Exact), Prefix: text(m.Prefix), Suffix: text(m.Suffix), Regex: text(m.Regex)}
}

func affinity(a *v1beta1.SessionAffinity) *table.Affinity {
	if a == nil {
		return nil
	}
	return &table.Affinity{
		Cookie: string(a.CookieName), PrimaryCookie: string(a.PrimaryCookieName),
		Domain: a.Domain, Path: a.Path, MaxAge: time.Duration(a.MaxAge) * time.Second,
		HTTPOnly: a.HTTPOnly, Secure: a.Secure, Partitioned: a.Partitioned, SameSite: string(a.SameSite),
	}
}

// duration reads a value that was validated with the rest of the canary.
func duration(d v1beta1.Duration) time.Duration {
	parsed, err := time.ParseDuration(string(d))
	if err != nil {
		return 0
	}
	return parsed
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func texts[T ~string](list []T) []string {
	var made []string
	for _, s := range list {
		made = append(made, string(s))
	}
	return made
}

func textMap[T ~string](m map[string]T) map[string]string {
	if len(m) == 0 {
		return nil
	}
	made := make(map[string]string, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		made[k] = string(m[k])
	}
	return made
}
