package script

import (
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
)

// hooks is a third party that answers webhooks as the story says, by the path of the call.
type hooks struct {
	server *httptest.Server

	mu      sync.Mutex
	answers map[string]int
	calls   map[string][]call
	rang    chan struct{}
}

// call is one request that the third party got.
type call struct {
	header http.Header
	body   []byte
}

func newHooks() *hooks {
	h := &hooks{answers: map[string]int{}, calls: map[string][]call{}, rang: make(chan struct{})}
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
	h.calls[name] = append(h.calls[name], call{r.Header, body})
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

// called NAME [N] waits until $HOOKS/NAME was called N times, once by default, and prints the latest body, and to the
// standard error the headers that came with it. `! called NAME` says that it was never called so far.
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
	calls := storyOf(ts).hooks.wait(args[0], n, neg)
	if neg != (len(calls) < n) {
		ts.Fatalf("hook %s was called %d times", args[0], len(calls))
	}
	if neg {
		return
	}
	latest := calls[len(calls)-1]
	_, err := fmt.Fprintf(ts.Stdout(), "%s\n", latest.body)
	ts.Check(err)
	ts.Check(latest.header.Write(ts.Stderr()))
}

// wait returns the calls of a path once there are n of them.
func (h *hooks) wait(name string, n int, atOnce bool) []call {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		h.mu.Lock()
		calls, rang := slices.Clone(h.calls[name]), h.rang
		h.mu.Unlock()
		if len(calls) >= n || atOnce {
			return calls
		}
		select {
		case <-rang:
		case <-timer.C:
			return calls
		}
	}
}

// asked NAME prints how often $HOOKS/NAME was called so far, and all bodies that it got, one per line.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: asked NAME")
	}
	calls := storyOf(ts).hooks.wait(args[0], 0, true)
	_, err := fmt.Fprintf(ts.Stdout(), "calls: %d\n", len(calls))
	ts.Check(err)
	for _, c := range calls {
		_, err := fmt.Fprintf(ts.Stdout(), "%s\n", c.body)
		ts.Check(err)
	}
}
