package sim

import (
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// plane is a data plane of two proxies that take what is written one after the other.
type plane struct {
	caps    rollout.Capabilities
	exists  bool
	split   rollout.Split
	version int
	// rejected is why the proxies do not take what is written, nack why they would not take the next.
	rejected, nack string
	// returned says that the target was given back and serves itself.
	returned bool
	proxies  [2]proxy
	// seen is what was read last.
	seen rollout.Traffic
}

// proxy is one process of the data plane with what it has in force.
type proxy struct {
	exists   bool
	split    rollout.Split
	returned bool
	version  int
}

func newPlane(caps rollout.Capabilities) *plane { return &plane{caps: caps} }

// traffic is what the data plane says of itself: while proxies differ, the one that is behind counts.
func (l *plane) traffic() rollout.Traffic {
	t := rollout.Traffic{Exists: l.exists, Split: l.split, Rejected: l.rejected}
	for i := range l.proxies {
		t.Acked = l.proxies[i].split
		if l.proxies[i].version != l.version {
			break
		}
	}
	return t
}

// quiet says whether no proxy sends anything to the canary.
func (l *plane) quiet() bool {
	rest := rollout.Split{Primary: rollout.Whole}
	for i := range l.proxies {
		if !l.proxies[i].exists || plainly(l.proxies[i].split) != rest {
			return false
		}
	}
	return plainly(l.split) == rest
}

// plainly is a split without the revision that its canary's requests would be for.
func plainly(s rollout.Split) rollout.Split {
	s.Revision = ""
	return s
}

// carries says whether a split sends anything to the canary.
func carries(s rollout.Split) bool { return s.Canary > 0 || s.Mirror > 0 || s.Match }

// write takes a split. The caller holds mu.
func (w *World) write(s rollout.Split) {
	l := w.plane
	if l.exists && l.split == s {
		return
	}
	l.exists, l.split, l.returned, l.rejected = true, s, false, l.nack
	l.version++
	w.spread()
}

// withdraw forgets the split. The caller holds mu.
func (w *World) withdraw(revert bool) {
	l := w.plane
	if !l.exists && l.returned == revert {
		return
	}
	l.exists, l.split, l.returned, l.rejected = false, rollout.Split{}, revert, ""
	l.version++
	w.spread()
}

// spread brings what is written to the proxies, unless they refuse it. The caller holds mu.
func (w *World) spread() {
	l := w.plane
	if l.rejected != "" {
		w.wake()
		return
	}
	for i := range l.proxies {
		delay := time.Duration(130+310*i) * time.Millisecond
		if i == 1 && w.faults.on(w.time.Now(), []Op{Split, Restore}, Partial) {
			delay = 8 * time.Second
		}
		w.after(delay, "a proxy takes it", func() {
			if l.proxies[i].version == l.version || l.rejected != "" {
				return
			}
			// A proxy that comes late takes what is written by then.
			w.touch()
			l.proxies[i] = proxy{exists: l.exists, split: l.split, returned: l.returned, version: l.version}
			w.reflow()
			w.wake()
		})
	}
}

// share is what a proxy sends to a pod's side: the part of the users' requests, and whether anything at all.
func (x *proxy) share(side rollout.SideName, up map[rollout.SideName]int) (users float64, sends bool) {
	s := x.split
	if !x.exists {
		// Without a split the target's own pods come first once it was given back, else the primary's.
		own := rollout.PrimarySide
		if up[rollout.CanarySide] > 0 && (x.returned || up[rollout.PrimarySide] == 0) {
			own = rollout.CanarySide
		}
		if side == own {
			return 1, true
		}
		return 0, false
	}
	matched := 0.0
	if s.Match {
		matched = 0.1
	}
	whole := float64(rollout.Whole)
	canary := matched + (1-matched)*float64(s.Canary)/whole
	if side == rollout.PrimarySide {
		return 1 - canary, canary < 1
	}
	return canary, carries(s)
}

// receives says whether some proxy sends requests to a pod now.
func (w *World) receives(p *memworkload.Pod, up map[rollout.SideName]int) bool {
	if !p.Ready || p.Ending {
		return false
	}
	for i := range w.plane.proxies {
		x := &w.plane.proxies[i]
		if _, sends := x.share(p.Side, up); !sends {
			continue
		}
		if p.Side == rollout.CanarySide && x.exists && x.split.Revision != "" && x.split.Revision != p.Revision {
			continue
		}
		return true
	}
	return false
}

// touch notes which pods have got requests until now. It comes before everything that changes where requests go.
func (w *World) touch() {
	pods := w.target.Pods()
	up := upOf(pods)
	for i := range pods {
		if w.receives(&pods[i], up) {
			w.routed[pods[i].Name] = [2]time.Time{w.time.Now(), w.clock.Now()}
		}
	}
}

func upOf(pods []memworkload.Pod) map[rollout.SideName]int {
	up := map[rollout.SideName]int{}
	for i := range pods {
		if pods[i].Ready && !pods[i].Ending {
			up[pods[i].Side]++
		}
	}
	return up
}
