package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// load is what a round of requests has shown.
type load struct {
	requests int
	elapsed  time.Duration
	// times are those of the requests, in order of length.
	times []time.Duration
	// failed are the requests without a whole answer of the status 200.
	failed int
}

func (l *load) rate() float64 { return float64(l.requests) / l.elapsed.Seconds() }

// percentile returns the time within which a share of the requests was answered.
func (l *load) percentile(share float64) time.Duration {
	if len(l.times) == 0 {
		return 0
	}
	return l.times[min(int(share*float64(len(l.times))), len(l.times)-1)]
}

// connection is a client's. It knows just enough of HTTP/1.1 to cost little.
type connection struct {
	net.Conn

	reader  *bufio.Reader
	request []byte
}

func dial(ctx context.Context, address, host string) (*connection, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	request := "GET /api/items?id=7 HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Language: en\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n"
	return &connection{Conn: conn, reader: bufio.NewReader(conn), request: []byte(request)}, nil
}

// exchange sends one request and reads its answer.
func (c *connection) exchange() error {
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("the answer is %q", line)
	}
	length := -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("the answer has no length")
	}
	_, err = c.reader.Discard(length)
	return err
}

// clients keep connections open between rounds.
type clients struct {
	address, host string
	open          []*connection
}

func newClients(ctx context.Context, address, host string, n int) (*clients, error) {
	c := &clients{address: address, host: host}
	for range n {
		conn, err := dial(ctx, address, host)
		if err != nil {
			c.close()
			return nil, err
		}
		c.open = append(c.open, conn)
	}
	return c, nil
}

func (c *clients) close() {
	for _, conn := range c.open {
		_ = conn.Close()
	}
}

// run sends requests on all connections until ctx ends. With a rate (requests a second, over all connections) each
// connection keeps its schedule; without one it sends as fast as it is answered.
func (c *clients) run(ctx context.Context, rate float64) load {
	results := make([]load, len(c.open))
	began := time.Now()
	var all sync.WaitGroup
	for i := range c.open {
		all.Go(func() { results[i] = c.drive(ctx, i, rate) })
	}
	all.Wait()
	total := load{elapsed: time.Since(began)}
	for _, r := range results {
		total.requests += r.requests
		total.failed += r.failed
		total.times = append(total.times, r.times...)
	}
	slices.Sort(total.times)
	return total
}

func (c *clients) drive(ctx context.Context, i int, rate float64) load {
	var l load
	pace := newPace(rate, i, len(c.open))
	defer pace.stop()
	for pace.wait(ctx) {
		began := time.Now()
		err := c.open[i].exchange()
		l.times = append(l.times, time.Since(began))
		l.requests++
		if err == nil {
			continue
		}
		l.failed++
		_ = c.open[i].Close()
		again, err := dial(context.WithoutCancel(ctx), c.address, c.host)
		if err != nil {
			return l
		}
		c.open[i] = again
	}
	return l
}

// pace spreads the requests of one of several connections.
type pace struct {
	every time.Duration
	next  time.Time
	timer *time.Timer
}

func newPace(rate float64, i, of int) *pace {
	if rate <= 0 {
		return &pace{}
	}
	every := time.Duration(float64(time.Second) * float64(of) / rate)
	return &pace{every: every, next: time.Now().Add(every * time.Duration(i) / time.Duration(of)), timer: time.NewTimer(0)}
}

func (p *pace) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// wait returns when the next request is due: true, or false once ctx has ended.
func (p *pace) wait(ctx context.Context) bool {
	if p.timer == nil {
		return ctx.Err() == nil
	}
	p.timer.Reset(time.Until(p.next))
	p.next = p.next.Add(p.every)
	select {
	case <-ctx.Done():
		return false
	case <-p.timer.C:
		return true
	}
}
