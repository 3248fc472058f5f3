package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestSettleWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	began, goOn := make(chan struct{}), make(chan struct{})
	slow := serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
		began <- struct{}{}
		<-goOn
		_, _ = io.WriteString(w, "done")
	})
	r.put(t, appService([]table.Endpoint{slow}, nil, weights(0)))
	answered := make(chan string, 1)
	go func() { answered <- r.get(t, "/").body }()
	<-began
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.proxy.Settle(short, []string{slow.Address}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while the table names it: %v", err)
	}
	if err := r.store.SetEndpoints(app(), says(t, "other"), nil); err != nil {
		t.Fatal(err)
	}
	r.sync(t)
	short, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.proxy.Settle(short, []string{slow.Address}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while an exchange is under way: %v", err)
	}
	settled := make(chan error, 1)
	go func() { settled <- r.proxy.Settle(t.Context(), []string{slow.Address}) }()
	close(goOn)
	if body := <-answered; body != "done" {
		t.Errorf("the last request got %q", body)
	}
	if err := <-settled; err != nil {
		t.Errorf("then: %v", err)
	}
	if err := r.proxy.Settle(t.Context(), []string{"127.0.0.1:1"}); err != nil {
		t.Errorf("an address that nobody names: %v", err)
	}
}

// pod is a server that notes requests that came after it was told that there will be none.
type pod struct {
	server  *httptest.Server
	settled atomic.Bool
	late    *atomic.Int64
}

func (p *pod) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.settled.Load() {
		p.late.Add(1)
	}
	_, _ = io.Copy(w, r.Body)
}

// TestNothingIsLost replaces all pods 200 times under load. Each pod is ended, without a grace of its own, as soon as
// Settle says so.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	const swaps, clients = 200, 16
	r := newRig(t, Options{})
	var late atomic.Int64
	start := func() *pod {
		p := &pod{late: &late}
		p.server = httptest.NewServer(p)
		return p
	}
	at := func(p *pod) []table.Endpoint { return []table.Endpoint{endpointOf(p.server)} }
	primary, canary := start(), start()
	r.put(t, appService(at(primary), at(canary), weights(50_000)))

	ctx, cancel := context.WithCancel(t.Context())
	var sent, lost atomic.Int64
	var load sync.WaitGroup
	for i := range clients {
		c := newClient(i%2 == 1)
		load.Go(func() {
			for ctx.Err() == nil {
				sent.Add(1)
				if why := echoed(t, r, c); why != "" { //nolint:contextcheck // Requests are never cancelled: none may be lost.
					lost.Add(1)
					t.Log(why)
				}
			}
			c.CloseIdleConnections()
		})
	}
	for i := range swaps {
		oldPrimary, oldCanary := primary, canary
		primary, canary = start(), start()
		if err := r.store.SetEndpoints(app(), at(primary), at(canary)); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			r.route(t, app(), *weights(rollout.Weight(i) * 500))
		}
		for _, p := range []*pod{oldPrimary, oldCanary} {
			if err := r.proxy.Settle(t.Context(), []string{endpointOf(p.server).Address}); err != nil {
				t.Fatal(err)
			}
			p.settled.Store(true)
			p.server.CloseClientConnections()
			p.server.Close()
		}
	}
	cancel()
	load.Wait()
	t.Logf("%d requests over %d swaps", sent.Load(), swaps)
	if lost.Load() > 0 || late.Load() > 0 {
		t.Errorf("of %d requests %d were lost, %d came after Settle", sent.Load(), lost.Load(), late.Load())
	}
	total := func() float64 {
		return r.answers(t, rollout.PrimarySide, "200") + r.answers(t, rollout.CanarySide, "200")
	}
	eventually(t, "all are counted", func() bool { return total() == float64(sent.Load()) })
	r.proxy.mu.Lock()
	n := len(r.proxy.endpoints)
	r.proxy.mu.Unlock()
	if n != 2 {
		t.Errorf("%d endpoints are kept, want 2", n)
	}
	primary.server.Close()
	canary.server.Close()
}

// echoed sends a request whose loss nothing makes good again, and says what was wrong.
func echoed(t *testing.T, r *rig, c *http.Client) string {
	t.Helper()
	body := strings.Repeat("x", 100)
	res, err := c.Do(r.request(t, http.MethodPost, "/", bytes.NewReader([]byte(body))))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || string(got) != body {
		return res.Status + " " + string(got)
	}
	return ""
}

// TestSettleRace lets endpoints come and go while many requests pick them, without any network in between.
func TestSettleRace(t *testing.T) {
	t.Parallel()
	store, err := table.NewStore(table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put := func(list ...table.Endpoint) {
		if err := store.Put(appService(list, nil, weights(0))); err != nil {
			t.Error(err)
		}
		p.putInForce(store.Table())
	}
	a, b := table.Endpoint{Address: "127.0.0.1:1001"}, table.Endpoint{Address: "127.0.0.1:1002"}
	put(a, b)
	var gone, wrong atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for ctx.Err() == nil {
				e := p.hold(func(s *snapshot) *endpoint { return s.services[0].primary.pick(p.o.Random, nil) })
				if gone.Load() == 1 && e.address == b.Address {
					wrong.Add(1)
				}
				p.release(e)
			}
		})
	}
	for range 2000 {
		put(a)
		if err := p.Settle(ctx, []string{b.Address}); err != nil {
			t.Fatal(err)
		}
		gone.Store(1)
		gone.Store(0)
		put(a, b)
	}
	cancel()
	users.Wait()
	if wrong.Load() > 0 {
		t.Errorf("%d times an endpoint was held after Settle", wrong.Load())
	}
	if err := p.Settle(t.Context(), []string{"127.0.0.1:9"}); err != nil {
		t.Error(err)
	}
}

func TestIdleConnectionsOfLeftEndpointsAreClosed(t *testing.T) {
	t.Parallel()
	for name, h2c := range map[string]bool{"HTTP/1.1": false, "h2c": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{EndpointIdle: time.Hour})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
			var open atomic.Int64
			if h2c {
				server.Config.Protocols = new(http.Protocols)
				server.Config.Protocols.SetUnencryptedHTTP2(true)
			}
			server.Listener = &countingListener{Listener: server.Listener, open: &open}
			server.Start()
			t.Cleanup(server.Close)
			s := appService([]table.Endpoint{endpointOf(server)}, nil, weights(0))
			if h2c {
				s.Protocol = table.H2C
			}
			r.put(t, s)
			r.get(t, "/")
			if open.Load() == 0 {
				t.Fatal("no connection is kept")
			}
			if err := r.store.SetEndpoints(app(), nil, nil); err != nil {
				t.Fatal(err)
			}
			eventually(t, "its connections are closed", func() bool { return open.Load() == 0 })
		})
	}
}

func TestAProxyThatHasEndedSendsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	e := says(t, "served")
	r.put(t, appService(e, nil, weights(0)))
	if body := r.get(t, "/").body; body != "served" {
		t.Fatalf("the endpoint answered %q", body)
	}
	r.stop()
	if err := r.proxy.Settle(t.Context(), []string{e[0].Address}); err != nil {
		t.Errorf("whoever waits for the last exchange goes on, not: %v", err)
	}
}
