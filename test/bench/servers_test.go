package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/proxy"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// host is the name of the service that the load is for.
const host = "app.test"

// backendAnswer is what the backend answers with.
func backendAnswer() string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nServer: bench\r\n" +
		"Date: Thu, 01 Jan 2026 12:00:00 GMT\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024)
}

// serveBackend answers every request at once. It knows just enough of HTTP/1.1 to cost little.
func serveBackend() error {
	l, err := listen()
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return ready(l.Addr().String())
}

func answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r, text := bufio.NewReader(conn), []byte(backendAnswer())
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := conn.Write(text); err != nil {
			return
		}
	}
}

func listen() (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// idleConnections is how many connections to the backend every proxy may keep.
const idleConnections = 512

// servePlain is the standard library's reverse proxy with nothing around it.
func servePlain(backend string) error {
	to := &url.URL{Scheme: "http", Host: backend}
	plain := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: idleConnections},
	}
	l, err := listen()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: plain, ReadHeaderTimeout: 15 * time.Second}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	return ready(l.Addr().String())
}

// serveSerin is the built-in data plane in the middle of a release. With features it also begins sessions, sets
// headers, holds requests against conditions and bounds their time.
func serveSerin(backend string, features bool) error {
	l, err := listen()
	if err != nil {
		return err
	}
	shared := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	store, err := table.NewStore(table.Options{Shared: shared})
	if err != nil {
		return err
	}
	p, err := proxy.New(store, proxy.Options{})
	if err != nil {
		return err
	}
	endpoints := []table.Endpoint{{Address: backend}}
	s := table.Service{
		Key:     table.Key{Namespace: "test", Name: "app"},
		Primary: endpoints, Canary: endpoints,
		Split: &rollout.Split{Primary: 90 * rollout.Percent, Canary: 10 * rollout.Percent},
	}
	if features {
		addFeatures(&s)
	}
	if err := store.Put(s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	err = awaitListener(shared)
	if err == nil {
		err = ready(shared)
	}
	cancel()
	if other := <-ended; err == nil {
		err = other
	}
	return err
}

func addFeatures(s *table.Service) {
	s.Affinity = &table.Affinity{Cookie: "canary", PrimaryCookie: "primary"}
	s.Split.CanarySession, s.Split.PrimarySession = "c1", "p1"
	s.Request.Set = map[string]string{"X-Team": "shop"}
	s.Response.Remove = []string{"Server"}
	s.Timeout = 15 * time.Second
	s.Retries = &table.Retries{Attempts: 2, PerTry: 5 * time.Second}
}

// awaitListener waits until somebody listens.
func awaitListener(address string) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	var err error
	for range 1000 {
		var conn io.Closer
		if conn, err = net.DialTimeout("tcp", address, time.Second); err == nil { //nolint:noctx // A child has no test.
			return conn.Close()
		}
		<-tick.C
	}
	return err
}
