package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	// busyConnections send as fast as they are answered, which shows how much a proxy can do.
	busyConnections = 16
	// slice is how long one proxy is under load before it is the next one's turn.
	slice = 400 * time.Millisecond
	// calm is the share of what the plain proxy can do at which latencies are compared.
	calm = 0.5
)

// contender is a proxy that is compared.
type contender struct {
	name    string
	process child
	clients *clients
	// rates and tails are the requests a second and the p99 in microseconds of each round.
	rates, tails []float64
	// requests were answered with so much CPU time, over all rounds.
	requests int
	cpu      time.Duration
}

// BenchmarkProxies compares the built-in proxy with a plain reverse proxy of the standard library, and shows nginx and
// HAProxy beside them. Each has one core for itself, the load and the backend share another one. An iteration is one
// round in which all have their turn, and what counts is the median of the rounds' ratios.
func BenchmarkProxies(b *testing.B) {
	measured, rest := cores()
	backend := startRole(b, "backend", "", rest)
	var all []*contender
	for _, role := range []string{"plain", "serin", "serin-features"} {
		all = append(all, &contender{name: role, process: startRole(b, role, backend.address, measured)})
	}
	for _, other := range []func(*testing.B, int, string) (child, bool){startNginx, startHAProxy} {
		if process, ok := other(b, measured, backend.address); ok {
			all = append(all, &contender{name: filepath.Base(process.program), process: process})
		}
	}
	stayOn(b, rest)
	for _, c := range all {
		var err error
		if c.clients, err = newClients(b.Context(), c.process.address, host, busyConnections); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(c.clients.close)
		c.under(b, 0)
	}
	for round := 0; b.Loop(); round++ {
		for i := range all {
			// Whoever follows an idle machine, or a busy one, is another one in each round.
			all[(i+round)%len(all)].round(b, all[0])
		}
	}
	report(b, all)
}

// under puts the proxy under load for a slice.
func (c *contender) under(b *testing.B, rate float64) load {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), slice)
	defer cancel()
	l := c.clients.run(ctx, rate)
	if l.failed > 0 {
		b.Errorf("%s: %d of %d requests failed", c.name, l.failed, l.requests)
	}
	return l
}

func (c *contender) round(b *testing.B, plain *contender) {
	b.Helper()
	before := c.process.cpu(b)
	busy := c.under(b, 0)
	c.cpu += c.process.cpu(b) - before
	c.requests += busy.requests
	c.rates = append(c.rates, busy.rate())
	pace := calm * median(plain.rates)
	if pace == 0 {
		pace = calm * busy.rate()
	}
	quiet := c.under(b, pace)
	c.tails = append(c.tails, float64(quiet.percentile(0.99))/float64(time.Microsecond))
}

func report(b *testing.B, all []*contender) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	plain := all[0]
	for _, c := range all {
		b.ReportMetric(median(c.rates), c.name+"-req/s")
		b.ReportMetric(median(c.tails), c.name+"-p99-µs")
		b.ReportMetric(float64(c.cpu.Microseconds())/float64(c.requests), c.name+"-cpu-µs/req")
		if c != plain {
			b.ReportMetric(median(ratios(c.rates, plain.rates)), c.name+"/plain-req/s")
			b.ReportMetric(median(ratios(c.tails, plain.tails)), c.name+"/plain-p99")
		}
	}
}

// ratios are those of the rounds.
func ratios(a, b []float64) []float64 {
	list := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		list = append(list, a[i]/b[i])
	}
	return list
}

func startNginx(b *testing.B, core int, backend string) (child, bool) {
	b.Helper()
	path := find(b, "nginx")
	if path == "" {
		return child{}, false
	}
	dir, address := b.TempDir(), freeAddress(b)
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi; keepalive_requests 1000000000;
  upstream app { server %[2]s; keepalive %[3]d; keepalive_requests 1000000000; }
  server {
    listen %[4]s;
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`, dir, backend, idleConnections, address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return startProgram(b, core, address, path, "-p", dir, "-c", config), true
}

func startHAProxy(b *testing.B, core int, backend string) (child, bool) {
	b.Helper()
	path := find(b, "haproxy")
	if path == "" {
		return child{}, false
	}
	address, config := freeAddress(b), filepath.Join(b.TempDir(), "haproxy.cfg")
	text := fmt.Sprintf(`global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 3s
  timeout client 5m
  timeout server 5m
frontend in
  bind %s
  default_backend app
backend app
  server app %s
`, address, backend)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return startProgram(b, core, address, path, "-db", "-f", config), true
}

// find returns the path of a program, or says that it is missing.
func find(b *testing.B, program string) string {
	b.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program, "/usr/local/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	b.Logf("%s is missing: install it to see it beside the others (on Debian: apt-get install %s)", program, program)
	return ""
}
