package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything behind the ports of one engine. What happens is written to one log, in its order.
type world struct {
	mu       sync.Mutex
	log      []string
	canaries map[engine.Key]*engine.Canary
	gone     []engine.Key

	records map[engine.Key]record
	// onSave and onLoad may refuse an access to the store; onSave runs before the write, afterSave after it.
	onSave    func(key engine.Key) error
	afterSave func(key engine.Key)
	onLoad    func(key engine.Key) error

	commands map[engine.Key][]rollout.Command
	brake    *rollout.Intent

	onAppend func(ctx context.Context, e rollout.Event) error

	traces []engine.Trace
}

type record struct {
	data    []byte
	version uint64
}

// script is a canary's side of the ports. A nil field is a port that answers at once with nothing.
type script struct {
	workload func(ctx context.Context) rollout.Workload
	traffic  func(ctx context.Context) rollout.Traffic
	act      func(ctx context.Context, what string) error
	measure  func(ctx context.Context, m rollout.Measure) analysis.Evidence
	ask      func(ctx context.Context, a rollout.Ask) rollout.Answer
	notify   func(ctx context.Context, e rollout.Event) error
}

func newWorld() *world {
	return &world{
		canaries: map[engine.Key]*engine.Canary{},
		records:  map[engine.Key]record{},
		commands: map[engine.Key][]rollout.Command{},
	}
}

func key(name string) engine.Key { return engine.Key{Namespace: "test", Name: name} }

// add makes a canary whose ports follow the script.
func (w *world) add(name string, s script) engine.Key {
	k := key(name)
	p := &ports{world: w, name: name, script: s}
	w.put(&engine.Canary{
		Key: k, Workload: workloadPort{p}, Router: routerPort{p}, Meter: p, Gate: p, Notifier: p,
	})
	return k
}

func (w *world) put(c *engine.Canary) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.canaries[c.Key] = c
}

// edit replaces a canary by a changed copy, as an edited manifest does.
func (w *world) edit(k engine.Key, change func(*engine.Canary)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := *w.canaries[k]
	change(&c)
	w.canaries[k] = &c
}

func (w *world) notef(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// lines returns the log so far.
func (w *world) lines() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

func (w *world) count(line string) int {
	n := 0
	for _, l := range w.lines() {
		if l == line {
			n++
		}
	}
	return n
}

func (w *world) passes() []engine.Trace {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.traces)
}

func (w *world) observe(t engine.Trace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.traces = append(w.traces, t)
}

func (w *world) tell(k engine.Key, c rollout.Command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands[k] = append(w.commands[k], c)
}

// Canary is part of engine.Source.
func (w *world) Canary(k engine.Key) (*engine.Canary, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.canaries[k]; c != nil {
		return c, nil
	}
	return nil, fault.Errorf(fault.NotFound, "no canary %s", k)
}

// Keys is part of engine.Source.
func (w *world) Keys() []engine.Key {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys := make([]engine.Key, 0, len(w.canaries))
	for k := range w.canaries {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b engine.Key) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		default:
			return 0
		}
	})
	return keys
}

// Gone is part of engine.Source.
func (w *world) Gone(k engine.Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = append(w.gone, k)
	delete(w.canaries, k)
}

// Load is part of engine.Store.
func (w *world) Load(_ context.Context, k engine.Key) (data []byte, version uint64, err error) {
	if w.onLoad != nil {
		if err := w.onLoad(k); err != nil {
			return nil, 0, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.records[k]
	return r.data, r.version, nil
}

// Save is part of engine.Store.
func (w *world) Save(_ context.Context, k engine.Key, data []byte, version uint64) (uint64, error) {
	if w.onSave != nil {
		if err := w.onSave(k); err != nil {
			return 0, err
		}
	}
	w.mu.Lock()
	if w.records[k].version != version {
		w.mu.Unlock()
		return 0, fault.Errorf(fault.Conflict, "version is %d", w.records[k].version)
	}
	w.records[k] = record{data: slices.Clone(data), version: version + 1}
	w.log = append(w.log, k.Name+": save")
	w.mu.Unlock()
	if w.afterSave != nil {
		w.afterSave(k)
	}
	return version + 1, nil
}

// Delete is part of engine.Store.
func (w *world) Delete(_ context.Context, k engine.Key) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.records, k)
	w.log = append(w.log, k.Name+": delete state")
	return nil
}

// overwrite is another writer of the store.
func (w *world) overwrite(t *testing.T, k engine.Key, s rollout.State) {
	t.Helper()
	data, err := rollout.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[k] = record{data: data, version: w.records[k].version + 1}
}

func (w *world) stored(t *testing.T, k engine.Key) rollout.State {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := rollout.Decode(w.records[k].data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Append is part of engine.Journal.
func (w *world) Append(ctx context.Context, k engine.Key, e rollout.Event) error {
	if w.onAppend != nil {
		if err := w.onAppend(ctx, e); err != nil {
			return err
		}
	}
	w.notef("%s: journal %s", k.Name, e.ID)
	return nil
}

// Commands is part of engine.Inbox.
func (w *world) Commands(k engine.Key) []rollout.Command {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.commands[k])
}

// Consumed is part of engine.Inbox.
func (w *world) Consumed(k engine.Key, uids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands[k] = slices.DeleteFunc(w.commands[k], func(c rollout.Command) bool { return slices.Contains(uids, c.UID) })
	w.log = append(w.log, fmt.Sprintf("%s: consumed %v", k.Name, uids))
}

// Brake is part of engine.Inbox.
func (w *world) Brake() *rollout.Intent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.brake
}

// run runs an engine over the world until the test ends or stop is called, which returns what Run returned.
func (w *world) run(t *testing.T, o engine.Options) (e *engine.Engine, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	return w.runUntil(ctx, t, cancel, o)
}

func (w *world) runUntil(
	ctx context.Context, t *testing.T, cancel func(), o engine.Options,
) (e *engine.Engine, stop func() error) {
	t.Helper()
	if o.Observe == nil {
		o.Observe = w.observe
	}
	o.Inbox, o.Journal = w, w
	e, err := engine.New(w, w, o)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return e, stop
}
