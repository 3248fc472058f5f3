package explorer

import (
	"fmt"
	"slices"
	"strings"
)

// Options say how far to walk.
type Options struct {
	// Budget is the number of transitions after which the walk is cut; 0 walks to the end.
	Budget int
	// Step is what is walked; nil is rollout.Step.
	Step Step
	// Most is how many different laws may be found broken before the walk ends. Default 1.
	Most int
	// Enough says that a violation ends the walk, whatever Most is; nil leaves that to Most.
	Enough func(Violation) bool
}

// Report is what a walk found.
type Report struct {
	Plan string
	// States is how many different states were seen, Transitions how many ways between them were taken.
	States, Transitions int
	// Depth is the number of events to the farthest state.
	Depth int
	// Steps is how many decisions of the core were judged.
	Steps int
	// Rests is how many of the states are at rest, and Longest how many events a world in which everything works needs
	// at most until the canary is.
	Rests, Longest int
	// Exhausted says that no new state appeared any more; otherwise the budget ended the walk.
	Exhausted  bool
	Violations []Violation
}

// String is the report in one line.
func (r Report) String() string {
	end := "exhausted"
	if !r.Exhausted {
		end = "cut"
	}
	return fmt.Sprintf("%s: %s after %d states and %d transitions up to %d events deep; %d decisions judged; %d states of rest, reached within %d events",
		r.Plan, end, r.States, r.Transitions, r.Depth, r.Steps, r.Rests, r.Longest)
}

// Violation is a broken law with the shortest path to it.
type Violation struct {
	Laws []string
	Path []string
	// Script is the path as a scenario.
	Script string
}

// walk is one search in progress: breadth first, so the first path to a state is a shortest one.
type walk struct {
	m       *model
	p       *passer
	seen    *table
	parents []uint32
	events  []event
	depths  []uint16
	// settled are the states from which rest was shown, distances how far from them it is.
	settled   *table
	distances []uint16
	opts      Options
	report    Report
	found     map[string]bool
	succ      node
	done      bool
}

// Explore walks a plan.
func Explore(plan Plan, o Options) (Report, error) {
	m, err := newModel(plan, o.Step)
	if err != nil {
		return Report{}, err
	}
	w := newWalk(m, o)
	w.seed()
	w.search()
	w.report.States = len(w.seen.codes)
	return w.report, nil
}

func newWalk(m *model, o Options) *walk {
	o.Most = max(1, o.Most)
	w := &walk{m: m, p: newPasser(m), seen: newTable(), settled: newTable(), opts: o, found: map[string]bool{}}
	w.report.Plan = m.plan.Name
	return w
}

// seed starts the walk at the root. Where it may be cut it starts at each state of an ordinary life as well: the
// neighbourhood of a whole release is worth more than a large one of its beginning.
func (w *walk) seed() {
	var c code
	w.m.encode(w.m.root(), &c)
	w.insert(&c, 0, event(start))
	if w.opts.Budget == 0 {
		return
	}
	at := uint32(0)
	for _, life := range []kind{behave, targetSecond, behave, deletion, behave} {
		if life != behave {
			at = w.take(at, event(life))
			continue
		}
		for range patience {
			next := w.take(at, event(behave))
			if next == at || w.done {
				break
			}
			at = next
		}
	}
}

// take inserts the state after an event of the ordinary life and returns its number.
func (w *walk) take(at uint32, e event) uint32 {
	var n, next node
	var c code
	w.m.decode(&w.seen.codes[at], &n)
	if e.kind() != behave {
		w.m.happen(&n, e.kind())
		w.m.encode(&n, &c)
		return w.insert(&c, at, e)
	}
	_, moved, broken := w.behaves(&n, &next, &c)
	if len(broken) > 0 {
		w.broken(broken, at, e)
		return at
	}
	if !moved {
		return at
	}
	return w.insert(&c, at, e)
}

func (w *walk) insert(c *code, parent uint32, e event) uint32 {
	id, fresh := w.seen.add(c)
	if fresh {
		depth := uint16(0)
		if e.kind() != start {
			depth = w.depths[parent] + 1
		}
		w.parents, w.events, w.depths = append(w.parents, parent), append(w.events, e), append(w.depths, depth)
		w.report.Depth = max(w.report.Depth, int(depth))
	}
	return id
}

// search expands states until there is no new one, the budget is used up, or enough laws are broken.
func (w *walk) search() {
	var n node
	for id := uint32(0); int(id) < len(w.seen.codes); id++ {
		if w.done || w.opts.Budget > 0 && w.report.Transitions >= w.opts.Budget {
			return
		}
		w.m.decode(&w.seen.codes[id], &n)
		w.expand(id, &n)
		if !w.done {
			w.lives(id)
		}
	}
	w.report.Exhausted = true
}

// expand takes every way out of a state.
func (w *walk) expand(id uint32, n *node) {
	for k := tick; k < behave; k++ {
		w.succ = *n
		if !w.m.leaves(k) && w.m.happen(&w.succ, k) {
			w.arrive(id, event(k))
		}
	}
	asked := w.turns(id, n, plain)
	for k := unreadable; k < answered; k++ {
		if !w.m.leaves(k) {
			w.turns(id, n, k)
		}
	}
	if !asked {
		return
	}
	for i := range w.p.policies {
		w.turns(id, n, answered+kind(i))
	}
}

func (w *walk) arrive(parent uint32, e event) uint32 {
	var c code
	w.report.Transitions++
	w.m.encode(&w.succ, &c)
	return w.insert(&c, parent, e)
}

// turns makes one pass from a state, with a crash after each number of effects. It says whether the core waits for
// answers: whether it asks and has nothing else to remember, so that the questions are known to have been asked.
func (w *walk) turns(id uint32, n *node, k kind) bool {
	var r result
	if !w.p.pass(n, k, &r) {
		return false
	}
	w.report.Steps++
	if len(r.broken) > 0 {
		w.broken(r.broken, id, made(k, everything))
		return false
	}
	w.succ = r.node(n)
	stable := w.arrive(id, made(k, 0)) == id
	for effects := 0; len(r.actions) > 0; {
		done, broken := w.p.act(&w.succ, &r)
		if len(broken) > 0 {
			w.broken(broken, id, made(k, everything))
			return false
		}
		if done {
			effects++
			w.arrive(id, made(k, effects))
		}
	}
	return stable && r.asked
}

// broken notes a violation: the laws that the last of some events after a state broke.
func (w *walk) broken(laws []string, at uint32, events ...event) {
	numbers := make([]string, 0, len(laws))
	for _, l := range laws {
		number, _, _ := strings.Cut(l, ":")
		numbers = append(numbers, number)
	}
	key := strings.Join(numbers, " ")
	if w.found[key] || w.done {
		return
	}
	w.found[key] = true
	v := w.violation(slices.Compact(laws), at, events)
	w.report.Violations = append(w.report.Violations, v)
	w.done = len(w.found) >= w.opts.Most || w.opts.Enough != nil && w.opts.Enough(v)
}
