package processworkload_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
)

// TestWhateverHappensSettles does anything in any order, crashes included, and then waits for what was wanted last.
// The end of the world checks that nothing is left.
func TestWhateverHappensSettles(t *testing.T) {
	t.Parallel()
	const rounds = 12
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			w := newWorld(t, processworkload.Options{})
			for i := range rounds {
				w.storm(random, fmt.Sprint("r", i))
			}
			last := server("last", 2)
			last.Plain = false
			w.apply(last)
			d := w.driver()
			w.must(d.Pin(t.Context(), "last"))
			w.must(d.Promote(t.Context(), rollout.PromoteTo{Revision: "last"}))
			w.must(d.Resize(t.Context(), rollout.Scale{Side: rollout.PrimarySide, Replicas: 2}))
			w.must(d.Resize(t.Context(), rollout.Scale{Side: rollout.CanarySide}))
			pods := w.ready(2, "last")
			if slices.ContainsFunc(pods, func(p processworkload.Pod) bool { return p.Side != rollout.PrimarySide }) {
				t.Errorf("got %+v", pods)
			}
		})
	}
}

// storm does one thing.
func (w *world) storm(random *rand.Rand, revision string) {
	w.t.Helper()
	target := server(revision, 1+random.IntN(2))
	target.Plain = random.IntN(2) == 0
	target.Template.Recreate = random.IntN(4) == 0
	d, ctx := w.driver(), w.t.Context()
	var err error
	switch random.IntN(8) {
	case 0:
		w.restart()
	case 1:
		err = w.Remove(namespace, name)
	case 2:
		err = d.Release(ctx, random.IntN(2) == 0)
	case 3:
		err = d.Resize(ctx, rollout.Scale{Side: rollout.CanarySide})
	case 4:
		if pods := w.pods(); len(pods) > 0 {
			_, _ = w.ask(pods[random.IntN(len(pods))], "/exit")
		}
	case 5:
		w.apply(target)
		w.must(d.Pin(ctx, revision))
		w.must(d.Promote(ctx, rollout.PromoteTo{Revision: revision}))
	case 6:
		w.apply(target)
		w.must(d.Resize(ctx, rollout.Scale{Side: rollout.CanarySide, Revision: revision, Replicas: 1}))
	default:
		w.apply(target)
	}
	if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Unavailable {
		w.t.Fatal(err)
	}
}
