package table_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func service(namespace, name string) table.Service {
	return table.Service{
		Key:     table.Key{Namespace: namespace, Name: name},
		Primary: []table.Endpoint{{Address: "127.0.0.1:9001", Revision: "v1"}},
	}
}

func TestHostsFindTheirService(t *testing.T) {
	t.Parallel()
	shop := service("prod", "shop")
	shop.Hosts = []string{"shop.example.com", "*.shops.example.com"}
	other := service("prod", "other")
	other.Hosts = []string{"*.example.com", "*"}
	hidden := service("prod", "hidden")
	hidden.Private = true
	literal := service("prod", "shop-canary2")
	taken := service("prod", "shop-primary")
	tbl, err := table.New("127.0.0.1:80",
		shop, other, hidden, literal, taken, service("test", "twice"), service("prod", "twice"),
		service("default", "favoured"), service("a", "favoured"), service("z", "favoured"))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		want   string
		reason string
	}{
		"shop":                                 {"prod/shop", "a bare name that one namespace has"},
		"SHOP:8080":                            {"prod/shop", "case and port do not matter"},
		"shop.prod":                            {"prod/shop", "with its namespace"},
		"shop.prod.svc":                        {"prod/shop", "as in a cluster"},
		"shop.prod.svc.cluster.local:80":       {"prod/shop", "fully qualified"},
		"shop-canary":                          {"prod/shop canary", "a side"},
		"shop-canary.prod.svc":                 {"prod/shop canary", "a side, qualified"},
		"shop-primary.prod":                    {"prod/shop-primary", "a service of that very name comes first"},
		"shop-canary2":                         {"prod/shop-canary2", "not a side"},
		"shop.example.com":                     {"prod/shop", "a further host"},
		"eu.shops.example.com":                 {"prod/shop", "the longest wildcard"},
		"a.b.shops.example.com":                {"prod/shop", "a wildcard covers several labels"},
		"www.example.com":                      {"prod/other", "a shorter wildcard"},
		"unknown":                              {"prod/other", "the rest"},
		"[::1]:80":                             {"prod/other", "an address is a host like any other"},
		"twice":                                {"prod/other", "an ambiguous bare name means nothing by itself"},
		"twice.test":                           {"test/twice", "a qualified name is never ambiguous"},
		"favoured":                             {"default/favoured", "the namespace default wins"},
		"hidden.prod":                          {"prod/other", "a private service is not on the shared listener"},
		"favoured-primary.z.svc.cluster.local": {"z/favoured primary", "a side, fully qualified"},
		"favoured-primary.none.svc.cluster.local": {"prod/other", "no such namespace"},
	}
	for host, c := range cases {
		d, ok := tbl.ByHost(host)
		if !ok {
			t.Errorf("%s: not found (%s)", host, c.reason)
			continue
		}
		got := strings.TrimSpace(tbl.At(d.Position).String() + " " + string(d.Side))
		if got != c.want {
			t.Errorf("%s: got %s, want %s (%s)", host, got, c.want, c.reason)
		}
	}
	if _, ok := must(table.New("", service("prod", "shop"))).ByHost("unknown"); ok {
		t.Error("a host that nobody has was found")
	}
}

func must(t *table.Table, err error) *table.Table {
	if err != nil {
		return &table.Table{}
	}
	return t
}

func TestContradictionsAreConflicts(t *testing.T) {
	t.Parallel()
	a, b := service("prod", "a"), service("prod", "b")
	a.Hosts, b.Hosts = []string{"Same.example.com"}, []string{"same.example.com"}
	c, d := service("prod", "c"), service("prod", "d")
	c.Listen.Apex, d.Listen.Canary = "127.0.0.1:8001", "127.0.0.1:8001"
	e := service("prod", "e")
	e.Listen.Primary = "127.0.0.1:80"
	cases := map[string]struct {
		services []table.Service
		want     string
	}{
		"host":   {[]table.Service{a, b}, `host "same.example.com" of service prod/b belongs to service prod/a already`},
		"port":   {[]table.Service{c, d}, "listen.canary of service prod/d is 127.0.0.1:8001, an address of service prod/c already"},
		"shared": {[]table.Service{e}, "the address of the shared listener"},
		"twice":  {[]table.Service{a, a}, "service prod/a is in the routing table twice"},
	}
	for name, c := range cases {
		_, err := table.New("127.0.0.1:80", c.services...)
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v, want a conflict with %q", name, err, c.want)
		}
	}
}

