package proxy

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// rig is a proxy that runs, with its table.
type rig struct {
	store  *table.Store
	proxy  *Proxy
	shared string
	client *http.Client
	h2c    *http.Client
	// stop ends Run and waits for it.
	stop func()
}

func newRig(tb testing.TB, o Options) *rig {
	tb.Helper()
	if o.Random == nil {
		o.Random = seeded(1)
	}
	shared := freeAddress(tb)
	store, err := table.NewStore(table.Options{Shared: shared})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := New(store, o)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	r := &rig{store: store, proxy: p, shared: shared, client: newClient(false), h2c: newClient(true)}
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("Run: %v", err)
		}
	})
	tb.Cleanup(func() {
		r.client.CloseIdleConnections()
		r.h2c.CloseIdleConnections()
		r.stop()
	})
	eventually(tb, "the shared listener is open", func() bool { return reachable(tb, shared) })
	return r
}

// seeded returns draws that are the same in each run.
func seeded(seed uint64) func() uint64 {
	source, mu := rand.NewPCG(seed, seed), new(sync.Mutex)
	return func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return source.Uint64()
	}
}

func newClient(h2c bool) *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}
	if h2c {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetUnencryptedHTTP2(true)
	}
	return &http.Client{Transport: tr, Timeout: patience}
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func reachable(tb testing.TB, address string) bool {
	tb.Helper()
	conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// eventually waits for a condition.
func eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-late:
			tb.Fatalf("it never happened that %s", what)
		case <-tick.C:
		}
	}
}

// put puts a service into the table and waits until it is in force.
func (r *rig) put(tb testing.TB, s table.Service) {
	tb.Helper()
	if err := r.store.Put(s); err != nil {
		tb.Fatal(err)
	}
	r.sync(tb)
}

func (r *rig) route(tb testing.TB, key table.Key, split rollout.Split) {
	tb.Helper()
	err := r.store.Route(key, func(*table.Service) (*rollout.Split, bool, error) { return &split, false, nil })
	if err != nil {
		tb.Fatal(err)
	}
	r.sync(tb)
}

func (r *rig) sync(tb testing.TB) {
	tb.Helper()
	want := r.store.Table()
	eventually(tb, "the table is in force", func() bool { return r.proxy.current.Load().table.Sequence() >= want.Sequence() })
}

// app is the service that the tests are about.
func app() table.Key { return table.Key{Namespace: "test", Name: "app"} }

func appService(primary, canary []table.Endpoint, split *rollout.Split) table.Service {
	return table.Service{Key: app(), Primary: primary, Canary: canary, Split: split}
}

func weights(canary rollout.Weight) *rollout.Split {
	return &rollout.Split{Primary: rollout.Whole - canary, Canary: canary}
}

func serveOn(tb testing.TB, h http.HandlerFunc) table.Endpoint {
	tb.Helper()
	return endpointOf(startServer(tb, h, false))
}

func startServer(tb testing.TB, h http.HandlerFunc, h2c bool) *httptest.Server {
	tb.Helper()
	s := httptest.NewUnstartedServer(h)
	if h2c {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
	}
	s.Start()
	tb.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func endpointOf(s *httptest.Server) table.Endpoint {
	return table.Endpoint{Address: strings.TrimPrefix(s.URL, "http://")}
}

// says is an endpoint that answers with its name.
func says(tb testing.TB, name string) []table.Endpoint {
	tb.Helper()
	return []table.Endpoint{serveOn(tb, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}
}

// nobody is an endpoint that nobody listens at.
func nobody(tb testing.TB) table.Endpoint {
	tb.Helper()
	return table.Endpoint{Address: freeAddress(tb)}
}

type answerSeen struct {
	status  int
	header  http.Header
	body    string
	trailer http.Header
}

func (r *rig) request(tb testing.TB, method, path string, body io.Reader) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, "http://"+r.shared+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	req.Host = "app.test"
	return req
}

func do(tb testing.TB, c *http.Client, req *http.Request) answerSeen {
	tb.Helper()
	res, err := c.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return answerSeen{res.StatusCode, res.Header, string(body), res.Trailer}
}

func (r *rig) get(tb testing.TB, path string, headers ...string) answerSeen {
	tb.Helper()
	req := r.request(tb, http.MethodGet, path, http.NoBody)
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Add(pair[0], pair[1])
	}
	return do(tb, r.client, req)
}

// metric returns a number from the scrape: labels are pairs.
func (r *rig) metric(tb testing.TB, name, cluster string, label ...string) float64 {
	tb.Helper()
	w := httptest.NewRecorder()
	r.proxy.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics", http.NoBody))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		tb.Fatalf("the metrics cannot be read: %v\n%s", err, w.Body)
	}
	for _, m := range families[name].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["envoy_cluster_name"] != cluster || len(label) == 2 && labels[label[0]] != label[1] {
			continue
		}
		switch {
		case m.GetCounter() != nil:
			return m.GetCounter().GetValue()
		case m.GetHistogram() != nil:
			return float64(m.GetHistogram().GetSampleCount())
		default:
			return m.GetGauge().GetValue()
		}
	}
	return 0
}

func (r *rig) answers(tb testing.TB, side rollout.SideName, code string) float64 {
	tb.Helper()
	return r.metric(tb, "envoy_cluster_upstream_rq", app().Cluster(side), "envoy_response_code", code)
}

// counts waits until a side has counted so many answers: a client may see the end of one before it is counted.
func (r *rig) counts(tb testing.TB, side rollout.SideName, code string, want float64) {
	tb.Helper()
	eventually(tb, string(side)+" has counted "+code, func() bool { return r.answers(tb, side, code) == want })
}

// echo answers with the body of the request while it still comes.
func echo(w http.ResponseWriter, req *http.Request) {
	if req.ProtoMajor == 1 {
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	_, _ = io.Copy(w, req.Body)
}
