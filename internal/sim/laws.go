package sim

import (
	"bytes"
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/memworkload"
)

// laws are what must never be seen from outside. cases counts how often each was held against something that could
// have broken it: a law that nothing has tried says nothing.
type laws struct {
	broken []string
	cases  map[string]int
	// promoted is what each run has written into the primary, rightful the revisions that the primary may run.
	promoted map[string]string
	rightful map[string]bool
	// verdict is when a canary with traffic was decided against, or zero; pass is that of the process then.
	verdict time.Time
	by      *process
	pass    int
	// ordered is when a person said abort to a canary with traffic, or zero.
	ordered time.Time
}

func newLaws() *laws {
	return &laws{cases: map[string]int{}, promoted: map[string]string{}, rightful: map[string]bool{}}
}

// mostBroken bounds what is told of one run.
const mostBroken = 5

func (l *laws) breakf(law, format string, args ...any) {
	if len(l.broken) < mostBroken {
		l.broken = append(l.broken, law+": "+fmt.Sprintf(format, args...))
	}
}

func (l *laws) case1(law string) { l.cases[law]++ }

// mustf is one evaluation of a law.
func (l *laws) mustf(ok bool, law, format string, args ...any) {
	l.case1(law)
	if !ok {
		l.breakf(law, format, args...)
	}
}

// effect holds a change of the world against the laws before it is made. The caller holds mu.
func (l *laws) effect(w *World, p *process, a rollout.Action) {
	l.fence(w, p, a)
	switch a := a.(type) {
	case rollout.SetSplit:
		l.split(w, p, a.Split)
	case rollout.PromoteTo:
		l.promotion(w, a)
	case rollout.Scale, rollout.Floor, rollout.Pin, rollout.Release, rollout.Measure, rollout.Ask, rollout.Emit, rollout.Wake:
	}
}

// fence is S14 and S17: an effect follows from what is durable at that moment, whoever decided it.
func (l *laws) fence(w *World, p *process, a rollout.Action) {
	d := &p.decision
	if w.same(w.saved, &d.after) {
		l.case1("S14")
		return
	}
	alone := len(w.all) == 1
	if alone {
		l.mustf(false, "S14", "engine %d does %+v, which does not follow from the saved state %s", p.number, a, summary(&w.state))
		return
	}
	if p.late {
		// Nothing travels with an effect by which it could be refused at its arrival; see Takeovers.
		return
	}
	_, now := rollout.Step(w.spec, w.state, d.obs)
	same := false
	for _, other := range now {
		same = same || other == a
	}
	l.mustf(same, "S17", "engine %d is deposed and does %+v; the saved state is %s", p.number, a, summary(&w.state))
}

// same says whether a state is the one that was saved as data.
func (w *World) same(data []byte, s *rollout.State) bool {
	encoded, err := rollout.Encode(*s)
	if err != nil {
		w.laws.breakf("S14", "the state cannot be saved: %v", err)
	}
	return bytes.Equal(encoded, data)
}

// successor is the other half of the fence: a state replaces the one that it was made from.
func (l *laws) successor(p *process, held []byte) {
	if held == nil {
		return
	}
	l.mustf(p.world.same(held, &p.decision.before), "S17", "engine %d saves what it made of another state than %s", p.number, held)
}

// split is S1, S2, S3 and L3 as the world sees them.
func (l *laws) split(w *World, p *process, s rollout.Split) {
	l.mustf(s.Primary >= 0 && s.Canary >= 0 && s.Primary+s.Canary == rollout.Whole, "S1", "weights %d and %d", s.Primary, s.Canary)
	l.back(w, s)
	if p.decision.frozen {
		return
	}
	seen, now := w.look(), w.plane.split
	l.served(w, s, &seen)
	spec := p.decision.spec.Default()
	more := s.Canary > now.Canary || s.Match && !now.Match || s.Mirror > now.Mirror
	if more && !w.deleting {
		want := max(1, seen.Target.Replicas)
		l.mustf(w.readyFor(s) >= need(want, spec.CanaryReady), "S3", "%s with %d of %d pods of the canary", splitText(s), w.readyFor(s), want)
	}
	if s.Primary > now.Primary && w.state.Phase == rollout.Finalising && seen.Canary.Serving > 0 {
		l.mustf(seen.Primary.Serving >= need(seen.Primary.Replicas, spec.PrimaryReady), "S3",
			"%s with %d of %d pods of the primary", splitText(s), seen.Primary.Serving, seen.Primary.Replicas)
	}
}

// served is S2: no requests for a side that nobody serves.
func (l *laws) served(w *World, s rollout.Split, seen *rollout.Workload) {
	if s.Canary > 0 || s.Match {
		l.mustf(w.readyFor(s) > 0, "S2", "requests for a canary without a ready pod: %s", splitText(s))
	}
	now := w.plane.split
	elsewhere := seen.Canary.Serving > 0 && (now.Canary > 0 || now.Match)
	if s.Primary > 0 && elsewhere {
		l.mustf(seen.Primary.Serving > 0, "S2", "requests for a primary without a ready pod: %s", splitText(s))
	}
}

