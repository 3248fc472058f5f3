package standalone

import (
	"cmp"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

var (
	_ httpapi.Canaries = (*daemon)(nil)
	_ httpapi.Daemon   = (*daemon)(nil)
	_ httpapi.Desk     = desk{}
)

// Snapshots returns all canaries as their latest passes left them.
func (d *daemon) Snapshots(context.Context) ([]httpapi.Snapshot, error) {
	w := d.world.Load()
	list, brake := make([]httpapi.Snapshot, 0, len(w.members)), d.store.Brake() //nolint:contextcheck // The engine asks without a context.
	for key, m := range w.members {
		list = append(list, d.snapshot(key, m, brake))
	}
	return list, nil
}

// Snapshot returns one canary.
func (d *daemon) Snapshot(_ context.Context, key engine.Key) (httpapi.Snapshot, error) {
	m, ok := d.world.Load().members[key]
	if !ok {
		return httpapi.Snapshot{}, fault.Errorf(fault.NotFound, "there is no canary %s", key)
	}
	return d.snapshot(key, m, d.store.Brake()), nil //nolint:contextcheck // The engine asks without a context.
}

func (d *daemon) snapshot(key engine.Key, m *member, brake *rollout.Intent) httpapi.Snapshot {
	s := httpapi.Snapshot{
		Key: key, Spec: m.engine.Spec, Brake: brake,
		Addresses: m.addresses, Warnings: m.warnings, Problem: m.problem,
	}
	if status, ok := d.engine.Status(key); ok {
		s.State, s.Workload, s.Traffic = status.State, status.Observation.Workload, status.Observation.Traffic
		if s.Problem == "" && status.Err != nil {
			s.Problem = status.Err.Error()
		}
	}
	if problem := d.problem.Load(); problem != nil {
		s.Warnings = append(slices.Clip(s.Warnings), "the directory's latest content is not in force: "+(*problem).Error())
	}
	return s
}

// Ready returns nil once canaries are worked on.
func (d *daemon) Ready(context.Context) error {
	if !d.ready.Load() {
		return fault.Errorf(fault.Unavailable, "the data plane does not answer yet")
	}
	return nil
}

// Shutdown begins the end of everything and returns at once.
func (d *daemon) Shutdown(_ context.Context, by rollout.Intent) error {
	d.log.Info("Told to end everything", "by", by.By, "reason", by.Reason)
	d.end(errAsked)
	return nil
}

// Objects lists the manifests that are in force.
func (d *daemon) Objects(context.Context) ([]httpapi.Object, error) {
	return d.world.Load().set.Objects(), nil
}

// Logs returns what the pods of one side wrote. A Deployment without a canary has its pods on the canary's side.
func (d *daemon) Logs(ctx context.Context, q httpapi.LogQuery) (io.ReadCloser, error) {
	w := d.world.Load()
	target := targetKey{Namespace: q.Key.Namespace, Name: q.Key.Name}
	if m, ok := w.members[q.Key]; ok {
		target = m.target
	} else if _, ok := w.set.Target(target); !ok {
		return nil, fault.Errorf(fault.NotFound, "there is neither a canary nor a Deployment %s", q.Key)
	}
	return d.pods.Logs(ctx, processworkload.LogQuery{
		Namespace: target.Namespace, Name: target.Name, Side: q.Side, Pod: q.Pod, Tail: q.Tail, Follow: q.Follow,
	})
}

// desk takes the commands of people and wakes whom they are for.
type desk struct{ d *daemon }

// Give hands a command in.
func (k desk) Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error) {
	ticket, err := k.d.store.Give(ctx, key, c)
	if err == nil {
		k.d.engine.Wake(key)
	}
	return ticket, err
}

// Ticket says what became of a command.
func (k desk) Ticket(ctx context.Context, key engine.Key, uid string) (record.Ticket, error) {
	return k.d.store.Ticket(ctx, key, uid)
}

// PauseAll pauses every canary.
func (k desk) PauseAll(ctx context.Context, by rollout.Intent) error {
	return k.brake(ctx, &by, by, "pause --all")
}

// ResumeAll lets every canary go on.
func (k desk) ResumeAll(ctx context.Context, by rollout.Intent) error {
	return k.brake(ctx, nil, by, "resume --all")
}

// brake sets the brake, wakes everybody, and notes in the records of the runs in progress who did it and why. The notes
// are for people: the brake itself is in the store already.
func (k desk) brake(ctx context.Context, intent *rollout.Intent, by rollout.Intent, what string) error {
	if err := k.d.store.SetBrake(ctx, intent); err != nil {
		return err
	}
	k.d.wakeAll()
	e := rollout.Event{
		ID: "brake-" + strconv.FormatInt(by.At.UnixNano(), 36), At: by.At, Type: rollout.CommandTaken,
		Severity: rollout.Warn, By: by.By, Message: what + " by " + cmp.Or(by.By, "somebody"),
	}
	if by.Reason != "" {
		e.Message += ": " + by.Reason
	}
	var errs []error
	for _, key := range k.d.wanted.Keys() {
		s, ok := k.d.engine.Status(key)
		if r := s.State.Run; ok && r != nil && r.Stage != rollout.Done {
			e.Phase, e.Run, e.Revision, e.Step, e.Weight = s.State.Phase, r.Name, r.Revision, r.Step, r.Weight
			errs = append(errs, k.d.store.Append(ctx, key, e))
		}
	}
	return errors.Join(errs...)
}

// Brake returns the pause of every canary, or nil.
func (k desk) Brake() *rollout.Intent { return k.d.store.Brake() }

func (d *daemon) wakeAll() {
	for _, key := range d.wanted.Keys() {
		d.engine.Wake(key)
	}
}

// observed returns what the engine calls after each pass: it tells the feed when there is something new to see. The
// store tells of a saved state before the pass has performed and published what it decided.
func (d *daemon) observed() func(engine.Trace) {
	type view struct {
		state    rollout.State
		workload rollout.Workload
		traffic  rollout.Traffic
		errors   string
	}
	var mu sync.Mutex
	last := map[engine.Key]view{}
	return func(t engine.Trace) {
		now := view{t.After, t.Observation.Workload, t.Observation.Traffic, textOf(errors.Join(t.Errors...))}
		mu.Lock()
		was, known := last[t.Key]
		if t.Gone {
			delete(last, t.Key)
		} else {
			last[t.Key] = now
		}
		mu.Unlock()
		if t.Gone || known && reflect.DeepEqual(was, now) {
			return
		}
		d.store.Feed().Publish(feed.Change{Kind: feed.StateSaved, Namespace: t.Key.Namespace, Name: t.Key.Name})
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// forgetting bounds what is done after a canary has gone, outside any request.
const forgetting = 10 * time.Second
