package client_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/client"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func web() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }

// connect serves a fake and returns a client for it, and what ends the server.
func connect(t *testing.T, f *httpapitest.Fake, o httpapi.Options, co client.Options) (*client.Client, func()) {
	t.Helper()
	s, err := httpapi.New(f.Backend(), o)
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	c, err := client.New(ln.Addr().String(), co)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		c.Close()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	return c, cancel
}

func same(t *testing.T, what string, err error, got, want any) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEverythingComesThrough(t *testing.T) {
	t.Parallel()
	f := httpapitest.New(httpapitest.Options{Now: httpapitest.Noon})
	other := engine.Key{Namespace: "other", Name: "api"}
	f.Put(httpapitest.Progressing(web()))
	f.Put(httpapitest.Succeeded(other))
	events := httpapitest.Lifetime("r1", rollout.OutcomeFailed, "ChecksFailed", "too many errors")
	for _, e := range events {
		if err := f.Happen(t.Context(), web(), e); err != nil {
			t.Fatal(err)
		}
	}
	objects := []httpapi.Object{{Kind: "Canary", Namespace: "default", Name: "web", File: "web.yaml", Digest: "d"}}
	f.SetObjects(objects...)
	version := httpapi.Version{Version: "1.2.3"}
	c, _ := connect(t, f, httpapi.Options{Token: "t", Version: version}, client.Options{Token: "t"})
	ctx := t.Context()

	progressing, succeeded := httpapitest.Progressing(web()), httpapitest.Succeeded(other)
	want, wantOther := progressing.View(), succeeded.View()
	detail, err := c.Canary(ctx, web())
	same(t, "canary", err, detail, want)
	list, err := c.Canaries(ctx, "")
	same(t, "canaries", err, list, []httpapi.Canary{want.Canary, wantOther.Canary})
	list, err = c.Canaries(ctx, "other")
	same(t, "canaries of a namespace", err, list, []httpapi.Canary{wantOther.Canary})
	runs, err := c.Runs(ctx, web())
	header := record.Run{
		Name: "r1", Revision: "bbbbbbbbbb", Started: events[0].At, Ended: events[2].At,
		Outcome: rollout.OutcomeFailed, Reason: "ChecksFailed", Message: events[2].Detail,
	}
	same(t, "runs", err, runs, []record.Run{header})
	header.Events = events
	run, err := c.Run(ctx, web(), "r1")
	same(t, "run", err, run, header)
	entries, err := c.Events(ctx, web(), record.Query{Since: events[1].At, Limit: 1})
	same(t, "events", err, entries, []record.Entry{{Namespace: "default", Name: "web", Event: events[2]}})
	entries, err = c.Events(ctx, engine.Key{}, record.Query{})
	same(t, "events of all", err, len(entries), 3)
	gotObjects, err := c.Objects(ctx)
	same(t, "objects", err, gotObjects, objects)
	gotVersion, err := c.Version(ctx)
	same(t, "version", err, gotVersion, version)
}