// readyFor is how many ready pods the canary has for a split.
func (w *World) readyFor(s rollout.Split) (n int) {
	for _, q := range w.target.Pods() {
		if q.Side == rollout.CanarySide && q.Ready && !q.Ending && (s.Revision == "" || s.Revision == q.Revision) {
			n++
		}
	}
	return n
}

func need(wanted, percent int) int { return max(1, (wanted*percent+99)/100) }

// promotion is S8 and S9: what is written into the primary was decided in a state that is durable.
func (l *laws) promotion(w *World, a rollout.PromoteTo) {
	s, r := &w.state, w.state.Run
	switch {
	case a.Revision == s.Promoted:
		l.case1("S8")
	case s.Promoted == "":
		l.mustf(w.manifest != nil && w.manifest.Revision == a.Revision, "S8", "the first primary gets %s", a.Revision)
	default:
		l.mustf(passed(r, a.Revision), "S8", "%s is promoted without a saved verdict: %s", a.Revision, summary(&w.state))
	}
	if len(w.scenario.Never) > 0 && !w.faults.struck(Edit, Tell) {
		l.mustf(!w.scenario.never(a.Revision), "S8", "%s is promoted, which is broken", a.Revision)
	}
	l.rightful[a.Revision] = true
	if r == nil || a.Restore || s.Promoted == "" {
		return
	}
	was, again := l.promoted[r.Name]
	l.mustf(!again || was == a.Revision, "S9", "run %s promotes %s after %s", r.Name, a.Revision, was)
	l.promoted[r.Name] = a.Revision
}

// passed says whether a run may write a revision into the primary.
func passed(r *rollout.Run, revision string) bool {
	return r != nil && r.Pass && r.Written && r.Revision == revision && r.Outcome == ""
}

// podsEnd is S4: no pod is told to end while a request is on its way to it, unless enough others are left to take over.
func (l *laws) podsEnd(w *World, before, after []memworkload.Pod) {
	left := upOf(after)
	if w.faults.frozen() {
		return
	}
	for i := range after {
		q := &after[i]
		was := find(before, q.Name)
		if !q.Ending || was == nil || was.Ending {
			continue
		}
		drain := min(w.scenario.Spec.Default().Drain, w.spec.Default().Drain)
		last, routed := w.routed[q.Name]
		if !routed {
			continue
		}
		others := left[q.Side]
		if w.released {
			others = left[rollout.PrimarySide] + left[rollout.CanarySide]
		}
		// Who sets the clock forward shortens the drain: nobody but the clock knows how long it was.
		idle := !w.time.Now().Before(last[0].Add(drain)) || !w.clock.Now().Before(last[1].Add(drain))
		l.mustf(idle || others > 0 || w.deleting && w.manifest == nil, "S4", "pod %s (%s) ends %s after its last request, and nobody is left on its side",
			q.Name, q.Revision, w.time.Now().Sub(last[0]))
	}
}

func find(pods []memworkload.Pod, name string) *memworkload.Pod {
	for i := range pods {
		if pods[i].Name == name {
			return &pods[i]
		}
	}
	return nil
}

// podsRun is S8 on the pods themselves: what runs on the primary is, byte for byte, a revision that it may run. And it
// is S21: while a canary is released somebody serves.
func (l *laws) podsRun(w *World, pods []memworkload.Pod) {
	serving := 0
	for i := range pods {
		q := &pods[i]
		if q.Ready && !q.Ending {
			serving++
		}
		if q.Side != rollout.PrimarySide {
			continue
		}
		l.mustf(l.rightful[q.Revision] && q.Template == w.templates[q.Revision], "S8", "pod %s runs %q", q.Name, q.Template)
	}
	if w.deleting && w.manifest != nil && len(w.down) == 0 {
		l.mustf(serving > 0, "S21", "nobody serves while the canary is released")
	}
}

// trace holds one pass against the laws of the core. The caller holds mu.
func (l *laws) trace(w *World, p *process, t *engine.Trace) {
	if !t.Stepped {
		return
	}
	for _, broken := range w.verify(t) {
		l.breakf("verify", "%s", broken)
		w.notef("before %+v", t.Before)
		w.notef("run %+v", t.Before.Run)
		w.notef("seen %+v %+v", t.Observation.Workload, t.Observation.Traffic)
		w.notef("after %+v", t.After)
		w.notef("run %+v", t.After.Run)
		w.notef("actions %+v", t.Actions)
	}
	if len(t.Performed) > 0 {
		l.mustf(t.Saved, "S14", "performed %+v without a saved state", t.Performed)
	}
	w.abandoned = w.abandoned || t.After.Phase == rollout.Terminated && t.Before.Phase == rollout.Terminating && !t.Observation.Released
	l.count(t)
	l.passEnded(w, p)
}

// verify holds a pass against the laws of the core.
func (w *World) verify(t *engine.Trace) []string {
	if w.options.Unverified {
		return nil
	}
	return rollout.Verify(t.Spec, t.Before, t.Observation, t.After, t.Actions)
}
