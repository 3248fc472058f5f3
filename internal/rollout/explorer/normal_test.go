package explorer

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestNormalForm goes on at random from states of the walk, once with a state as the core left it, all the way from the
// root, and once with its normal form, and demands that both go the same way: then nothing that the normal form drops
// matters.
func TestNormalForm(t *testing.T) {
	t.Parallel()
	for i, plan := range Plans() {
		t.Run(plan.Name, func(t *testing.T) {
			t.Parallel()
			m, err := newModel(plan, nil)
			if err != nil {
				t.Fatal(err)
			}
			w := newWalk(m, Options{Budget: 20_000, Most: 1000})
			w.seed()
			w.search()
			seen := map[rollout.Phase]bool{}
			for id := 0; id < len(w.seen.codes); id += 1 + len(w.seen.codes)/120 {
				random := rand.New(rand.NewPCG(uint64(id), uint64(i)))
				whole, path := relive(t, w, uint32(id))
				seen[whole.st.Phase] = true
				wander(t, m, random, whole, path)
			}
			for _, phase := range []rollout.Phase{rollout.Progressing, rollout.Promoting, rollout.Finalising, rollout.Failed, rollout.Terminating} {
				if !seen[phase] {
					t.Errorf("no walk came to phase %s", phase)
				}
			}
		})
	}
}

// relive follows the path to a state from the root, without ever taking the normal form of anything.
func relive(t *testing.T, w *walk, id uint32) (node, []string) {
	t.Helper()
	var events []event
	for at := id; w.events[at].kind() != start; at = w.parents[at] {
		events = append(events, w.events[at])
	}
	slices.Reverse(events)
	whole := *w.m.root()
	var path []string
	for _, e := range events {
		var c code
		to := unpin(w.m, &whole, &c)
		path = append(path, e.text(""))
		if e.kind() == behave {
			var next node
			w.behaves(&whole, &next, &c)
			whole = next
			whole.st.Consumed = nil
			continue
		}
		play(w.p, &whole, original(e.kind(), to), e.effects())
	}
	var c code
	if w.m.encode(&whole, &c); c != w.seen.codes[id] { //nolint:gocritic // The code is the result.
		t.Fatalf("%v leads to another state without normal forms:\n%v\n%v", path, c, w.seen.codes[id])
	}
	return whole, path
}

// wander lets 50 random events happen, most of them such that a release goes on.
func wander(t *testing.T, m *model, random *rand.Rand, whole node, path []string) {
	t.Helper()
	p := newPasser(m)
	for range 50 {
		k := kind(1 + random.IntN(int(answered)+len(policies())-1))
		if random.IntN(10) != 0 {
			k = []kind{tick, ack, canaryReady, primaryReady, plain, plain, answered}[random.IntN(7)]
		}
		if k == behave {
			continue
		}
		var before, c code
		var normal node
		to := unpin(m, &whole, &before)
		m.decode(&before, &normal)
		m.encode(&normal, &c)
		if c != before {
			t.Fatalf("%v: the normal form of a normal form is another one:\n%v\n%v", path, before, c)
		}
		if !play(p, &whole, k, everything) {
			continue
		}
		play(p, &normal, renamed(k, to), everything)
		path = append(path, k.String())
		var a, b code
		m.encode(&whole, &a)
		m.encode(&normal, &b)
		if a != b {
			t.Fatalf("after %v the normal form goes another way:\n%v\n%v\n%+v\n%+v", path, a, b, whole.st.Run, normal.st.Run)
		}
	}
}

// unpin encodes a node after dropping its snapshots that nobody mentions: that is the world's doing, not the normal form's.
func unpin(m *model, n *node, c *code) renaming {
	f := m.forget(n)
	n.w.pinned = f.w.pinned
	return m.encode(n, c)
}

// original is the event of a normal form in the names of its node.
func original(k kind, to renaming) kind {
	if k < targetFirst || k > targetThird {
		return k
	}
	for old, name := range to {
		if name == int8(k-targetFirst) {
			return targetFirst + kind(old)
		}
	}
	return k
}

// renamed is the event of a node in the names of its normal form.
func renamed(k kind, to renaming) kind {
	if k >= targetFirst && k <= targetThird {
		return targetFirst + kind(to[k-targetFirst])
	}
	return k
}

// play lets an event happen, with the first effects of it.
func play(p *passer, n *node, k kind, effects int) bool {
	if k < behave {
		return p.m.happen(n, k)
	}
	var r result
	before := *n
	if !p.pass(&before, k, &r) {
		return false
	}
	*n = r.node(&before)
	for len(r.actions) > 0 && effects > 0 {
		if done, _ := p.act(n, &r); done { // Laws are the business of the walk.
			effects--
		}
	}
	n.st.Consumed = nil // Every command is another one.
	return true
}

// TestEveryFieldHasItsPlace demands a decision about each field that the core remembers: kept in the normal form, or
// dropped for the reason that doc.go gives.
func TestEveryFieldHasItsPlace(t *testing.T) {
	t.Parallel()
	for of, known := range map[reflect.Type][]string{
		reflect.TypeFor[rollout.State](): {
			"Phase", "Since", "Promoted", "Tried", "Run", "Paused", "Held", "Quiet", // kept
			"Version", "Runs", "Consumed", "Seq", "Outbox", "Dropped", "Wait", // dropped
		},
		reflect.TypeFor[rollout.Run](): {
			"Revision", "Stage", "Steps", "Step", "Weight", "Acked", "Reached", "Passes", "Fresh", "Due", "FailedChecks", "Skip", "Gate",
			"Undo", "Progress", "Best", "NoData", "Unavailable", "Replicas", "Pass", "Written", "Override", "Full", "Outcome", // kept
			"Name", "Started", "Round", "Reason", "Message", "Ended", "Results", // dropped
		},
		reflect.TypeFor[rollout.Poll](): {"Since", "Due", "Round", "Closed", "Hook"},
		reflect.TypeFor[rollout.Split](): {
			"Primary", "Canary", "Mirror", "Match", "CanarySession", "PrimarySession", "Revision",
		},
	} {
		for _, f := range reflect.VisibleFields(of) {
			if !slices.Contains(known, f.Name) {
				t.Errorf("%s.%s has no place in the normal form", of, f.Name)
			}
		}
	}
}

// TestDurationsAreUnits demands plans whose deadlines the clock of the walk can meet.
func TestDurationsAreUnits(t *testing.T) {
	t.Parallel()
	for _, p := range Plans() {
		s := p.Spec.Default()
		for _, d := range []time.Duration{s.Interval, s.Drain, s.ProgressDeadline, s.UnavailableLimit} {
			if d <= 0 || d%unit != 0 {
				t.Errorf("plan %s: %s is no whole number of units", p.Name, d)
			}
		}
	}
}
