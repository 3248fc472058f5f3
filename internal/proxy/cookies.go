package proxy

import (
	"net/http"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// affinity keeps sessions on their side. A side without a cookie in force has an empty session.
type affinity struct{ canary, primary session }

type session struct {
	cookie, value string
	// header is the value of Set-Cookie that begins the session.
	header string
}

// compileAffinity returns nil where no cookie counts. Without a share of the canary everybody belongs to the primary
// at once, whatever cookies say; with A/B conditions those alone decide.
func compileAffinity(spec *table.Service) *affinity {
	split := spec.Route()
	if spec.Affinity == nil || split.Match || split.Canary == 0 {
		return nil
	}
	a := &affinity{canary: newSession(spec.Affinity, spec.Affinity.Cookie, split.CanarySession)}
	if split.Primary > 0 {
		a.primary = newSession(spec.Affinity, spec.Affinity.PrimaryCookie, split.PrimarySession)
	}
	if a.canary.value == "" && a.primary.value == "" {
		return nil
	}
	return a
}

func newSession(a *table.Affinity, name, value string) session {
	if name == "" || value == "" {
		return session{}
	}
	age := a.MaxAge
	if age == 0 {
		age = table.DefaultMaxAge
	}
	cookie := http.Cookie{ //nolint:gosec // G124: the Canary says what the cookie is like.
		Name: name, Value: value, Domain: a.Domain, Path: a.Path,
		// A part of a second would become 0, which means that the age is not limited.
		MaxAge:   int((age + time.Second - 1) / time.Second),
		HttpOnly: a.HTTPOnly, Secure: a.Secure, Partitioned: a.Partitioned,
	}
	if cookie.Path == "" {
		cookie.Path = "/"
	}
	switch a.SameSite {
	case "Strict":
		cookie.SameSite = http.SameSiteStrictMode
	case "Lax":
		cookie.SameSite = http.SameSiteLaxMode
	case "None":
		cookie.SameSite = http.SameSiteNoneMode
	}
	return session{cookie: name, value: value, header: cookie.String()}
}

// sideOf returns the side that the request's session belongs to, or nothing.
func (a *affinity) sideOf(r *http.Request) rollout.SideName {
	switch {
	case len(r.Header["Cookie"]) == 0:
		return ""
	case a.canary.holds(r):
		return rollout.CanarySide
	case a.primary.holds(r):
		return rollout.PrimarySide
	}
	return ""
}

func (s *session) holds(r *http.Request) bool {
	if s.value == "" {
		return false
	}
	for _, c := range r.CookiesNamed(s.cookie) {
		if c.Value == s.value {
			return true
		}
	}
	return false
}

// begin returns the Set-Cookie for a request that was drawn to a side.
func (a *affinity) begin(side rollout.SideName) string {
	if side == rollout.CanarySide {
		return a.canary.header
	}
	return a.primary.header
}
