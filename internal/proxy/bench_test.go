package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func benchEndpoint(b *testing.B) *httptest.Server {
	b.Helper()
	return startServer(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "hello, world")
	}, false)
}

func load(b *testing.B, address string) {
	b.Helper()
	c := newClient(false)
	defer c.CloseIdleConnections()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
			if err != nil {
				b.Error(err)
				return
			}
			req.Host = "app.test"
			res, err := c.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
}

// BenchmarkDirect is the endpoint without a proxy: subtract it from the others.
func BenchmarkDirect(b *testing.B) {
	load(b, endpointOf(benchEndpoint(b)).Address)
}

// BenchmarkPlain is the standard library's reverse proxy with nothing around it.
func BenchmarkPlain(b *testing.B) {
	to, err := url.Parse(benchEndpoint(b).URL)
	if err != nil {
		b.Fatal(err)
	}
	plain := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() },
		Transport: &http.Transport{MaxIdleConnsPerHost: idlePerEndpoint},
	}
	load(b, endpointOf(startServer(b, plain.ServeHTTP, false)).Address)
}

// BenchmarkProxy is the data plane with weights, sessions, and a header to add.
func BenchmarkProxy(b *testing.B) {
	r := newRig(b, Options{})
	e := []table.Endpoint{endpointOf(benchEndpoint(b))}
	s := appService(e, e, &rollout.Split{Primary: 90_000, Canary: 10_000, CanarySession: "c1", PrimarySession: "p1"})
	s.Affinity = &table.Affinity{Cookie: "c", PrimaryCookie: "p"}
	s.Request.Set = map[string]string{"x-a": "b"}
	r.put(b, s)
	load(b, r.shared)
}

// BenchmarkSwap10000 is one change of one weight in a table of 10,000 services, as the proxy puts it in force. The
// plane's report is the table's own part of it.
func BenchmarkSwap10000(b *testing.B) {
	store, err := table.NewStore(table.Options{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := New(store, Options{})
	if err != nil {
		b.Fatal(err)
	}
	services := make([]table.Service, 10_000)
	for i := range services {
		services[i] = table.Service{
			Key:     table.Key{Namespace: "test", Name: fmt.Sprint("app", i)},
			Primary: []table.Endpoint{{Address: fmt.Sprintf("127.0.0.1:%d", 10_000+i)}},
			Canary:  []table.Endpoint{{Address: fmt.Sprintf("127.0.0.2:%d", 10_000+i)}},
			Split:   weights(0),
			Match:   []table.Condition{{Headers: map[string]table.StringMatch{"x-a": {Regex: "a.*b"}}}},
		}
	}
	if err := store.Put(services...); err != nil {
		b.Fatal(err)
	}
	p.putInForce(store.Table())
	for name, whole := range map[string]bool{"swap": false, "swap and report": true} {
		b.Run(name, func(b *testing.B) {
			tables := make([]*table.Table, 2)
			for i := range tables {
				split := weights(rollout.Weight(1000 * (i + 1)))
				if err := store.Route(services[5000].Key, func(*table.Service) (*rollout.Split, bool, error) { return split, false, nil }); err != nil {
					b.Fatal(err)
				}
				tables[i] = store.Table()
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p.putInForce(tables[i%2])
				if whole {
					p.plane.Report(tables[i%2])
				}
			}
		})
	}
}