func TestCommandsAndBrake(t *testing.T) {
	t.Parallel()
	f := httpapitest.New(httpapitest.Options{Now: httpapitest.Noon, Obey: func(_ *httpapitest.Fake, _ engine.Key, c rollout.Command) string {
		if c.Verb == rollout.Promote {
			return "no run is in progress"
		}
		return ""
	}})
	f.Put(httpapitest.Progressing(web()))
	c, _ := connect(t, f, httpapi.Options{}, client.Options{})
	ctx := t.Context()
	for verb, want := range map[rollout.Verb]record.Status{rollout.Abort: record.Taken, rollout.Promote: record.Refused} {
		given, err := c.Give(ctx, web(), httpapi.Order{Verb: verb, Reason: "because", By: "ada", Run: "r1", Revision: "rev", UID: "uid-of-" + string(verb)})
		command := rollout.Command{
			UID: "uid-of-" + string(verb), Verb: verb, Run: "r1", Revision: "rev",
			Intent: rollout.Intent{By: "ada", Reason: "because", At: httpapitest.Noon()},
		}
		same(t, "given", err, given, record.Ticket{Command: command, Status: record.Open})
		ticket, err := c.Ticket(ctx, web(), given.Command.UID)
		same(t, "status", err, ticket.Status, want)
	}
	if err := c.SetBrake(ctx, httpapi.Because{By: "ada", Reason: "fire"}); err != nil {
		t.Fatal(err)
	}
	brake, err := c.Brake(ctx)
	if err != nil || brake == nil || brake.By != "ada" || brake.Reason != "fire" || brake.At.IsZero() {
		t.Errorf("brake = %+v, %v", brake, err)
	}
	if err := c.ClearBrake(ctx, httpapi.Because{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	brake, err = c.Brake(ctx)
	same(t, "brake", err, brake, (*rollout.Intent)(nil))
	if err := c.Shutdown(ctx, httpapi.Because{By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if by := <-f.Ended(); by.By != "ada" {
		t.Errorf("it was ended by %+v", by)
	}
}

func TestKindsSurviveTheWire(t *testing.T) {
	t.Parallel()
	f := httpapitest.New(httpapitest.Options{})
	c, _ := connect(t, f, httpapi.Options{}, client.Options{})
	ctx := t.Context()
	if _, err := c.Canary(ctx, web()); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "default/web") {
		t.Errorf("no canary: %v", err)
	}
	f.Put(httpapitest.Progressing(web()))
	if _, err := c.Give(ctx, web(), httpapi.Order{Verb: "explode"}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "verb: ") {
		t.Errorf("unknown verb: %v", err)
	}
	f.SetReady(fault.Errorf(fault.Unavailable, "the proxy is not up"))
	if err := c.Ready(ctx); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("not ready: %v", err)
	}
	f.SetReady(errors.New("a secret detail"))
	if _, err := c.Canaries(ctx, ""); fault.KindOf(err) != fault.Unavailable || strings.Contains(err.Error(), "secret") {
		t.Errorf("an error that nobody classified: %v", err)
	}
	f.SetReady(nil)
	if err := c.Ready(ctx); err != nil {
		t.Errorf("ready: %v", err)
	}
	// A name cannot lead to another path.
	if _, err := c.Canary(ctx, engine.Key{Namespace: "default", Name: "web/runs"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a name with a slash: %v", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Version(t.Context()); !errors.Is(err, client.ErrUnreachable) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("nobody: %v", err)
	}
	for _, bad := range []string{"", "ftp://x", "http://", ":%"} {
		if _, err := client.New(bad, client.Options{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("address %q: %v", bad, err)
		}
	}
}

func TestAStreamTellsChangesAndResumes(t *testing.T) {
	t.Parallel()
	f := httpapitest.New(httpapitest.Options{})
	// Heartbeats come all the time here and must not be taken for changes.
	c, end := connect(t, f, httpapi.Options{Heartbeat: time.Millisecond}, client.Options{})
	enough := errors.New("enough")
	var got []feed.Change
	collect := func(n int) func(feed.Change) error {
		return func(change feed.Change) error {
			if change.ID == 0 {
				f.Put(httpapitest.Progressing(web()))
				f.Put(httpapitest.Progressing(web()))
				return nil
			}
			got = append(got, change)
			if len(got) == n {
				return enough
			}
			return nil
		}
	}
	if err := c.Stream(t.Context(), 0, collect(2)); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if err := c.Stream(t.Context(), 1, collect(5)); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	ids := make([]uint64, 0, len(got))
	for _, change := range got {
		ids = append(ids, change.ID)
	}
	same(t, "ids", nil, ids, []uint64{1, 2, 2, 3, 4})
	same(t, "change", nil, got[0], feed.Change{ID: 1, Kind: feed.StateSaved, Namespace: "default", Name: "web"})

	err := c.Stream(t.Context(), 0, func(feed.Change) error {
		end()
		return nil
	})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a stream whose server ends: %v", err)
	}
}

func TestASilentStreamEnds(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	c, err := client.New(srv.URL, client.Options{Silence: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Stream(t.Context(), 0, func(feed.Change) error { return nil }); !errors.Is(err, client.ErrSilent) {
		t.Errorf("a silent stream ends with %v", err)
	}
}

func TestLogsAreFollowed(t *testing.T) {
	t.Parallel()
	f := httpapitest.New(httpapitest.Options{})
	f.Put(httpapitest.Progressing(web()))
	f.Write(web(), rollout.CanarySide, "one\ntwo\nthree\n")
	c, end := connect(t, f, httpapi.Options{}, client.Options{})
	q := httpapi.LogQuery{Key: web(), Side: rollout.CanarySide, Tail: 2}
	body, err := c.Logs(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	same(t, "logs", errors.Join(err, body.Close()), string(text), "two\nthree\n")

	q.Follow, q.Tail = true, 1
	if body, err = c.Logs(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(body)
	for _, want := range []string{"three", "four"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("line %q (%v), want %q", lines.Text(), lines.Err(), want)
		}
		f.Write(web(), rollout.CanarySide, "four\n")
	}
	end()
	for lines.Scan() {
		if lines.Text() != "four" {
			t.Errorf("line %q", lines.Text())
		}
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	f := httpapitest.New(httpapitest.Options{})
	f.Put(httpapitest.Progressing(web()))
	f.Write(web(), rollout.CanarySide, "line\n")
	c, _ := connect(t, f, httpapi.Options{}, client.Options{})
	var refused error
	for n := 0; refused == nil && n < 200; n++ {
		var body io.ReadCloser
		body, refused = c.Logs(t.Context(), httpapi.LogQuery{Key: web(), Side: rollout.CanarySide, Follow: true})
		if refused == nil {
			t.Cleanup(func() { _ = body.Close() })
		}
	}
	if fault.KindOf(refused) != fault.Unavailable || !strings.Contains(refused.Error(), "64 streams") {
		t.Errorf("the last stream: %v", refused)
	}
}
