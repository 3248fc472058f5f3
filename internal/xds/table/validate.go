package table

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

const (
	maxHosts      = 64
	maxEndpoints  = 1000
	maxConditions = 64
	maxAttempts   = 10
	maxName       = 253
)

// retryWords are the conditions of Envoy that a data plane of ours understands.
func retryWords() []string {
	return []string{
		"5xx", "gateway-error", "reset", "connect-failure", "refused-stream", "retriable-4xx",
		"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
	}
}

// checker collects what is wrong with a service, so that a person mends it in one go.
type checker struct{ problems []error }

func (c *checker) sayf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

// Validate returns a fault.Invalid that names every field that no data plane could serve, with the remedy.
func (s *Service) Validate() error {
	var c checker
	c.names(s)
	c.endpoints("primary", s.Primary)
	c.endpoints("canary", s.Canary)
	if s.Split != nil {
		c.split(*s.Split)
	}
	c.conditions(s.Match)
	c.affinity(s.Affinity)
	c.timing(s)
	c.headers("request", s.Request)
	c.headers("response", s.Response)
	c.rewrite(s.Rewrite)
	c.cors(s.CORS)
	if len(c.problems) == 0 {
		return nil
	}
	return fault.Errorf(fault.Invalid, "service %s: %w", s.Key, errors.Join(c.problems...))
}

func (c *checker) names(s *Service) {
	if !isLabel(s.Namespace) {
		c.sayf("namespace is %q: it must consist of lower-case letters, digits and hyphens", s.Namespace)
	}
	if !isLabel(s.Name) {
		c.sayf("name is %q: it must consist of lower-case letters, digits and hyphens", s.Name)
	}
	if len(s.Hosts) > maxHosts {
		c.sayf("hosts has %d entries: the limit is %d", len(s.Hosts), maxHosts)
	}
	for i, host := range s.Hosts {
		if !isHostPattern(host) {
			c.sayf("hosts[%d] is %q: it must be a host name without port, *.SUFFIX, or *", i, host)
		}
	}
	for _, l := range s.Listen.each() {
		c.address("listen."+l.field, l.address)
	}
	if s.Protocol != HTTP1 && s.Protocol != H2C {
		c.sayf("protocol is %q: it must be empty or %q", s.Protocol, H2C)
	}
}

func (c *checker) address(field, address string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.sayf("%s is %q: it must be HOST:PORT", field, address)
		return
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		c.sayf("%s is %q: the port must be a number from 1 to 65535", field, address)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHost(strings.ToLower(host)) {
		c.sayf("%s is %q: %q is neither an IP address nor a host name", field, address, host)
	}
}

func (c *checker) endpoints(field string, list []Endpoint) {
	if len(list) > maxEndpoints {
		c.sayf("%s has %d endpoints: the limit is %d", field, len(list), maxEndpoints)
		return
	}
	seen := make(map[string]bool, len(list))
	for i, e := range list {
		c.address(fmt.Sprintf("%s[%d].address", field, i), e.Address)
		if seen[e.Address] {
			c.sayf("%s[%d].address is %q, which is there already: an endpoint occurs once", field, i, e.Address)
		}
		seen[e.Address] = true
	}
}

func (c *checker) split(s rollout.Split) {
	if s.Primary < 0 || s.Canary < 0 || s.Primary+s.Canary != rollout.Whole {
		c.sayf("split is %d and %d: both weights must be 0 or more and their sum %d", s.Primary, s.Canary, rollout.Whole)
	}
	if s.Mirror < 0 || s.Mirror > rollout.Whole {
		c.sayf("split.mirror is %d: it must be from 0 to %d", s.Mirror, rollout.Whole)
	}
	for _, v := range []struct{ field, value string }{
		{"canarySession", s.CanarySession}, {"primarySession", s.PrimarySession},
	} {
		if !isCookieValue(v.value) {
			c.sayf("split.%s is %q: it cannot be the value of a cookie", v.field, v.value)
		}
	}
	if s.CanarySession != "" && s.CanarySession == s.PrimarySession {
		c.sayf("split.canarySession and split.primarySession are both %q: they must differ", s.CanarySession)
	}
}

func (c *checker) conditions(list []Condition) {
	if len(list) > maxConditions {
		c.sayf("match has %d conditions: the limit is %d", len(list), maxConditions)
	}
	for i, cond := range list {
		at := fmt.Sprintf("match[%d]", i)
		if len(cond.Headers) == 0 && len(cond.Query) == 0 {
			c.sayf("%s is empty: name at least one header or query parameter", at)
		}
		for _, name := range sortedKeys(cond.Headers) {
			if !isHeaderName(strings.TrimPrefix(name, ":")) {
				c.sayf("%s.headers has %q: that is no name of a header", at, name)
			}
			c.match(fmt.Sprintf("%s.headers[%s]", at, name), cond.Headers[name])
		}
		for _, name := range sortedKeys(cond.Query) {
			c.match(fmt.Sprintf("%s.query[%s]", at, name), cond.Query[name])
		}
	}
}

