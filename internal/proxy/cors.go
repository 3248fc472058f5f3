package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/xds/table"
)

// cors lets pages of other origins use a service.
type cors struct {
	origins []textMatch
	// preflight and actual are headers of answers, besides that of the origin.
	preflight, actual []header
}

func compileCORS(c *table.CORS) (*cors, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // No policy is no policy.
	}
	p := &cors{}
	for i, m := range c.AllowOrigins {
		text, err := compileText(m)
		if err != nil {
			return nil, fmt.Errorf("allowOrigins[%d]: %w", i, err)
		}
		p.origins = append(p.origins, text)
	}
	if c.Credentials {
		p.actual = append(p.actual, newHeader("Access-Control-Allow-Credentials", "true"))
	}
	p.preflight = slices.Clone(p.actual)
	for _, l := range []struct {
		name string
		list []string
	}{{"Access-Control-Allow-Methods", c.AllowMethods}, {"Access-Control-Allow-Headers", c.AllowHeaders}} {
		if len(l.list) > 0 {
			p.preflight = append(p.preflight, newHeader(l.name, strings.Join(l.list, ", ")))
		}
	}
	if c.MaxAge > 0 {
		p.preflight = append(p.preflight, newHeader("Access-Control-Max-Age", strconv.FormatInt(int64(c.MaxAge/time.Second), 10)))
	}
	if len(c.ExposeHeaders) > 0 {
		p.actual = append(p.actual, newHeader("Access-Control-Expose-Headers", strings.Join(c.ExposeHeaders, ", ")))
	}
	return p, nil
}

func (p *cors) allows(origin string) bool {
	if origin == "" {
		return false
	}
	for i := range p.origins {
		if p.origins[i].Exact == "*" || p.origins[i].matches(origin) {
			return true
		}
	}
	return false
}

// answer answers a preflight whose origin is allowed. Others go to the service, which may know better.
func (p *cors) answer(w http.ResponseWriter, r *http.Request) bool {
	if p == nil || r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	origin := r.Header.Get("Origin")
	if !p.allows(origin) {
		return false
	}
	allow(w.Header(), origin, p.preflight)
	w.WriteHeader(http.StatusOK)
	return true
}

// decorate lets the page that asked read the answer.
func (p *cors) decorate(h http.Header, r *http.Request) {
	if p == nil {
		return
	}
	if origin := r.Header.Get("Origin"); p.allows(origin) {
		allow(h, origin, p.actual)
	}
}

func allow(h http.Header, origin string, headers []header) {
	h.Set("Access-Control-Allow-Origin", origin)
	// A cache must not give the answer to a page of another origin.
	h.Add("Vary", "Origin")
	for _, l := range headers {
		h[l.name] = l.values
	}
}
