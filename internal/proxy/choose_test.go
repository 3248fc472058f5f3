package proxy

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestWeights(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService(says(t, "primary"), says(t, "canary"), weights(0)))
	for _, weight := range []rollout.Weight{0, 500, 10_000, 50_000, 100_000} {
		r.route(t, app(), *weights(weight))
		const n = 2000
		canary := 0
		for range n {
			if r.get(t, "/").body == "canary" {
				canary++
			}
		}
		share := float64(weight) / float64(rollout.Whole)
		// The draws are seeded: five standard deviations never flake and catch a share that is off.
		if allowed := 5 * math.Sqrt(n*share*(1-share)); math.Abs(float64(canary)-n*share) > allowed {
			t.Errorf("weight %d: %d of %d requests went to the canary, want %.0f ± %.0f", weight, canary, n, n*share, allowed)
		}
	}
	if got := r.answers(t, rollout.PrimarySide, "200") + r.answers(t, rollout.CanarySide, "200"); got != 5*2000 {
		t.Errorf("counted %v requests, want %d", got, 5*2000)
	}
}

func TestSidesAndHosts(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService(says(t, "primary"), says(t, "canary"), weights(0))
	s.Hosts = []string{"shop.example.com", "*.wild.example.com"}
	s.Listen = table.Listen{Apex: freeAddress(t), Primary: freeAddress(t), Canary: freeAddress(t)}
	r.put(t, s)
	for host, want := range map[string]string{
		"app": "primary", "app.test": "primary", "app-canary.test": "canary", "app-primary.test.svc.cluster.local:80": "primary",
		"shop.example.com": "primary", "a.wild.example.com:8080": "primary",
	} {
		req := r.request(t, http.MethodGet, "/", http.NoBody)
		req.Host = host
		if got := do(t, r.client, req); got.body != want {
			t.Errorf("host %s: answered by %q, want %q", host, got.body, want)
		}
	}
	req := r.request(t, http.MethodGet, "/", http.NoBody)
	req.Host = "nobody.example.com"
	if got := do(t, r.client, req); got.status != http.StatusNotFound || !strings.Contains(got.body, `"nobody.example.com"`) {
		t.Errorf("an unknown host got %d %q", got.status, got.body)
	}
	for address, want := range map[string]string{s.Listen.Apex: "primary", s.Listen.Primary: "primary", s.Listen.Canary: "canary"} {
		eventually(t, address+" is open", func() bool { return reachable(t, address) })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if got := do(t, r.client, req); got.body != want {
			t.Errorf("address %s: answered by %q, want %q", address, got.body, want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService(says(t, "primary"), says(t, "canary"), &rollout.Split{Primary: rollout.Whole, Match: true})
	s.Match = []table.Condition{
		{Headers: map[string]table.StringMatch{"x-user": {Exact: "insider"}, "User-Agent": {Prefix: "Fire"}}},
		{Headers: map[string]table.StringMatch{"cookie": {Regex: `(.*;\s*)?canary=always(;.*)?`}}},
		{Query: map[string]table.StringMatch{"v": {Suffix: "-next"}, "beta": {}}},
		{Headers: map[string]table.StringMatch{":path": {Prefix: "/new/"}, ":method": {Exact: "GET"}, ":authority": {Exact: "app.test"}}},
	}
	r.put(t, s)
	for name, c := range map[string]struct {
		path    string
		headers []string
		want    string
	}{
		"nothing":                {path: "/", want: "primary"},
		"all headers":            {path: "/", headers: []string{"X-User", "insider", "User-Agent", "Firefox"}, want: "canary"},
		"one header of two":      {path: "/", headers: []string{"X-User", "insider"}, want: "primary"},
		"another value":          {path: "/", headers: []string{"X-User", "insiders", "User-Agent", "Firefox"}, want: "primary"},
		"regex":                  {path: "/", headers: []string{"Cookie", "a=b; canary=always; c=d"}, want: "canary"},
		"regex of a part":        {path: "/", headers: []string{"Cookie", "a=b; canary=always2"}, want: "primary"},
		"query":                  {path: "/?v=2-next&beta", want: "canary"},
		"query without presence": {path: "/?v=2-next", want: "primary"},
		"pseudo headers":         {path: "/new/shop?x=1", want: "canary"},
	} {
		if got := r.get(t, c.path, c.headers...); got.body != c.want {
			t.Errorf("%s: answered by %q, want %q", name, got.body, c.want)
		}
	}
	r.route(t, app(), *weights(0))
	if got := r.get(t, "/new/shop"); got.body != "primary" {
		t.Errorf("without match in the split: answered by %q", got.body)
	}
}

func TestTextMatchIsWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m     table.StringMatch
		value string
		want  bool
	}{
		{table.StringMatch{Regex: "a|ab"}, "ab", true},
		{table.StringMatch{Regex: "a|b"}, "ab", false},
		{table.StringMatch{Regex: `\Qa.b`}, "a.b", true},
		{table.StringMatch{Regex: `\Qa.b`}, "axb", false},
		{table.StringMatch{Regex: "(?i)YES"}, "yes", true},
		{table.StringMatch{}, "", true},
	} {
		m, err := compileText(c.m)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.matches(c.value); got != c.want {
			t.Errorf("%+v and %q: %v, want %v", c.m, c.value, got, c.want)
		}
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService(says(t, "primary"), says(t, "canary"), weights(0))
	s.Affinity = &table.Affinity{Cookie: "c", PrimaryCookie: "p", Secure: true, HTTPOnly: true, SameSite: "Lax"}
	r.put(t, s)
	split := rollout.Split{Primary: 50_000, Canary: 50_000, CanarySession: "run1", PrimarySession: "step1"}
	r.route(t, app(), split)

	drawn := map[string]string{}
	for range 50 {
		got := r.get(t, "/")
		drawn[got.body] = got.header.Get("Set-Cookie")
	}
	const attributes = "; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax"
	if drawn["canary"] != "c=run1"+attributes || drawn["primary"] != "p=step1"+attributes {
		t.Fatalf("cookies are %q", drawn)
	}
	for cookie, want := range map[string]string{"c=run1": "canary", "p=step1": "primary", "p=step1; c=run1": "canary"} {
		for range 30 {
			got := r.get(t, "/", "Cookie", cookie)
			if got.body != want || got.header.Get("Set-Cookie") != "" {
				t.Fatalf("with %s: answered by %q, cookie %q", cookie, got.body, got.header.Get("Set-Cookie"))
			}
		}
	}
	split.PrimarySession = "step2"
	r.route(t, app(), split)
	seen := map[string]bool{}
	for range 50 {
		seen[r.get(t, "/", "Cookie", "p=step1").body] = true
	}
	if !seen["primary"] || !seen["canary"] {
		t.Errorf("after an increase an old session of the primary saw %v", seen)
	}
	split.Primary, split.Canary = rollout.Whole, 0
	r.route(t, app(), split)
	for range 30 {
		if got := r.get(t, "/", "Cookie", "c=run1"); got.body != "primary" || got.header.Get("Set-Cookie") != "" {
			t.Fatalf("after a rollback: answered by %q, cookie %q", got.body, got.header.Get("Set-Cookie"))
		}
	}
	split.Primary, split.Canary = 0, rollout.Whole
	r.route(t, app(), split)
	if got := r.get(t, "/", "Cookie", "p=step2"); got.body != "canary" {
		t.Errorf("with all on the canary: answered by %q", got.body)
	}
}

func TestLessBusyEndpoint(t *testing.T) {
	t.Parallel()
	busy, idle := &endpoint{address: "a"}, &endpoint{address: "b"}
	busy.inFlight.Store(3)
	s := side{endpoints: []*endpoint{busy, idle}}
	random := seeded(3)
	for range 100 {
		if s.pick(random, nil) != idle {
			t.Fatal("the busy one was picked")
		}
	}
	if s.pick(random, []*endpoint{idle}) != busy || s.pick(random, []*endpoint{idle, busy}) != nil {
		t.Error("what was tried must not be picked")
	}
}
