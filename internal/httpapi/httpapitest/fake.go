// Package httpapitest is a Serin that runs nothing: a backend with state for tests of the API, its client and the
// command line. What it knows is put in by the test.
package httpapitest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Options adjust a Fake.
type Options struct {
	// Now is the clock of commands; nil means the real one.
	Now func() time.Time
	// Obey decides about a command and returns why it is refused, or nothing. Nil leaves commands in the inbox.
	Obey func(f *Fake, key engine.Key, c rollout.Command) (refusal string)
}

// Fake is the backend. Its methods may be called from several goroutines.
type Fake struct {
	*memstore.Store

	options Options
	feed    *feed.Feed

	mu        sync.Mutex
	snapshots map[engine.Key]httpapi.Snapshot
	objects   []httpapi.Object
	logs      map[string]string
	written   chan struct{}
	unready   error
	events    int
	ended     chan rollout.Intent
}

// New returns a Fake that knows nothing.
func New(o Options) *Fake {
	return &Fake{
		Store:     memstore.New(memstore.Options{Now: o.Now}),
		options:   o,
		feed:      feed.New(feed.Options{}),
		snapshots: map[engine.Key]httpapi.Snapshot{},
		logs:      map[string]string{},
		written:   make(chan struct{}),
		ended:     make(chan rollout.Intent, 1),
	}
}

// Backend returns the fake as the API wants it.
func (f *Fake) Backend() httpapi.Backend {
	return httpapi.Backend{Canaries: f, History: f.Store, Desk: f, Daemon: f, Feed: f.feed}
}

// Put makes a snapshot what is known of its canary now.
func (f *Fake) Put(s httpapi.Snapshot) {
	f.mu.Lock()
	f.snapshots[s.Key] = s
	f.mu.Unlock()
	f.feed.Publish(feed.Change{Kind: feed.StateSaved, Namespace: s.Key.Namespace, Name: s.Key.Name})
}

// Change changes what is known of a canary.
func (f *Fake) Change(key engine.Key, change func(*httpapi.Snapshot)) {
	f.mu.Lock()
	s := f.snapshots[key]
	if s.State.Run != nil {
		run := *s.State.Run
		s.State.Run = &run
	}
	change(&s)
	f.mu.Unlock()
	f.Put(s)
}

// Happen appends an event, with an ID of its own if it has none.
func (f *Fake) Happen(ctx context.Context, key engine.Key, e rollout.Event) error {
	f.mu.Lock()
	f.events++
	if e.ID == "" {
		e.ID = fmt.Sprintf("event-%d", f.events)
	}
	f.mu.Unlock()
	if err := f.Append(ctx, key, e); err != nil {
		return err
	}
	f.feed.Publish(feed.Change{Kind: feed.EventAppended, Namespace: key.Namespace, Name: key.Name, Event: &e})
	return nil
}

// SetObjects makes these the manifests.
func (f *Fake) SetObjects(objects ...httpapi.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects = objects
}

// SetReady makes the daemon ready, or not for a reason.
func (f *Fake) SetReady(reason error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unready = reason
}

// Ended has the intent of the person who ended the daemon.
func (f *Fake) Ended() <-chan rollout.Intent { return f.ended }

// Snapshots returns all canaries.
func (f *Fake) Snapshots(context.Context) ([]httpapi.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unready != nil {
		return nil, f.unready
	}
	all := make([]httpapi.Snapshot, 0, len(f.snapshots))
	for _, s := range f.snapshots {
		s.Brake = f.Brake()
		all = append(all, s)
	}
	return all, nil
}

// Snapshot returns one canary.
func (f *Fake) Snapshot(_ context.Context, key engine.Key) (httpapi.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.snapshots[key]
	if !ok {
		return httpapi.Snapshot{}, fault.Errorf(fault.NotFound, "there is no canary %s", key)
	}
	s.Brake = f.Brake()
	return s, nil
}

// Give hands a command in and lets the fake obey it.
func (f *Fake) Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
	t, err := f.Store.Give(ctx, key, c)
	if err != nil {
		return record.Ticket{}, err
	}
	f.feed.Publish(feed.Change{Kind: feed.CommandGiven, Namespace: key.Namespace, Name: key.Name})
	if f.options.Obey == nil || t.Status != record.Open {
		return t, nil
	}
	e := rollout.Event{At: t.Command.At, Type: rollout.CommandTaken, Severity: rollout.Info, By: c.By, Reason: t.Command.UID}
	e.Message = string(c.Verb) + " by " + c.By
	if refusal := f.options.Obey(f, key, t.Command); refusal != "" {
		e.Type, e.Severity, e.Message = rollout.CommandRefused, rollout.Warn, e.Message+" is refused: "+refusal
	}
	f.Consumed(key, []string{t.Command.UID})
	// The answer that a person gets is the ticket of before; the event changes the one on record.
	return t, f.Happen(ctx, key, e)
}

// PauseAll pauses every canary.
func (f *Fake) PauseAll(ctx context.Context, by rollout.Intent) error {
	defer f.feed.Publish(feed.Change{Kind: feed.BrakeChanged})
	return f.SetBrake(ctx, &by)
}

// ResumeAll lets every canary go on.
func (f *Fake) ResumeAll(ctx context.Context, _ rollout.Intent) error {
	defer f.feed.Publish(feed.Change{Kind: feed.BrakeChanged})
	return f.SetBrake(ctx, nil)
}

// Ready returns what SetReady was given.
func (f *Fake) Ready(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unready
}

// Shutdown notes who wants it.
func (f *Fake) Shutdown(_ context.Context, by rollout.Intent) error {
	select {
	case f.ended <- by:
		return nil
	default:
		return fault.Errorf(fault.Conflict, "it is ending already")
	}
}

// Objects lists what SetObjects was given.
func (f *Fake) Objects(context.Context) ([]httpapi.Object, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.objects), nil
}

// Write adds lines to the log of one side of a canary.
func (f *Fake) Write(key engine.Key, side rollout.SideName, lines string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logs[key.String()+string(side)] += lines
	close(f.written)
	f.written = make(chan struct{})
}

// Logs returns what was written.
func (f *Fake) Logs(ctx context.Context, q httpapi.LogQuery) (io.ReadCloser, error) {
	all, _ := f.log(q)
	if all == "" {
		return nil, fault.Errorf(fault.NotFound, "canary %s has no logs of its %s", q.Key, q.Side)
	}
	first := tail(all, q.Tail)
	if !q.Follow {
		return io.NopCloser(strings.NewReader(first)), nil
	}
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, first)
		f.follow(ctx, q, len(all), w, err)
	}()
	return r, nil
}

func (f *Fake) log(q httpapi.LogQuery) (string, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs[q.Key.String()+string(q.Side)], f.written
}

// follow writes what comes after the first at bytes until the reader or the context is gone.
func (f *Fake) follow(ctx context.Context, q httpapi.LogQuery, at int, w *io.PipeWriter, err error) {
	for err == nil {
		all, written := f.log(q)
		if len(all) > at {
			_, err = io.WriteString(w, all[at:])
			at = len(all)
			continue
		}
		select {
		case <-written:
		case <-ctx.Done():
			err = io.EOF
		}
	}
	// The reader sees the error; closing a pipe cannot fail.
	_ = w.CloseWithError(err)
}

// tail returns the last n lines; 0 means all.
func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if n > 0 && len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "")
}
