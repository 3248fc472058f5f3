package explorer

import "github.com/serin-dev/serin/internal/rollout"

// patience is how many events a world in which everything works may need until a canary rests.
const patience = 300

// lives judges that the canary comes to rest from a state once everything works, and then writes nothing (L1). A world
// in which everything works is deterministic, so a state from which that was shown once need not be shown again.
func (w *walk) lives(id uint32) {
	var n, next node
	var chain []code
	c := w.seen.codes[id]
	for len(chain) <= patience {
		if at, known := w.settled.look(&c); known {
			w.settle(chain, int(w.distances[at]))
			return
		}
		chain = append(chain, c)
		w.m.decode(&c, &n)
		_, moved, broken := w.behaves(&n, &next, &c)
		if len(broken) > 0 {
			w.broken(broken, id, repeated(len(chain))...)
			w.settle(chain, -1)
			return
		}
		if !moved {
			w.report.Rests++
			if broken = w.rests(&n); len(broken) > 0 {
				w.broken(broken, id, repeated(len(chain)-1)...)
			}
			w.settle(chain, -1)
			return
		}
	}
	w.broken([]string{"L1 (world): everything works and the canary does not come to rest"}, id, repeated(patience)...)
	w.settle(chain, -1)
}

func repeated(times int) []event {
	events := make([]event, times)
	for i := range events {
		events[i] = event(behave)
	}
	return events
}

// settle notes how far from rest each state of a chain is; beyond is the distance of the state after it. A chain that
// ends in a violation is settled as well: it need not be told again.
func (w *walk) settle(chain []code, beyond int) {
	for i := range chain {
		distance := beyond + len(chain) - i
		if _, fresh := w.settled.add(&chain[i]); !fresh {
			continue
		}
		w.distances = append(w.distances, uint16(distance)) //nolint:gosec // G115: bounded by patience.
		w.report.Longest = max(w.report.Longest, distance)
	}
}

// behaves is one event of a world in which everything works: first the world follows, then people let the canary go on,
// then passes are made until none changes anything, then time passes. It returns what that was and whether anything
// changed; out is the normal form of next.
func (w *walk) behaves(n, next *node, out *code) (kind, bool, []string) {
	var was code
	w.m.encode(n, &was)
	*next = *n
	if w.m.heal(next) {
		w.m.encode(next, out)
		return behave, true, nil
	}
	kinds := []kind{plain, answered}
	if n.st.Paused != nil {
		kinds[0] = resume
	}
	for _, k := range kinds {
		asked, _, broken := w.p.whole(n, next, k)
		w.m.encode(next, out)
		if *out != was || len(broken) > 0 {
			return k, true, broken
		}
		if !asked {
			break
		}
	}
	*next = *n
	w.m.happen(next, tick)
	w.m.encode(next, out)
	return tick, *out != was, nil
}

// rests judges a canary that nothing changes any more.
func (w *walk) rests(n *node) []string {
	var after node
	_, effects, broken := w.p.whole(n, &after, plain)
	c := court{m: w.m, n: n, broken: broken}
	c.mustf(effects == 0, "L1", "%d effects in every pass, for ever", effects)
	if n.st.Phase == rollout.Terminated {
		return c.broken
	}
	c.mustf(!n.w.deleting, "L4", "the canary is deleted and stays in phase %s", n.st.Phase)
	switch n.st.Phase {
	case rollout.Initialized, rollout.Succeeded, rollout.Failed:
	default:
		c.mustf(false, "L1", "everything works and phase %s never ends", n.st.Phase)
		return c.broken
	}
	wd, target := &n.w, w.m.names[n.w.target]
	c.mustf(target == n.st.Promoted || target == n.st.Tried, "L1", "the canary rests and nobody has tried %s", target)
	c.mustf(wd.split == rest() && wd.acked == rest(), "L1", "the canary rests and the route is %+v", wd.split)
	c.mustf(wd.canary.replicas == 0 && wd.canary.serving() == 0, "L1", "the canary rests with pods")
	c.mustf(wd.primary.exists && w.m.names[wd.primary.revision] == n.st.Promoted, "L1", "the canary rests and the primary does not run %s", n.st.Promoted)
	c.mustf(wd.floor == 0, "L1", "the canary rests and holds the autoscaler")
	return c.broken
}
