package table_test

import (
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestValidateNamesFieldAndRemedy(t *testing.T) {
	t.Parallel()
	header := func(m table.StringMatch) []table.Condition {
		return []table.Condition{{Headers: map[string]table.StringMatch{"x-user": m}}}
	}
	cases := map[string]struct {
		edit func(*table.Service)
		want string
	}{
		"namespace":      {func(s *table.Service) { s.Namespace = "" }, `namespace is ""`},
		"name":           {func(s *table.Service) { s.Name = "Shop" }, `name is "Shop"`},
		"host with port": {func(s *table.Service) { s.Hosts = []string{"a.example.com:80"} }, `hosts[0] is "a.example.com:80": it must be a host name without port`},
		"too many hosts": {func(s *table.Service) { s.Hosts = make([]string, 65) }, "hosts has 65 entries: the limit is 64"},
		"listen":         {func(s *table.Service) { s.Listen.Apex = "8080" }, `listen.apex is "8080": it must be HOST:PORT`},
		"listen port 0":  {func(s *table.Service) { s.Listen.Canary = "127.0.0.1:0" }, "the port must be a number from 1 to 65535"},
		"listen host":    {func(s *table.Service) { s.Listen.Primary = "a_b:1" }, "neither an IP address nor a host name"},
		"protocol":       {func(s *table.Service) { s.Protocol = "spdy" }, `protocol is "spdy"`},
		"endpoint":       {func(s *table.Service) { s.Canary = []table.Endpoint{{Address: "x"}} }, `canary[0].address is "x"`},
		"endpoint twice": {func(s *table.Service) { s.Primary = append(s.Primary, s.Primary[0]) }, "primary[1].address"},
		"sum":            {func(s *table.Service) { s.Split = &rollout.Split{Primary: 1} }, "split is 1 and 0"},
		"negative":       {func(s *table.Service) { s.Split = &rollout.Split{Primary: -1, Canary: rollout.Whole + 1} }, "split is -1"},
		"mirror":         {func(s *table.Service) { s.Split = &rollout.Split{Primary: rollout.Whole, Mirror: -1} }, "split.mirror is -1"},
		"session":        {func(s *table.Service) { s.Split = &rollout.Split{Primary: rollout.Whole, CanarySession: "a;b"} }, "split.canarySession"},
		"same session": {func(s *table.Service) {
			s.Split = &rollout.Split{Primary: rollout.Whole, CanarySession: "a", PrimarySession: "a"}
		}, "they must differ"},
		"empty condition":   {func(s *table.Service) { s.Match = make([]table.Condition, 1) }, "match[0] is empty"},
		"two matches":       {func(s *table.Service) { s.Match = header(table.StringMatch{Exact: "a", Prefix: "b"}) }, "keep one"},
		"regex":             {func(s *table.Service) { s.Match = header(table.StringMatch{Regex: "("}) }, "match[0].headers[x-user].regex"},
		"no cookie":         {func(s *table.Service) { s.Affinity = &table.Affinity{} }, "affinity names no cookie"},
		"same cookie":       {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a", PrimaryCookie: "a"} }, "affinity.primaryCookie"},
		"cookie name":       {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a b"} }, `affinity.cookie is "a b"`},
		"cookie path":       {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a", Path: "x"} }, `affinity.path is "x"`},
		"cookie domain":     {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a", Domain: "a;b"} }, "affinity.domain"},
		"cookie age":        {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a", MaxAge: -1} }, "affinity.maxAge"},
		"cookie site":       {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a", SameSite: "lax"} }, "it must be Strict, Lax or None"},
		"cookie not secure": {func(s *table.Service) { s.Affinity = &table.Affinity{Cookie: "a", SameSite: "None"} }, "set secure: true"},
		"timeout":           {func(s *table.Service) { s.Timeout = -time.Second }, "timeout is -1s"},
		"attempts":          {func(s *table.Service) { s.Retries = &table.Retries{Attempts: 11} }, "retries.attempts is 11"},
		"retry word":        {func(s *table.Service) { s.Retries = &table.Retries{On: []string{"often"}} }, `retries.on[0] is "often"`},
		"retry code":        {func(s *table.Service) { s.Retries = &table.Retries{On: []string{"200"}} }, `retries.on[0] is "200"`},
		"header":            {func(s *table.Service) { s.Request.Set = map[string]string{"a b": "c"} }, `request.set has "a b"`},
		"header value":      {func(s *table.Service) { s.Response.Add = map[string]string{"a": "b\nc"} }, "response.add[a]"},
		"header removal":    {func(s *table.Service) { s.Response.Remove = []string{""} }, "response.remove[0]"},
		"rewrite":           {func(s *table.Service) { s.Rewrite.Path = "x" }, `rewrite.path is "x"`},
		"rewrite prefix":    {func(s *table.Service) { s.Rewrite.Prefix = true }, "rewrite.prefix is set without rewrite.path"},
		"rewrite host":      {func(s *table.Service) { s.Rewrite.Authority = "a/b" }, "rewrite.authority"},
		"cors origin":       {func(s *table.Service) { s.CORS = &table.CORS{AllowOrigins: make([]table.StringMatch, 1)} }, "cors.allowOrigins[0] is empty"},
		"cors method":       {func(s *table.Service) { s.CORS = &table.CORS{AllowMethods: []string{"GET POST"}} }, "cors.allowMethods[0]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := service("prod", "shop")
			if err := s.Validate(); err != nil {
				t.Fatalf("a good service was refused: %v", err)
			}
			c.edit(&s)
			err := s.Validate()
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a fault.Invalid with %q", err, c.want)
			}
		})
	}
}

func TestValidateNamesEveryProblem(t *testing.T) {
	t.Parallel()
	s := service("prod", "shop")
	s.Timeout, s.Rewrite.Path = -1, "x"
	err := s.Validate()
	if err == nil || !strings.Contains(err.Error(), "timeout") || !strings.Contains(err.Error(), "rewrite.path") {
		t.Errorf("got %v, want both problems", err)
	}
}
