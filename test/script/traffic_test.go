package script

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	generator "github.com/serin-dev/serin/internal/demo/load"
)

// get URL [HEADER:VALUE …] asks once and prints the status, the headers and the body.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: get URL [HEADER:VALUE ...]")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], http.NoBody)
	ts.Check(err)
	for _, h := range args[1:] {
		name, value, _ := strings.Cut(h, ":")
		if strings.EqualFold(name, "Host") {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		if !neg {
			ts.Fatalf("get %s: %v", args[0], err)
		}
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%s\n", resp.Status)
	ts.Check(err)
	ts.Check(resp.Header.Write(ts.Stdout()))
	_, err = fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
	ts.Check(err)
	if neg == (resp.StatusCode < http.StatusInternalServerError) {
		ts.Fatalf("get %s: %s", args[0], resp.Status)
	}
}

// load is requests at a constant rate.
type load struct {
	generator *generator.Generator
	cancel    context.CancelFunc
	done      chan struct{}
}

// startLoad is `load URL RATE [HOST]`: requests at a constant rate until `unload`.
func startLoad(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	if len(args) < 2 || s.load != nil {
		ts.Fatalf("usage: load URL RATE [HOST], once until unload")
	}
	rate, err := strconv.Atoi(args[1])
	ts.Check(err)
	o := generator.Options{}
	if len(args) > 2 {
		o.Host = args[2]
	}
	g, err := generator.New(args[0], rate, o)
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	s.load = &load{generator: g, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.load.done)
		g.Run(ctx)
	}()
}

func (l *load) end() {
	l.cancel()
	<-l.done
}

// stopLoad is `unload`: it ends the load and prints what became of its requests, one line for each version and status,
// and the number of those that got no answer of the app.
func stopLoad(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	if s.load == nil {
		ts.Fatalf("there is no load")
	}
	s.load.end()
	seen := s.load.generator.Snapshot()
	s.load = nil
	var lines []string
	for key, n := range seen.Counts {
		lines = append(lines, fmt.Sprintf("%s %d: %d\n", key.Version, key.Status, n))
	}
	slices.Sort(lines)
	for _, lost := range seen.Losses {
		lines = append(lines, "loss: "+lost.Lost+"\n")
	}
	_, err := fmt.Fprintf(ts.Stdout(), "%slost: %d\n", strings.Join(lines, ""), seen.Lost)
	ts.Check(err)
}

// hooks is a third party that answers webhooks as the story says, by the path of the call.
type hooks struct {
	server *httptest.Server

	mu      sync.Mutex
	answers map[string]int
	calls   map[string][]json.RawMessage
	rang    chan struct{}
}

func newHooks() *hooks {
	h := &hooks{answers: map[string]int{}, calls: map[string][]json.RawMessage{}, rang: make(chan struct{})}
	h.server = httptest.NewServer(h)
	return h
}

// ServeHTTP answers 200, or what the story said for the path.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	name := strings.Trim(r.URL.Path, "/")
	h.mu.Lock()
	h.calls[name] = append(h.calls[name], body)
	status, told := h.answers[name]
	close(h.rang)
	h.rang = make(chan struct{})
	h.mu.Unlock()
	if !told {
		status = http.StatusOK
	}
	if status == 0 {
		<-r.Context().Done()
		return
	}
	http.Error(w, "the story says "+strconv.Itoa(status), status)
}

// hook NAME STATUS says how calls of $HOOKS/NAME are answered from now on; the status hang means not at all.
func hook(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: hook NAME STATUS|hang")
	}
	status := 0
	if args[1] != "hang" {
		var err error
		status, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	h := storyOf(ts).hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[args[0]] = status
}

// called NAME [N] waits until $HOOKS/NAME was called N times, once by default, and prints the latest body. `! called
// NAME` says that it was never called so far.
func called(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: called NAME [N]")
	}
	n := 1
	if len(args) > 1 {
		var err error
		n, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	bodies := storyOf(ts).hooks.wait(args[0], n, neg)
	if neg != (len(bodies) < n) {
		ts.Fatalf("hook %s was called %d times", args[0], len(bodies))
	}
	if !neg {
		_, err := fmt.Fprintf(ts.Stdout(), "%s\n", bodies[len(bodies)-1])
		ts.Check(err)
	}
}

// wait returns the calls of a path once there are n of them.
func (h *hooks) wait(name string, n int, atOnce bool) []json.RawMessage {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		h.mu.Lock()
		bodies, rang := slices.Clone(h.calls[name]), h.rang
		h.mu.Unlock()
		if len(bodies) >= n || atOnce {
			return bodies
		}
		select {
		case <-rang:
		case <-timer.C:
			return bodies
		}
	}
}

// asked NAME prints all bodies that $HOOKS/NAME got so far, one per line.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	for _, body := range storyOf(ts).hooks.wait(args[0], 0, true) {
		_, err := fmt.Fprintf(ts.Stdout(), "%s\n", body)
		ts.Check(err)
	}
}
