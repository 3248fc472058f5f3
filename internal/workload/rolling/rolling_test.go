package rolling_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/serin-dev/serin/internal/workload/rolling"
)

func TestNext(t *testing.T) {
	t.Parallel()
	old := func(name string) rolling.Pod { return rolling.Pod{Name: name, Ready: true, Served: true} }
	current := func(name string, ready bool) rolling.Pod {
		return rolling.Pod{Name: name, Current: true, Ready: ready, Served: ready}
	}
	down := func(name string) rolling.Pod { return rolling.Pod{Name: name, Served: true} }
	unborn := func(name string) rolling.Pod { return rolling.Pod{Name: name} }
	ending := func(p rolling.Pod) rolling.Pod { p.Ending = true; return p }
	tests := map[string]struct {
		reason string
		want   rolling.Want
		pods   []rolling.Pod
		step   rolling.Step
	}{
		"first":        {"nothing runs, so nothing has to wait", rolling.Want{Replicas: 3}, nil, rolling.Step{Start: 3}},
		"surge":        {"one more than wanted", rolling.Want{Replicas: 2}, []rolling.Pod{old("a"), old("b")}, rolling.Step{Start: 1}},
		"not ready":    {"an old pod stays until the new one is ready", rolling.Want{Replicas: 2}, []rolling.Pod{old("a"), old("b"), current("c", false)}, rolling.Step{}},
		"ready":        {"one new, one old", rolling.Want{Replicas: 2}, []rolling.Pod{old("a"), old("b"), current("c", true)}, rolling.Step{End: []string{"a"}}},
		"ending":       {"the surge counts the pod that is leaving", rolling.Want{Replicas: 2}, []rolling.Pod{ending(old("a")), old("b"), current("c", true)}, rolling.Step{}},
		"gone":         {"then the next starts", rolling.Want{Replicas: 2}, []rolling.Pod{old("b"), current("c", true)}, rolling.Step{Start: 1}},
		"never served": {"a pod of a revision that nobody wants any more and that never served is no capacity", rolling.Want{Replicas: 2}, []rolling.Pod{old("a"), old("b"), unborn("c")}, rolling.Step{End: []string{"c"}}},
		"down":         {"pods that are down leave room for one new pod", rolling.Want{Replicas: 2}, []rolling.Pod{down("a"), down("b"), down("c")}, rolling.Step{Start: 1}},
		"down, proven": {"and go when the new revision works", rolling.Want{Replicas: 2}, []rolling.Pod{down("a"), down("b"), current("c", true)}, rolling.Step{Start: 1, End: []string{"a", "b"}}},
		"surplus":      {"the unready and the youngest go first", rolling.Want{Replicas: 1}, []rolling.Pod{current("a", true), current("b", false), current("c", true)}, rolling.Step{End: []string{"b", "c"}}},
		"none":         {"zero replicas end everything", rolling.Want{}, []rolling.Pod{old("a"), current("b", true)}, rolling.Step{End: []string{"a", "b"}}},
		"at once":      {"nobody needs the old ones", rolling.Want{Replicas: 2, Pace: rolling.AtOnce}, []rolling.Pod{old("a")}, rolling.Step{Start: 2, End: []string{"a"}}},
		"abrupt":       {"first all old ones go", rolling.Want{Replicas: 2, Pace: rolling.Abrupt}, []rolling.Pod{old("a")}, rolling.Step{End: []string{"a"}}},
		"abrupt wait":  {"really go", rolling.Want{Replicas: 2, Pace: rolling.Abrupt}, []rolling.Pod{ending(old("a"))}, rolling.Step{}},
		"abrupt gone":  {"then the new ones start", rolling.Want{Replicas: 2, Pace: rolling.Abrupt}, nil, rolling.Step{Start: 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.step, rolling.Next(tt.want, tt.pods)); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", tt.reason, diff)
			}
		})
	}
}

// TestReplacementEnds plays replacements with pods that fail, recover and leave in any order: ready pods are never
// ended below what is wanted, there is never more than one surge pod beside what is down, and once pods get ready the
// side becomes what is wanted.
func TestReplacementEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := &side{}
		for i := range rapid.IntRange(0, 4).Draw(rt, "old") {
			s.pods = append(s.pods, rolling.Pod{Name: fmt.Sprintf("old-%d", i), Ready: true, Served: true})
		}
		want := rolling.Want{Replicas: rapid.IntRange(0, 4).Draw(rt, "replicas"), Pace: rolling.Pace(rapid.IntRange(0, 2).Draw(rt, "pace"))}
		for range rapid.IntRange(0, 20).Draw(rt, "events") {
			s.step(rt, want)
			if len(s.pods) == 0 {
				continue
			}
			i := rapid.IntRange(0, len(s.pods)-1).Draw(rt, "pod")
			switch rapid.IntRange(0, 2).Draw(rt, "event") {
			case 0:
				s.pods[i].Ready, s.pods[i].Served = true, true
			case 1:
				s.pods[i].Ready = false
			default:
				s.remove(i)
			}
		}
		s.settle(rt, want)
	})
}

type side struct {
	pods []rolling.Pod
	made int
}

// remove lets a pod go that was told to end.
func (s *side) remove(i int) {
	if s.pods[i].Ending {
		s.pods = slices.Delete(s.pods, i, i+1)
	}
}

func (s *side) ready() (n int) {
	for _, p := range s.pods {
		if p.Ready && !p.Ending {
			n++
		}
	}
	return n
}

func (s *side) step(t *rapid.T, want rolling.Want) {
	before := s.ready()
	next := rolling.Next(want, s.pods)
	for i := range s.pods {
		if slices.Contains(next.End, s.pods[i].Name) {
			s.pods[i].Ending = true
		}
	}
	if after := s.ready(); want.Pace == rolling.Gradual && after < min(before, want.Replicas) {
		t.Fatalf("%d ready pods became %d where %d are wanted", before, after, want.Replicas)
	}
	for range next.Start {
		s.made++
		s.pods = append(s.pods, rolling.Pod{Name: fmt.Sprintf("new-%d", s.made), Current: true})
	}
}

func (s *side) settle(t *rapid.T, want rolling.Want) {
	for range 40 {
		s.step(t, want)
		s.pods = slices.DeleteFunc(s.pods, func(p rolling.Pod) bool { return p.Ending })
		for i := range s.pods {
			s.pods[i].Ready, s.pods[i].Served = true, true
		}
	}
	if len(s.pods) != want.Replicas {
		t.Fatalf("ended with %d pods, want %d: %+v", len(s.pods), want.Replicas, s.pods)
	}
	for _, p := range s.pods {
		if !p.Current {
			t.Fatalf("an old pod stayed: %+v", s.pods)
		}
	}
}
