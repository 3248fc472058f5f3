package processworkload

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/rolling"
)

// errGone means that a unit was dropped between being found and being locked.
var errGone = errors.New("the target is gone")

func ignoreGone(err error) error {
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// unit is one target with its two sides and their pods. Its record is on disk before anything is done about it.
type unit struct {
	supervisor *Supervisor
	key        Key
	dir        string
	log        *slog.Logger

	mu  sync.Mutex
	rec record
	// manifest is the target's template. It is nil until the manifest has been read in this life.
	manifest *Template
	// snapshots holds templates that were read or kept, by revision.
	snapshots map[string]*Template
	pods      map[string]*pod
	// trouble is why a side cannot have pods at all.
	trouble map[rollout.SideName]string
	// launch starts the goroutine of a pod. It is nil while nothing is supervised.
	launch  func(*pod)
	changed bool
	// unsaved means that the record on disk is older than rec.
	unsaved bool
	gone    bool

	cuts cuts
}

func (s *Supervisor) newUnit(k Key) *unit {
	return &unit{
		supervisor: s, key: k, dir: filepath.Join(s.dir, "targets", k.Namespace, k.Name),
		log:       s.options.Logger.With("target", k.String()),
		rec:       record{Version: recordVersion},
		snapshots: map[string]*Template{}, pods: map[string]*pod{}, trouble: map[rollout.SideName]string{},
	}
}

// follow calls f with the unit locked, lets the pods follow what it changed, and tells of the change once the lock
// is free.
func (u *unit) follow(f func()) {
	changed, empty := u.locked(f)
	if changed {
		u.supervisor.options.Changed(u.key.Namespace, u.key.Name)
	}
	if empty {
		u.supervisor.drop(u)
	}
}

func (u *unit) locked(f func()) (changed, empty bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f != nil && !u.gone {
		f()
	}
	u.settle()
	changed, u.changed = u.changed, false
	return changed, u.emptyLocked()
}

// emptyLocked says whether nothing is wanted and nothing runs.
func (u *unit) emptyLocked() bool {
	r := &u.rec
	return !u.gone && !r.Target.Exists && !r.Primary.Exists && !r.Canary.Exists && len(r.Pods) == 0 && len(u.pods) == 0
}

// change edits what is wanted. It is on disk, for good, before the pods follow; when it cannot be written nothing
// has changed.
func (u *unit) change(edit func(r *record) error) error {
	err := errGone
	u.follow(func() { err = u.changeLocked(edit) })
	return err
}

func (u *unit) changeLocked(edit func(r *record) error) error {
	next := u.rec.clone()
	if err := edit(&next); err != nil {
		return err
	}
	dropped := next.prune(u.supervisor.options.KeepRevisions)
	if reflect.DeepEqual(next, u.rec) && !u.unsaved {
		return nil
	}
	if err := writeJSON(recordFile(u.dir), next, true); err != nil {
		return fault.Errorf(fault.Unavailable, "write down what is wanted: %w", err)
	}
	u.rec, u.unsaved, u.changed = next, false, true
	for _, revision := range dropped {
		delete(u.snapshots, revision)
		if err := os.Remove(snapshotFile(u.dir, revision)); err != nil && !errors.Is(err, os.ErrNotExist) {
			u.log.Warn("Cannot remove a snapshot", "revision", revision, "error", err.Error())
		}
	}
	return nil
}

// note writes down what has happened already. What cannot be written now is written later.
func (u *unit) note(edit func(r *record)) {
	edit(&u.rec)
	u.changed = true
	u.save()
}

func (u *unit) save() {
	err := writeJSON(recordFile(u.dir), u.rec, false)
	if err != nil && !u.unsaved {
		u.log.Warn("Cannot write down what runs", "error", err.Error())
	}
	u.unsaved = err != nil
}

// snapshot returns the template of a revision that is kept.
func (u *unit) snapshot(revision string) (*Template, error) {
	if t := u.snapshots[revision]; t != nil {
		return t, nil
	}
	t, err := loadSnapshot(u.dir, revision)
	if err != nil {
		return nil, err
	}
	u.snapshots[revision] = t
	return t, nil
}

// keep makes sure that a revision has a snapshot: it has one, or the target is at it now.
func (u *unit) keep(r *record, revision string) error {
	if slices.Contains(r.Kept, revision) {
		r.use(revision)
		_, err := u.snapshot(revision)
		return err
	}
	switch {
	case !r.Target.Exists || r.Target.Revision != revision:
		return fault.Errorf(fault.NotFound, "%s is not at revision %s, and no snapshot of it was kept", u.key, revision)
	case u.manifest == nil:
		return fault.Errorf(fault.Unavailable, "the manifest of %s has not been read yet", u.key)
	}
	if err := saveSnapshot(u.dir, revision, u.manifest); err != nil {
		return err
	}
	u.snapshots[revision] = u.manifest
	r.Kept = append(r.Kept, revision)
	return nil
}

// settle lets the pods follow the record, as far as they can now.
func (u *unit) settle() {
	if u.launch == nil || u.gone {
		return
	}
	// A plan of two sides and a primary that leaves is complete after a few rounds.
	for range 10 {
		next := u.rec.clone()
		if !u.plan(&next) {
			break
		}
		// On disk first: whoever comes after a crash finds each process that may have been started.
		err := writeJSON(recordFile(u.dir), next, false)
		if err != nil && !u.unsaved {
			u.log.Warn("Cannot write down what runs, so nothing is started or ended before the end of everything", "error", err.Error())
		}
		u.unsaved = err != nil
		// At the end pods only go, and a record of one that is gone does no harm: nothing may be left behind a full disk.
		if err != nil && !u.supervisor.closing.Load() {
			break
		}
		u.rec, u.changed = next, true
	}
	u.carryOut()
}

// plan decides what the pods do next. It says whether that is anything new.
func (u *unit) plan(r *record) bool {
	changed := false
	if r.Primary.Leaving && u.serves(r) {
		u.log.Info("Letting the primary go, the target serves")
		r.Primary, changed = sideRecord{}, true
	}
	for _, side := range []rollout.SideName{rollout.PrimarySide, rollout.CanarySide} {
		step := rolling.Next(u.want(r, side), u.census(r, side))
		for _, name := range step.End {
			r.pod(name).Ending, changed = true, true
		}
		for range step.Start {
			r.Made++
			r.Pods = append(r.Pods, podRecord{
				Name: fmt.Sprintf("%s-%s-%d", u.key.Name, side, r.Made), Side: side, Revision: r.side(side).Revision,
			})
			changed = true
		}
	}
	return changed
}

// serves says whether the target has all its pods, so that a primary may go.
func (u *unit) serves(r *record) bool {
	return !r.Canary.Exists || u.count(r, rollout.CanarySide).ready >= r.Canary.Replicas
}

// want is what a side is to become.
func (u *unit) want(r *record, side rollout.SideName) rolling.Want {
	s := r.side(side)
	u.trouble[side] = ""
	switch {
	case u.supervisor.closing.Load():
		return rolling.Want{Pace: rolling.AtOnce}
	case !s.Exists || s.Replicas == 0:
		return rolling.Want{}
	}
	if _, err := u.snapshot(s.Revision); err != nil {
		// Without a template nothing can be started, and what runs is better than nothing.
		u.trouble[side] = err.Error()
		return rolling.Want{Replicas: u.alive(r, side)}
	}
	want := rolling.Want{Replicas: s.Replicas}
	if u.abrupt(r, side) {
		want.Pace = rolling.Abrupt
	}
	return want
}

// alive counts the pods of a side that run what the side is written to run.
func (u *unit) alive(r *record, side rollout.SideName) int {
	n := 0
	for i := range r.Pods {
		if p := &r.Pods[i]; p.Side == side && !p.Ending && p.Revision == r.side(side).Revision {
			n++
		}
	}
	return n
}

// abrupt says whether old pods of a side have to be gone before new ones start: the new program wants it so, or one
// of those that run.
func (u *unit) abrupt(r *record, side rollout.SideName) bool {
	if u.recreates(r.side(side).Revision) {
		return true
	}
	for i := range r.Pods {
		if r.Pods[i].Side == side && u.recreates(r.Pods[i].Revision) {
			return true
		}
	}
	return false
}

func (u *unit) recreates(revision string) bool {
	t := u.manifest
	if revision != u.rec.Target.Revision || t == nil {
		var err error
		if t, err = u.snapshot(revision); err != nil {
			return false
		}
	}
	return t.Recreate
}

// census describes the pods of a side, in the order in which they were made.
func (u *unit) census(r *record, side rollout.SideName) []rolling.Pod {
	var pods []rolling.Pod
	for i := range r.Pods {
		p := &r.Pods[i]
		if p.Side != side {
			continue
		}
		live := u.pods[p.Name]
		pods = append(pods, rolling.Pod{
			Name: p.Name, Current: p.Revision == r.side(side).Revision,
			Ready: live != nil && live.ready, Served: p.Served, Ending: p.Ending,
		})
	}
	return pods
}

// carryOut makes pods of the records that have none, and tells those to end that are to.
func (u *unit) carryOut() {
	for i := range u.rec.Pods {
		r := &u.rec.Pods[i]
		p := u.pods[r.Name]
		if p == nil {
			t, err := u.snapshot(r.Revision)
			if err != nil {
				u.log.Warn("Cannot run a pod", "pod", r.Name, "error", err.Error())
				continue
			}
			p = u.newPod(r, t)
			u.pods[r.Name] = p
		}
		if r.Ending && !p.stopping() {
			close(p.stop)
		}
		if !p.launched {
			p.launched = true
			u.launch(p)
		}
	}
}

// maintain bounds the logs and repeats a write that failed.
func (u *unit) maintain() {
	u.mu.Lock()
	unsaved := u.unsaved
	var names []string
	for name := range u.pods {
		names = append(names, name)
	}
	u.mu.Unlock()
	for _, name := range names {
		if err := u.rotate(name); err != nil {
			u.log.Warn("Cannot rotate a log", "pod", name, "error", err.Error())
		}
	}
	if unsaved {
		u.follow(u.save)
	}
}