func (c *checker) match(field string, m StringMatch) {
	set := 0
	for _, v := range []string{m.Exact, m.Prefix, m.Suffix, m.Regex} {
		if v != "" {
			set++
		}
	}
	if set > 1 {
		c.sayf("%s has %d of exact, prefix, suffix, regex: keep one", field, set)
	}
	if _, err := regexp.Compile(m.Regex); err != nil {
		c.sayf("%s.regex is %q: it must be an RE2 expression: %w", field, m.Regex, err)
	}
}

func (c *checker) affinity(a *Affinity) {
	if a == nil {
		return
	}
	c.cookieNames(a)
	if a.Domain != "" && !isHost(strings.ToLower(strings.TrimPrefix(a.Domain, "."))) {
		c.sayf("affinity.domain is %q: it must be a domain name", a.Domain)
	}
	if a.Path != "" && !isCookiePath(a.Path) {
		c.sayf("affinity.path is %q: it must begin with / and contain neither space nor semicolon", a.Path)
	}
	if a.MaxAge < 0 {
		c.sayf("affinity.maxAge is %s: it must not be negative", a.MaxAge)
	}
	if !slices.Contains([]string{"", "Strict", "Lax", "None"}, a.SameSite) {
		c.sayf("affinity.sameSite is %q: it must be Strict, Lax or None", a.SameSite)
	}
	if (a.SameSite == "None" || a.Partitioned) && !a.Secure {
		c.sayf("affinity.secure is false: browsers refuse such a cookie with sameSite None or partitioned, set secure: true")
	}
}

func (c *checker) cookieNames(a *Affinity) {
	if a.Cookie == "" && a.PrimaryCookie == "" {
		c.sayf("affinity names no cookie: set cookieName")
	}
	if a.Cookie != "" && a.Cookie == a.PrimaryCookie {
		c.sayf("affinity.primaryCookie is %q, the name of the canary's cookie: they must differ", a.PrimaryCookie)
	}
	for _, n := range []struct{ field, name string }{{"cookie", a.Cookie}, {"primaryCookie", a.PrimaryCookie}} {
		if n.name != "" && !isHeaderName(n.name) {
			c.sayf("affinity.%s is %q: that is no name of a cookie", n.field, n.name)
		}
	}
}

func (c *checker) timing(s *Service) {
	if s.Timeout < 0 {
		c.sayf("timeout is %s: it must not be negative", s.Timeout)
	}
	if s.Retries == nil {
		return
	}
	if s.Retries.Attempts < 0 || s.Retries.Attempts > maxAttempts {
		c.sayf("retries.attempts is %d: it must be from 0 to %d", s.Retries.Attempts, maxAttempts)
	}
	if s.Retries.PerTry < 0 {
		c.sayf("retries.perTry is %s: it must not be negative", s.Retries.PerTry)
	}
	for i, word := range s.Retries.On {
		if code, err := strconv.Atoi(word); err == nil && code >= 400 && code <= 599 {
			continue
		}
		if !slices.Contains(retryWords(), word) {
			c.sayf("retries.on[%d] is %q: it must be a status code from 400 to 599 or one of %s",
				i, word, strings.Join(retryWords(), ", "))
		}
	}
}

func (c *checker) headers(field string, h HeaderChange) {
	for _, change := range []struct {
		verb   string
		values map[string]string
	}{{"add", h.Add}, {"set", h.Set}} {
		for _, name := range sortedKeys(change.values) {
			if !isHeaderName(name) {
				c.sayf("%s.%s has %q: that is no name of a header", field, change.verb, name)
			}
			if !httpguts.ValidHeaderFieldValue(change.values[name]) {
				c.sayf("%s.%s[%s] contains characters that a header cannot have", field, change.verb, name)
			}
		}
	}
	for i, name := range h.Remove {
		if !isHeaderName(name) {
			c.sayf("%s.remove[%d] is %q: that is no name of a header", field, i, name)
		}
	}
}

func (c *checker) rewrite(r Rewrite) {
	if r.Path != "" && !strings.HasPrefix(r.Path, "/") {
		c.sayf("rewrite.path is %q: it must begin with /", r.Path)
	}
	if r.Prefix && r.Path == "" {
		c.sayf("rewrite.prefix is set without rewrite.path: set the path, / for instance")
	}
	if r.Authority != "" && !httpguts.ValidHostHeader(r.Authority) {
		c.sayf("rewrite.authority is %q: it must be a host name", r.Authority)
	}
}

func (c *checker) cors(p *CORS) {
	if p == nil {
		return
	}
	for i, m := range p.AllowOrigins {
		if m == (StringMatch{}) {
			c.sayf("cors.allowOrigins[%d] is empty: name an origin, or * for all", i)
		}
		c.match(fmt.Sprintf("cors.allowOrigins[%d]", i), m)
	}
	for _, list := range []struct {
		field string
		names []string
	}{{"allowMethods", p.AllowMethods}, {"allowHeaders", p.AllowHeaders}, {"exposeHeaders", p.ExposeHeaders}} {
		for i, name := range list.names {
			if !isHeaderName(name) {
				c.sayf("cors.%s[%d] is %q: that is no name of a header or method", list.field, i, name)
			}
		}
	}
	if p.MaxAge < 0 {
		c.sayf("cors.maxAge is %s: it must not be negative", p.MaxAge)
	}
}
