package explorer

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// TestNormalForm walks at random, once with a state as the core left it and once with its normal form, and demands that
// both go the same way: then nothing that the normal form drops matters.
func TestNormalForm(t *testing.T) {
	t.Parallel()
	for i, plan := range Plans() {
		t.Run(plan.Name, func(t *testing.T) {
			t.Parallel()
			m, err := newModel(plan, nil)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[rollout.Phase]bool{}
			for seed := range uint64(50) {
				random := rand.New(rand.NewPCG(seed, uint64(i)))
				wander(t, m, random, seen)
			}
			for _, phase := range []rollout.Phase{rollout.Progressing, rollout.Promoting, rollout.Finalising, rollout.Failed, rollout.Terminated} {
				if !seen[phase] {
					t.Errorf("no walk came to phase %s", phase)
				}
			}
		})
	}
}

// wander lets 300 random events happen, most of them such that a release goes on.
func wander(t *testing.T, m *model, random *rand.Rand, seen map[rollout.Phase]bool) {
	t.Helper()
	p, whole := newPasser(m), *m.root()
	var path []string
	for i := range 300 {
		k := kind(1 + random.IntN(int(answered)+len(policies())-1))
		if random.IntN(8) != 0 {
			k = []kind{tick, ack, canaryReady, primaryReady, plain, plain, answered}[random.IntN(7)]
		}
		if k == behave || k == deletion && i < 250 {
			continue
		}
		var before, c code
		var normal node
		// Dropping snapshots that nobody mentions is the world's doing, so it happens to both.
		f := m.forget(&whole)
		whole.w.pinned = f.w.pinned
		to := m.encode(&whole, &before)
		m.decode(&before, &normal)
		m.encode(&normal, &c)
		if c != before {
			t.Fatalf("%v: the normal form of a normal form is another one:\n%v\n%v", path, before, c)
		}
		if !play(p, &whole, k) {
			continue
		}
		play(p, &normal, renamed(k, to))
		path = append(path, k.String())
		seen[whole.st.Phase] = true
		var a, b code
		m.encode(&whole, &a)
		m.encode(&normal, &b)
		if a != b {
			t.Fatalf("after %v the normal form goes another way:\n%v\n%v\n%+v\n%+v", path, a, b, whole.st.Run, normal.st.Run)
		}
	}
}

// renamed is the event of a node in the names of its normal form.
func renamed(k kind, to renaming) kind {
	if k >= targetFirst && k <= targetThird {
		return targetFirst + kind(to[k-targetFirst])
	}
	return k
}

func play(p *passer, n *node, k kind) bool {
	if k < behave {
		return p.m.happen(n, k)
	}
	var r result
	before := *n
	if !p.pass(&before, k, &r) {
		return false
	}
	*n = r.node(&before)
	for len(r.actions) > 0 {
		p.act(n, &r) // Laws are the business of the walk.
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
