package proxy

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// FuzzCookies sends arbitrary Cookie headers to a service with sessions: only the value of a session binds to a side,
// and whoever has none is drawn and gets one.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{
		"", "session=canary-1", "primary=primary-1", "session=canary-1; primary=primary-1", "session=canary-11", `session="canary-1"`,
		"Session=canary-1", "session=; session=canary-1", "session", ";;;=", "session=canary-1,primary=primary-1", "\x00=\x00",
		"session=canary-1\r\nX: y", strings.Repeat("a=b; ", 500), "$Version=1; session=canary-1", "sessio=n; session =canary-1",
	} {
		f.Add(seed)
	}
	spec := table.Service{Affinity: &table.Affinity{Cookie: "session", PrimaryCookie: "primary"}}
	split := rollout.Split{Primary: rollout.Whole / 2, Canary: rollout.Whole / 2, CanarySession: "canary-1", PrimarySession: "primary-1"}
	a := &affinity{canary: newSession(spec.Affinity, "session", split.CanarySession), primary: newSession(spec.Affinity, "primary", split.PrimarySession)}
	s := &service{spec: &spec, split: split, affinity: a}
	f.Fuzz(func(t *testing.T, cookies string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://app/", http.NoBody)
		r.Header["Cookie"] = []string{cookies}
		side := a.sideOf(r)
		if side == rollout.CanarySide && !strings.Contains(cookies, "canary-1") || side == rollout.PrimarySide && !strings.Contains(cookies, "primary-1") {
			t.Errorf("%q belongs to %s", cookies, side)
		}
		c := s.choose(r, seeded(1))
		if side != "" && (c.side != side || c.cookie != "") || side == "" && c.cookie == "" {
			t.Errorf("%q of %q: %+v", cookies, side, c)
		}
	})
}

// FuzzHeaders sends arbitrary heads of requests through everything that reads them on the way: conditions, the
// rewriting of headers and paths, upgrades and the choice of a service.
func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: app\r\n\r\n", "GET /a?b=c HTTP/1.1\r\nHost: app:80\r\nX-User: insider\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: app\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: app\r\nConnection: keep-alive, X-User\r\nX-User: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: app\r\nOrigin: http://a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: app\r\nContent-Type: application/grpc+proto\r\nTE: trailers\r\n\r\n", "GET //..//%2e%2e/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
		"CONNECT app:80 HTTP/1.1\r\nHost: app:80\r\n\r\n", "GET / HTTP/1.1\r\nHost: app\r\nX-Forwarded-For: ,,,\r\nForwarded: for=\"\r\n\r\n",
		"GET /?%zz&;=& HTTP/1.1\r\nHost: app\r\nUpgrade: \r\nConnection: upgrade\r\n\r\n",
	} {
		f.Add(seed)
	}
	conditions, err := compileConditions([]table.Condition{
		{Headers: map[string]table.StringMatch{"x-user": {Exact: "insider"}, ":path": {Prefix: "/new"}}},
		{Headers: map[string]table.StringMatch{"cookie": {Regex: `(.*;)?a=b(;.*)?`}}, Query: map[string]table.StringMatch{"v": {Suffix: "x"}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	s := &service{spec: &table.Service{}, split: rollout.Split{Primary: rollout.Whole, Match: true}, match: conditions}
	f.Fuzz(func(t *testing.T, head string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil || r.URL == nil {
			return
		}
		r.RemoteAddr = "127.0.0.1:1"
		if c := s.choose(r, seeded(1)); c.side != rollout.PrimarySide && c.side != rollout.CanarySide {
			t.Errorf("the side is %q", c.side)
		}
		isGRPC(r.Header)
		upgrades := isUpgrade(r.Header)
		out := r.Clone(t.Context())
		refuseH2CUpgrade(out.Header)
		if hasToken(out.Header["Upgrade"], "h2c") && upgrades {
			t.Errorf("an upgrade to h2c is passed on: %v", out.Header)
		}
		addHeaders(r, out)
		rewritePath(out.URL, table.Rewrite{Path: "/x", Prefix: true})
		if !strings.HasPrefix(out.URL.Path, "/x") {
			t.Errorf("the path %q is rewritten to %q", r.URL.Path, out.URL.Path)
		}
	})
}
