package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/rollout"
)

//nolint:gochecknoglobals // a flag of the test binary.
var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// asSerin makes the test binary a serin whose daemon only waits, for the tests that need a process.
const asSerin = "SERIN_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asSerin) != "" {
		os.Exit(Main(context.Background(), os.Args[1:], Deps{Version: testVersion(), Up: idle}))
	}
	goleak.VerifyTestMain(m)
}

// idle is a daemon that says it is ready, and ends with its context.
func idle(ctx context.Context, o UpOptions) error {
	o.Logger.Info("Working", "dir", "DIR")
	o.Ready(Addresses{API: "http://" + o.API, Shared: "http://" + o.Listen})
	<-ctx.Done()
	o.Logger.Info("Ended")
	return nil
}

func testVersion() httpapi.Version {
	return httpapi.Version{Version: "v0.0.0-test", Commit: "abcdef", Go: "go1.26"}
}

func web() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }

// later is the clock of the command line in tests.
func later() time.Time { return httpapitest.Noon().Add(90 * time.Second) }

// buffer may be written and read by several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// bench is a fake daemon behind real HTTP, and the command line that talks to it.
type bench struct {
	fake     *httpapitest.Fake
	address  string
	end      context.CancelFunc
	out, err buffer
	env      map[string]string
	terminal bool
	up       func(context.Context, UpOptions) error
	self     string
	// dir is where the search for a daemon begins.
	dir string
}

// obey takes every command but retry.
func obey(f *httpapitest.Fake, key engine.Key, c rollout.Command) string {
	switch c.Verb {
	case rollout.Retry:
		return "there is no failed revision to try again"
	case rollout.Pause:
		f.Change(key, func(s *httpapi.Snapshot) { s.State.Paused = &c.Intent })
	case rollout.Promote, rollout.Abort, rollout.Resume, rollout.Skip:
	}
	return ""
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchWith(t, httpapitest.Options{Now: httpapitest.Noon, Obey: obey}, httpapi.Options{Version: testVersion()})
}

func newBenchWith(t *testing.T, fo httpapitest.Options, o httpapi.Options) *bench {
	t.Helper()
	b := &bench{fake: httpapitest.New(fo), env: map[string]string{}, dir: t.TempDir()}
	s, err := httpapi.New(b.fake.Backend(), o)
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	b.address, b.end = "http://"+ln.Addr().String(), cancel
	b.env["SERIN_SERVER"] = b.address
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return b
}

func (b *bench) deps() Deps {
	return Deps{
		Version: testVersion(), Up: b.up, Out: &b.out, Err: &b.err, Dir: b.dir, Now: later,
		Env:        func(name string) string { return b.env[name] },
		Terminal:   func(io.Writer) bool { return b.terminal },
		Executable: func() (string, error) { return b.self, nil },
		Person:     func() string { return "ada@example" },
	}
}

func (b *bench) serin(ctx context.Context, args ...string) int { return run(ctx, args, b.deps()) }

// scrub replaces what differs between two runs of a test.
func (b *bench) scrub(text string) string {
	text = strings.ReplaceAll(text, b.address, "http://SERVER")
	text = strings.ReplaceAll(text, b.dir, "TEMP")
	text = regexp.MustCompile(`(uid"?: "?)[0-9a-f]{24}`).ReplaceAllString(text, "${1}UID")
	return regexp.MustCompile(`(at"?: "?)202\d[-0-9T:.]+Z`).ReplaceAllString(text, "${1}TIME")
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// transcript is what a person sees of a command.
func (b *bench) transcript(code int, args []string) string {
	text := fmt.Sprintf("$ serin %s\n%s", strings.Join(args, " "), b.out.String())
	if said := b.err.String(); said != "" {
		text += "--- stderr\n" + said
	}
	if code != 0 {
		text += fmt.Sprintf("--- exit code %d\n", code)
	}
	return b.scrub(text)
}

// fill puts canaries in all kinds of situations into the fake.
func (b *bench) fill(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	b.fake.Put(httpapitest.Progressing(web()))
	for _, e := range httpapitest.Lifetime("aaaaaaaaaa-1", rollout.OutcomeSucceeded, "Promoted", "revision aaaaaaaaaa is promoted") {
		e.Revision = "aaaaaaaaaa"
		e.At = e.At.Add(-time.Hour)
		b.happen(ctx, t, web(), e)
	}
	for _, e := range midway() {
		b.happen(ctx, t, web(), e)
	}
	pay, shop := engine.Key{Namespace: "shop", Name: "pay"}, engine.Key{Namespace: "shop", Name: "cart"}
	const why = "2 of 2 allowed checks failed; success-rate: 93 % of 412 requests succeeded"
	b.fake.Put(httpapitest.Failed(pay, rollout.OutcomeFailed, "ChecksFailed", why))
	for _, e := range httpapitest.Lifetime("bbbbbbbbbb-2", rollout.OutcomeFailed, "ChecksFailed", why) {
		b.happen(ctx, t, pay, e)
	}
	b.fake.Put(httpapitest.Succeeded(shop))
}

func (b *bench) happen(ctx context.Context, t *testing.T, key engine.Key, e rollout.Event) {
	t.Helper()
	if err := b.fake.Happen(ctx, key, e); err != nil {
		t.Fatal(err)
	}
}

// midway is what has happened so far to the run of httpapitest.Progressing.
func midway() []rollout.Event {
	results := httpapitest.Progressing(web()).State.Run.Results
	event := func(second int, kind rollout.EventType, step int, weight rollout.Weight, text string) rollout.Event {
		return rollout.Event{
			ID: fmt.Sprintf("web-%d-%s", second, kind), At: httpapitest.Noon().Add(time.Duration(second) * time.Second), Type: kind,
			Severity: rollout.Info, Phase: rollout.Progressing, Message: text, Run: "bbbbbbbbbb-2", Revision: "bbbbbbbbbb", Step: step, Weight: weight,
		}
	}
	checked := event(72, rollout.Checked, 0, 5000, "Check 1 of step 1 failed")
	checked.Severity, checked.Results = rollout.Warn, results
	taken := event(75, rollout.CommandTaken, 0, 5000, "skip by ada@example: the dashboard looks fine")
	taken.By = "ada@example"
	return []rollout.Event{
		event(60, rollout.RunStarted, 0, 0, "Revision bbbbbbbbbb starts as run bbbbbbbbbb-2"),
		event(61, rollout.WeightWanted, 0, 5000, "The canary is to get 5%"),
		event(62, rollout.WeightAcked, 0, 5000, "The canary gets 5%"),
		checked, taken,
		event(80, rollout.WeightWanted, 1, 20000, "The canary is to get 20%"),
		event(84, rollout.WeightAcked, 1, 20000, "The canary gets 20%"),
	}
}

// until waits for a condition that another goroutine makes true.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !met() {
		select {
		case <-ticker.C:
		case <-limit.C:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}
