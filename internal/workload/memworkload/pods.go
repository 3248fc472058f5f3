package memworkload

import (
	"fmt"
	"slices"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/rolling"
)

// rounds bounds how long a change may take to come to rest.
const rounds = 1000

// Settle lets rounds pass until nothing changes any more.
func (t *Target) Settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle()
}

func (t *Target) settle() {
	for range rounds {
		if !t.round() {
			return
		}
	}
}

// Step lets one round pass: pods that were told to end are gone, others get ready or stop being so, and what follows
// from that is begun. It says whether anything changed.
func (t *Target) Step() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.round()
}

func (t *Target) round() bool {
	before := len(t.pods)
	t.pods = slices.DeleteFunc(t.pods, func(p Pod) bool { return p.Ending })
	changed := len(t.pods) != before
	for i := range t.pods {
		p := &t.pods[i]
		p.Rounds++
		if ready := t.isReady(*p); ready != p.Ready {
			p.Ready, changed = ready, true
		}
		p.Served = p.Served || p.Ready
	}
	return t.plan() || changed
}

func (t *Target) isReady(p Pod) bool {
	if t.options.Ready != nil && !t.options.Ready(p) {
		return false
	}
	return !t.broken[p.Revision]
}

// plan starts and ends pods, and says whether it did.
func (t *Target) plan() bool {
	changed := false
	if t.primary.leaving && t.count(rollout.CanarySide).Ready >= t.canary.replicas {
		t.primary, changed = side{}, true
	}
	for _, name := range []rollout.SideName{rollout.PrimarySide, rollout.CanarySide} {
		s := t.side(name)
		want := rolling.Want{}
		if s.exists {
			want.Replicas = s.replicas
		}
		if t.abrupt(s) {
			want.Pace = rolling.Abrupt
		}
		step := rolling.Next(want, t.census(name))
		for i := range t.pods {
			if slices.Contains(step.End, t.pods[i].Name) {
				t.pods[i].Ending, changed = true, true
			}
		}
		kept := t.kept(s.revision)
		for range step.Start {
			if kept == nil {
				break
			}
			t.made++
			t.pods = append(t.pods, Pod{
				Name: fmt.Sprintf("%s-%d", name, t.made), Side: name, Revision: s.revision, Template: kept.Template,
			})
			changed = true
		}
	}
	return changed
}

func (t *Target) side(name rollout.SideName) *side {
	if name == rollout.PrimarySide {
		return &t.primary
	}
	return &t.canary
}

// abrupt says whether a replacement on a side ends old pods first: a program that takes part in it wants that.
func (t *Target) abrupt(s *side) bool {
	for _, revision := range []string{s.revision, t.canary.revision} {
		if m := t.kept(revision); m != nil && m.Abrupt {
			return true
		}
	}
	return t.manifest != nil && t.manifest.Abrupt
}

func (t *Target) census(name rollout.SideName) []rolling.Pod {
	var pods []rolling.Pod
	for _, p := range t.pods {
		if p.Side == name {
			pods = append(pods, rolling.Pod{
				Name: p.Name, Current: p.Revision == t.side(name).revision, Ready: p.Ready, Served: p.Served, Ending: p.Ending,
			})
		}
	}
	return pods
}

// count describes a side as it is.
func (t *Target) count(name rollout.SideName) rollout.Side {
	s := t.side(name)
	seen := rollout.Side{Exists: s.exists, Revision: s.revision, Replicas: s.replicas, Floor: s.floor}
	for _, p := range t.pods {
		switch {
		case p.Side != name || p.Ending:
		case p.Ready:
			seen.Serving++
			if p.Revision == s.revision {
				seen.Ready++
			}
		case seen.Why == "" && p.Revision == s.revision:
			seen.Why = p.Name + ": not ready"
		}
	}
	if s.exists {
		seen.Abrupt = t.abrupt(s)
		seen.Autoscaled = name == rollout.PrimarySide && t.least > 0
	}
	return seen
}