func TestVersionIsTheContent(t *testing.T) {
	t.Parallel()
	a, b := service("prod", "a"), service("prod", "b")
	a.Primary = append(a.Primary, table.Endpoint{Address: "127.0.0.1:9002"})
	swapped := a
	swapped.Primary = []table.Endpoint{a.Primary[1], a.Primary[0]}
	one, two := must(table.New("", a, b)), must(table.New("", b, swapped))
	if one.Version() == "" || one.Version() != two.Version() {
		t.Errorf("the same content in another order has versions %q and %q", one.Version(), two.Version())
	}
	seen := map[string]string{one.Version(): "the original"}
	edits := map[string]func(*table.Service){
		"split":    func(s *table.Service) { s.Split = &rollout.Split{Primary: rollout.Whole} },
		"returned": func(s *table.Service) { s.Returned = true },
		"endpoint": func(s *table.Service) { s.Canary = []table.Endpoint{{Address: "127.0.0.1:9003"}} },
		"timeout":  func(s *table.Service) { s.Timeout = time.Second },
		"match": func(s *table.Service) {
			s.Match = []table.Condition{{Headers: map[string]table.StringMatch{"x": {}}}}
		},
	}
	for name, edit := range edits {
		changed := b
		edit(&changed)
		v := must(table.New("", a, changed)).Version()
		if other, ok := seen[v]; ok || v == "" {
			t.Errorf("%s: version %q is that of %s", name, v, other)
		}
		seen[v] = name
	}
}

func TestRouteWithoutSplit(t *testing.T) {
	t.Parallel()
	at := func(port int) []table.Endpoint {
		return []table.Endpoint{{Address: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	all, none := rollout.Split{Canary: rollout.Whole}, rollout.Split{Primary: rollout.Whole}
	cases := map[string]struct {
		service table.Service
		want    rollout.Split
	}{
		"nothing runs":                   {table.Service{}, none},
		"only the target runs":           {table.Service{Canary: at(1)}, all},
		"the primary runs too":           {table.Service{Canary: at(1), Primary: at(2)}, none},
		"the target was given back":      {table.Service{Canary: at(1), Primary: at(2), Returned: true}, all},
		"given back but it does not run": {table.Service{Primary: at(2), Returned: true}, none},
		"a split was written":            {table.Service{Canary: at(1), Split: &none}, none},
	}
	for name, c := range cases {
		if got := c.service.Route(); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestCanaryEndpointsArePinned(t *testing.T) {
	t.Parallel()
	s := table.Service{
		Canary:  []table.Endpoint{{Address: "127.0.0.1:1", Revision: "v2"}, {Address: "127.0.0.1:2", Revision: "v3"}},
		Primary: []table.Endpoint{{Address: "127.0.0.1:3", Revision: "v1"}},
		Split:   &rollout.Split{Canary: rollout.Whole, Revision: "v2"},
	}
	if diff := cmp.Diff(s.Canary[:1], s.Endpoints(rollout.CanarySide)); diff != "" {
		t.Errorf("canary endpoints (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.Primary, s.Endpoints(rollout.PrimarySide)); diff != "" {
		t.Errorf("the primary's endpoints are never filtered (-want +got):\n%s", diff)
	}
	s.Split = &rollout.Split{Canary: rollout.Whole}
	if diff := cmp.Diff(s.Canary, s.Endpoints(rollout.CanarySide)); diff != "" {
		t.Errorf("without a revision any will do (-want +got):\n%s", diff)
	}
}

func TestProtocolOf(t *testing.T) {
	t.Parallel()
	cases := []struct {
		app, port string
		want      table.Protocol
	}{
		{"", "http", table.HTTP1},
		{"", "grpc", table.H2C},
		{"", "grpc-web", table.H2C},
		{"http", "grpc", table.HTTP1},
		{"kubernetes.io/h2c", "http", table.H2C},
		{"grpc", "", table.H2C},
	}
	for _, c := range cases {
		if got := table.ProtocolOf(c.app, c.port); got != c.want {
			t.Errorf("ProtocolOf(%q, %q) = %q, want %q", c.app, c.port, got, c.want)
		}
	}
}
