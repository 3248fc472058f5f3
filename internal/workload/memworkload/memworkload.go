// Package memworkload is a workload in memory: a real driver with state, whose pods get ready when they are told or
// when a function says so, and whose calls can be made to fail, so that everything above it can be tested in virtual
// time.
package memworkload

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Manifest is what a team wants to run.
type Manifest struct {
	Revision string
	// Template is what the pods of the revision run.
	Template string
	Replicas int
	// Abrupt means that old pods end before new ones start.
	Abrupt bool
}

// Pod is one pod.
type Pod struct {
	Name     string
	Side     rollout.SideName
	Revision string
	Template string
	// Ready means that it serves, Served that it did at some time.
	Ready, Served bool
	Ending        bool
	// Rounds is how many rounds it has seen.
	Rounds int
}

// Call is one call of a driver.
type Call struct {
	Method Method
	// Revision is what a Pin, a Promote or a Scale is about.
	Revision string
}

// Method is a method of the driver.
type Method string

// The methods that can fail.
const (
	Observe Method = "Observe"
	Pin     Method = "Pin"
	Promote Method = "Promote"
	Resize  Method = "Resize"
	Release Method = "Release"
)

// Options adjust a Target.
type Options struct {
	// Held lets nothing happen to pods until Step or Settle is called. Without it they follow each change at once.
	Held bool
	// Ready says whether a pod is ready. Default: all are that are not of a revision that Break named.
	Ready func(Pod) bool
	// Before is called before each call takes effect and may block until the context ends; its error is the call's,
	// which then has no effect. After is called when it has taken effect: its error is an answer that got lost.
	Before, After func(context.Context, Call) error
}

// Target is one target with its two sides. Its methods may be called from several goroutines.
type Target struct {
	options Options

	mu       sync.Mutex
	manifest *Manifest
	primary  side
	canary   side
	// pinned are the snapshots, in the order in which they were made.
	pinned []Manifest
	pods   []Pod
	made   int
	broken map[string]bool
	// least is the autoscaler's own minimum; 0 means that there is none.
	least  int
	seized bool
	// plain means that the target looks after itself.
	plain  bool
	writes int
}

// side is what a side is written to be.
type side struct {
	exists   bool
	revision string
	replicas int
	floor    int
	// leaving means that it goes as soon as the other one serves.
	leaving bool
}

// New returns a target without a manifest.
func New(o Options) *Target {
	nothing := func(context.Context, Call) error { return nil }
	if o.Before == nil {
		o.Before = nothing
	}
	if o.After == nil {
		o.After = nothing
	}
	return &Target{options: o, broken: map[string]bool{}}
}

// with changes the target, and lets the pods follow unless they are held.
func (t *Target) with(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
	if !t.options.Held {
		t.settle()
	}
}

// Apply is the team's change of the manifest.
func (t *Target) Apply(m Manifest) {
	t.with(func() {
		t.manifest = &m
		if t.plain {
			t.pin(m)
			t.canary = side{exists: true, revision: m.Revision, replicas: m.Replicas}
		} else if !t.canary.exists {
			t.canary = side{exists: true, revision: m.Revision}
		}
	})
}

// Delete takes the manifest away. The sides stay until the target is released.
func (t *Target) Delete() {
	t.with(func() {
		t.manifest = nil
		if t.plain {
			t.primary, t.canary = side{}, side{}
		}
	})
}

// Run gives the canary side pods of the manifest, as they run before a canary looks after the target.
func (t *Target) Run() {
	t.with(func() {
		if m := t.manifest; m != nil {
			t.pin(*m)
			t.canary = side{exists: true, revision: m.Revision, replicas: m.Replicas}
		}
	})
}

// Break makes all pods of a revision unready, or lets them get ready again.
func (t *Target) Break(revision string, broken bool) {
	t.with(func() { t.broken[revision] = broken })
}

// Autoscale gives the primary an autoscaler with a minimum of its own; 0 takes it away.
func (t *Target) Autoscale(least int) {
	t.with(func() {
		t.least = least
		t.rescale()
	})
}

// Load is the autoscaler's wish: it wants so many pods of the primary, and gets no fewer than its bounds allow.
func (t *Target) Load(replicas int) {
	t.with(func() {
		if t.least > 0 && t.primary.exists {
			t.primary.replicas = max(replicas, t.least, t.primary.floor)
		}
	})
}

func (t *Target) rescale() {
	if t.least > 0 && t.primary.exists {
		t.primary.replicas = max(t.least, t.primary.floor)
	}
}

// Seize makes the primary somebody else's, or ends that.
func (t *Target) Seize(seized bool) { t.with(func() { t.seized = seized }) }

// Hold keeps pods as they are from now on, or lets them follow at once again.
func (t *Target) Hold(held bool) { t.with(func() { t.options.Held = held }) }

// Pods lists the pods in the order in which they were made.
func (t *Target) Pods() []Pod {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.pods)
}

// Writes counts the calls of drivers that changed something.
func (t *Target) Writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes
}

// String describes what is wanted. Equal descriptions mean that nothing was written in between.
func (t *Target) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("manifest %+v, primary %+v, canary %+v, pinned %+v, %d writes", t.manifest, t.primary, t.canary, t.pinned, t.writes)
}

// pin keeps a snapshot and says whether it is a new one.
func (t *Target) pin(m Manifest) bool {
	if t.kept(m.Revision) != nil {
		return false
	}
	t.pinned = append(t.pinned, m)
	return true
}

func (t *Target) kept(revision string) *Manifest {
	for i := range t.pinned {
		if t.pinned[i].Revision == revision {
			return &t.pinned[i]
		}
	}
	return nil
}

// keep pins the manifest if it is at a revision that is not pinned yet.
func (t *Target) keep(revision string) (changed bool, err error) {
	switch {
	case t.kept(revision) != nil:
		return false, nil
	case t.manifest == nil || t.manifest.Revision != revision:
		return false, fault.Errorf(fault.NotFound, "the target is not at revision %s", revision)
	default:
		return t.pin(*t.manifest), nil
	}
}

// Driver returns a driver for the target.
func (t *Target) Driver() *Driver { return &Driver{target: t} }
