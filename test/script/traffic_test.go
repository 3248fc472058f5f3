package script

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/serin-dev/serin/internal/demo/app"
	generator "github.com/serin-dev/serin/internal/demo/load"
)

// answerLimit bounds how long a single request may take.
const answerLimit = 10 * time.Second

// get URL [HEADER:VALUE …] asks once and prints the status, the headers and the body. `! get` expects no answer, or one
// that says that the server is at fault.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: get URL [HEADER:VALUE ...]")
	}
	a, err := ask(http.DefaultTransport, args[0], args[1:])
	if err != nil {
		if !neg {
			ts.Fatalf("get %s: %v", args[0], err)
		}
		return
	}
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", a.status, http.StatusText(a.status))
	ts.Check(err)
	ts.Check(a.header.Write(ts.Stdout()))
	_, err = fmt.Fprintf(ts.Stdout(), "\n%s\n", a.body)
	ts.Check(err)
	if neg == (a.status < http.StatusInternalServerError) {
		ts.Fatalf("get %s: %d", args[0], a.status)
	}
}

// burst N URL [HEADER:VALUE …] asks N times, one after the other and each on a connection of its own, and prints how
// many answers of each version and status there were.
func burst(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: burst N URL [HEADER:VALUE ...]")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	transport := &http.Transport{DisableKeepAlives: true}
	seen := map[string]int{}
	for range n {
		a, err := ask(transport, args[1], args[2:])
		if err != nil {
			ts.Fatalf("burst %s: %v", args[1], err)
		}
		seen[fmt.Sprintf("%s %d", a.header.Get(app.VersionHeader), a.status)]++
	}
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		_, err := fmt.Fprintf(ts.Stdout(), "%s: %d\n", key, seen[key])
		ts.Check(err)
	}
}

// visit VAR VERSION URL [HEADER:VALUE …] asks as new clients until a version has answered one, and puts the cookies that the client got
// into a variable, ready to be sent.
func visit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: visit VAR VERSION URL [HEADER:VALUE ...]")
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < patience; <-ticker.C {
		a, err := ask(http.DefaultTransport, args[2], args[3:])
		if err != nil {
			ts.Fatalf("visit %s: %v", args[2], err)
		}
		if a.header.Get(app.VersionHeader) != args[1] {
			continue
		}
		var cookies []string
		for _, c := range a.cookies {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		ts.Setenv(args[0], strings.Join(cookies, "; "))
		return
	}
	ts.Fatalf("visit %s: version %s never answered", args[2], args[1])
}

// answer is what came back for one request.
type answer struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    []byte
}

// ask makes one request. The header Host is the host that is asked for.
func ask(transport http.RoundTripper, url string, headers []string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if strings.EqualFold(name, "Host") {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return answer{resp.StatusCode, resp.Header, resp.Cookies(), body}, err
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
