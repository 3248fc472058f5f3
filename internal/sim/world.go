package sim

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/engine/memstore"
	"github.com/serin-dev/serin/internal/gate/memgate"
	"github.com/serin-dev/serin/internal/notify/memnotify"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// Options adjust a run.
type Options struct {
	// Faults strike in it.
	Faults []Fault
	// Step replaces the core, and Store what the engine has for a store: that is how mistakes are planted.
	Step  Step
	Store func(engine.Store) engine.Store
	// Unverified leaves the laws of the core out, so that those of the world have to do.
	Unverified bool
	// Seed shifts every latency of the world a little.
	Seed uint64
}

// Step is the signature of the core.
type Step func(rollout.Spec, rollout.State, rollout.Observation) (rollout.State, []rollout.Action)

// World is everything around the engines of one canary, and what is known about the run. Its parts are guarded by mu;
// what happens at one instant happens either in the director or in the calls of an engine.
type World struct {
	time     Time
	clock    *clock
	scenario *Scenario
	options  Options
	key      engine.Key
	// root makes the context of what the world does for itself: it is bound to no call of an engine.
	root func() context.Context
	// sight looks at what runs.
	sight func() (rollout.Workload, error)
	began time.Time

	target   *memworkload.Target
	party    *memgate.Party
	receiver *memnotify.Receiver
	store    *memstore.Store

	mu     sync.Mutex
	plane  *plane
	flow   flow
	faults *faults
	laws   *laws
	spec   rollout.Spec
	// manifests counts the edits of the canary's manifest, so that ports are only made anew after one.
	manifests int
	deleting  bool
	deletedAt time.Time
	// released says that the target was given back.
	released bool
	// abandoned says that the release was given up at its deadline.
	abandoned bool
	gone      bool
	// templates are the bytes of each revision, as the team wrote them.
	templates map[string]string
	manifest  *memworkload.Manifest
	// seen is what was read of the pods last.
	seen rollout.Workload
	// down are sides whose pods cannot be ready now.
	down map[rollout.SideName]bool
	// routed is when each pod got a request last, by the true time and by the wall clock.
	routed map[string][2]time.Time

	// saved is the state that is durable, decoded lazily into state.
	saved []byte
	state rollout.State

	events    timeline
	seq       int
	poke      chan struct{}
	people    people
	live      []*process
	all       []*process
	counts    map[Op]int
	calls     []Op
	writes    int
	disturbed time.Time
	stepping  bool
	log       []string
	// rest is when the present rest began and how much had been written then.
	rest      time.Time
	restWrite int
	finished  bool
}

// New returns the world of a scenario before its first instant.
func New(t Time, s *Scenario, o Options) *World {
	w := &World{
		time: t, clock: &clock{time: t}, scenario: s, options: o, began: t.Now(),
		key: engine.Key{Namespace: "shop", Name: "cart"}, root: context.Background,
		party: memgate.New(), receiver: memnotify.New(), store: memstore.New(memstore.Options{Now: t.Now}),
		templates: map[string]string{}, down: map[rollout.SideName]bool{}, routed: map[string][2]time.Time{},
		counts: map[Op]int{}, poke: make(chan struct{}, 1), disturbed: t.Now(),
	}
	w.spec = s.Spec
	w.plane = newPlane(s.Spec.Traffic)
	w.faults = newFaults(o.Faults)
	w.laws = newLaws()
	w.people = people{acts: s.Acts}
	w.target = memworkload.New(memworkload.Options{Held: true, Ready: w.podReady})
	w.sight = func() (rollout.Workload, error) { return w.target.Driver().Observe(w.root()) }
	return w
}

// event is something that happens at a time.
type event struct {
	at   time.Time
	what string
	do   func()
}

// after lets something happen d from now. No two events share an instant. The caller holds mu.
func (w *World) after(d time.Duration, what string, do func()) {
	w.seq++
	wiggle := time.Duration(w.seq)*time.Nanosecond + time.Duration(w.options.Seed%97)*time.Microsecond
	heap.Push(&w.events, event{at: w.time.Now().Add(d + wiggle), what: what, do: do})
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// notef adds a line to the log of the run. The caller holds mu.
func (w *World) notef(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%12s ", w.time.Now().Sub(w.began))+fmt.Sprintf(format, args...))
}

// Log is what happened, in its order.
func (w *World) Log() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log
}

// wake tells every engine that something has changed, one a moment after the other: passes of two engines at one
// instant would have no order. The caller holds mu.
func (w *World) wake() {
	for _, p := range w.live {
		if len(w.live) == 1 {
			p.engine.Wake(w.key)
			continue
		}
		w.after(p.lag(), "a later wake", func() { p.engine.Wake(w.key) })
	}
}

// disturb notes that the world was changed from outside: from here on it has its time to come to rest.
func (w *World) disturb() {
	w.disturbed = w.time.Now()
	w.rest = time.Time{}
}

// timeline is a heap of events, the earliest first.
//
//nolint:recvcheck // heap.Interface changes the slice in Push and Pop only.
type timeline []event

// Len is part of heap.Interface.
func (t timeline) Len() int { return len(t) }

// Less is part of heap.Interface.
func (t timeline) Less(i, j int) bool { return t[i].at.Before(t[j].at) }

// Swap is part of heap.Interface.
func (t timeline) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push is part of heap.Interface.
func (t *timeline) Push(x any) {
	if e, ok := x.(event); ok {
		*t = append(*t, e)
	}
}

// Pop is part of heap.Interface.
func (t *timeline) Pop() any {
	last := len(*t) - 1
	e := (*t)[last]
	*t = (*t)[:last]
	return e
}
