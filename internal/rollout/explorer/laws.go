package explorer

import (
	"fmt"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// ghost is what the world knows about the current run from what it answered and heard, without asking the core: the
// core's own record is what is being judged.
type ghost struct {
	// good counts the passed checks of this step, last says that the latest one passed, bad counts the failed ones of
	// the run.
	good, bad int8
	last      bool
	// verdict is the revision that has earned its promotion, or -1. restored says that it was taken back.
	verdict  int8
	restored bool
}

// facts are what one pass saw beyond the world.
type facts struct {
	verb       rollout.Verb
	unreadable bool
	blind      bool
	rejected   bool
	braked     bool
	// check is the outcome of the check that was answered, or empty. prepared is the answer to pre-rollout.
	check    verdict
	prepared verdict
	// agreed holds the types of gates that agreed.
	agreed map[rollout.HookType]bool
}

type verdict int8

const (
	noVerdict verdict = iota
	passed
	failed
	unknown
)

// court judges one pass.
type court struct {
	m *model
	// n is the canary before the pass, or, for an effect, at the moment of it.
	n       *node
	f       *facts
	after   *rollout.State
	actions []rollout.Action
	broken  []string
}

func (c *court) mustf(ok bool, law, format string, args ...any) {
	if !ok {
		c.broken = append(c.broken, law+" (world): "+fmt.Sprintf(format, args...))
	}
}

// follow returns what the world knows after the pass, and judges what the core made of it.
func (c *court) follow() ghost {
	none := ghost{verdict: -1}
	g, before, after := c.n.g, c.n.st.Run, c.after.Run
	c.disrupts()
	switch {
	case after == nil:
		g = none
	case before == nil || before.Name != after.Name:
		g = c.begins(before, after)
	case before.Stage == rollout.Done:
		g = none
	default:
		c.count(&g, before)
		c.decides(&g, before, after)
	}
	c.rightful(g.verdict)
	if after == nil || after.Stage == rollout.Done {
		c.leaves()
		return none
	}
	c.forgets(&g, before, after)
	return g
}

// forgets drops what the world need not know any longer: a step's checks after the step, everything after a verdict.
func (c *court) forgets(g *ghost, before, after *rollout.Run) {
	switch {
	case after.Outcome != "" || after.Pass:
		g.good, g.bad, g.last = 0, 0, false
	case before != nil && (before.Step != after.Step || before.Stage != after.Stage || before.Steps != after.Steps):
		g.good, g.last = 0, false
	}
	if c.after.Phase != rollout.Promoting {
		g.verdict, g.restored = -1, false
	}
}

// begins returns what the world knows of a run that began in this pass. Only a plan without analysis can have its
// verdict at once. A revision that failed is tried again when a person says so; that its target went away is no failure.
func (c *court) begins(before, after *rollout.Run) ghost {
	g := ghost{verdict: -1}
	again := before != nil && c.n.st.Phase == rollout.Failed && before.Revision == after.Revision && !c.m.plan.Vanishes
	c.mustf(!again || c.f.verb == rollout.Retry, "S6", "%s failed and began again by itself", after.Revision)
	if after.Pass {
		direct := c.m.compiled(c.n).Strategy == rollout.Direct
		c.mustf(direct, "S8", "run %s passed in the pass in which it began", after.Name)
		g.verdict = c.m.index(after.Revision)
	}
	return g
}

// count takes the answers of this pass to what the run asked.
func (c *court) count(g *ghost, before *rollout.Run) {
	outcome := c.f.check
	if before.Stage == rollout.Preparing {
		outcome = c.f.prepared
	} else if c.unasked() && before.Stage == rollout.Stepping {
		// Nothing was asked, so readiness decides: the core's own count is all there is.
		outcome, g.good = passed, c.m.checks
	}
	switch outcome {
	case passed:
		g.good, g.last = min(g.good+1, c.m.checks), true
	case failed:
		g.bad, g.last = g.bad+1, false
	case unknown:
		g.last = false
	case noVerdict:
	}
}

// unasked says that the plan has neither a metric nor a hook for its checks.
func (c *court) unasked() bool {
	return len(c.m.spec(c.n).Metrics) == 0 && !c.m.has(c.n, rollout.DuringRollout)
}

// decides judges how a run went on.
func (c *court) decides(g *ghost, before, after *rollout.Run) {
	c.shape(after)
	threshold := c.m.spec(c.n).Threshold
	over := int(g.bad) >= threshold && before.Outcome == "" && !before.Pass
	c.mustf(!over || after.Outcome != "" || c.n.w.deleting, "7", "%d of %d allowed checks failed and the run goes on", g.bad, threshold)
	passes := after.Pass && !before.Pass
	if before.Skip == nil && c.f.verb != rollout.Skip {
		c.raises(g, before, after)
		c.promotes(g, before, passes)
	}
	if passes {
		g.verdict = c.m.index(after.Revision)
	}
	if after.Outcome != "" && before.Outcome == "" {
		c.back()
	}
}

// raises judges that a run went beyond a gate because it was open, and that it took the next step with evidence for the
// one before. An edited plan has other steps.
func (c *court) raises(g *ghost, before, after *rollout.Run) {
	if c.n.st.Phase == rollout.Waiting && c.after.Phase == rollout.Progressing {
		c.agreed(rollout.ConfirmRollout)
	}
	if after.Stage != rollout.Stepping || after.Step <= before.Step || before.Steps != after.Steps {
		return
	}
	c.evidence(g, before)
	if after.Weight > before.Weight {
		c.agreed(rollout.ConfirmTrafficIncrease)
	}
}

// promotes judges that a run passed at the end of its plan, with evidence and with its gate open, or because a person
// said so.
func (c *court) promotes(g *ghost, before *rollout.Run, passes bool) {
	plan := c.m.compiled(c.n)
	if !passes || c.f.verb == rollout.Promote || plan.Strategy == rollout.Direct {
		return
	}
	c.evidence(g, before)
	c.agreed(rollout.ConfirmPromotion)
	c.mustf(before.Step >= len(plan.Steps)-1, "S5", "promoted at step %d of %d", before.Step, len(plan.Steps))
}

// evidence judges that a step was left with the checks that it asks for.
func (c *court) evidence(g *ghost, before *rollout.Run) {
	plan := c.m.compiled(c.n)
	if before.Stage == rollout.Preparing {
		c.mustf(!c.m.has(c.n, rollout.PreRollout) || g.last, "S12", "pre-rollout never agreed")
		return
	}
	checks := 1
	if before.Step >= 0 && before.Step < len(plan.Steps) {
		checks = plan.Steps[before.Step].Checks
	}
	enough := int(g.good) >= min(checks, int(c.m.checks)) && g.last
	c.mustf(enough || before.Step < 0 && before.Weight == 0, "S8", "step %d was left with %d of %d passed checks", before.Step, g.good, checks)
}

func (c *court) agreed(t rollout.HookType) {
	c.mustf(!c.m.has(c.n, t) || c.f.agreed[t], "S15", "went on though %s has not agreed", t)
}

// shape judges that what is saved says what was decided: after a crash there is nothing else.
func (c *court) shape(after *rollout.Run) {
	switch c.after.Phase {
	case rollout.Failed:
		c.mustf(after.Outcome != "", "S6", "failed without a verdict")
	case rollout.Promoting, rollout.Finalising:
		c.mustf(after.Pass || after.Stage == rollout.Restoring && after.Outcome != "", "S6", "promotes without a verdict")
	default:
	}
}

// back judges that a verdict against a run takes the traffic off the canary in the same pass (L3).
func (c *court) back() {
	w := &c.n.w
	if c.after.Phase != rollout.Failed || !carries(w.split) || w.primary.serving() == 0 || c.f.unreadable {
		return
	}
	c.mustf(slices.ContainsFunc(c.actions, func(a rollout.Action) bool {
		to, ok := a.(rollout.SetSplit)
		return ok && !carries(to.Split)
	}), "L3", "the run failed and its canary keeps the traffic")
}

// leaves judges that a run is over only when nothing of it is left in the world.
func (c *court) leaves() {
	before, after, w := c.n.st.Run, c.after.Run, &c.n.w
	if before == nil || after == nil || before.Stage == rollout.Done || before.Name != after.Name {
		return
	}
	if after.Outcome == rollout.OutcomeReverted || c.n.w.deleting {
		return
	}
	c.mustf(!carries(w.acked) && !carries(w.split), "L1", "the run ended as %s and its canary still gets requests", after.Outcome)
	lets := slices.ContainsFunc(c.actions, func(a rollout.Action) bool {
		to, ok := a.(rollout.Scale)
		return ok && to.Side == rollout.CanarySide && to.Replicas == 0
	})
	c.mustf(w.canary.replicas == 0 || lets, "L1", "the run ended as %s and its canary keeps its pods", after.Outcome)
}

// rightful judges that another revision is promoted only once it runs as the primary.
func (c *court) rightful(earned int8) {
	before, after, p := c.n.st.Promoted, c.after.Promoted, &c.n.w.primary
	if after == before || after == "" {
		return
	}
	c.mustf(p.exists && p.revision == c.m.index(after) && p.up[p.revision] > 0, "S8", "%s counts as promoted and the primary does not run it", after)
	c.mustf(before == "" || earned == c.m.index(after) || c.n.g.verdict == c.m.index(after), "S8", "%s counts as promoted and has not earned it", after)
}

// disrupts judges that one pass takes pods from one side at most (S4).
func (c *court) disrupts() {
	writes := 0
	for _, a := range c.actions {
		to, scales := a.(rollout.Scale)
		if _, promotes := a.(rollout.PromoteTo); promotes || scales && int(c.n.w.canary.replicas) > to.Replicas {
			writes++
		}
	}
	c.mustf(writes <= 1, "S4", "%d disruptive writes in one pass", writes)
}

// effect judges one effect in the world in which it happens.
func (c *court) effect(a rollout.Action) {
	w := &c.n.w
	switch a := a.(type) {
	case rollout.SetSplit:
		c.split(a.Split)
	case rollout.Scale:
		c.scale(a)
	case rollout.PromoteTo:
		c.promotion(a)
	case rollout.Release:
		limit := c.n.now.Sub(c.after.Since) < 2*time.Minute
		c.mustf(!limit || a.Revert || !carries(w.acked) && !carries(w.split), "S21", "released while the canary gets requests")
		c.mustf(!limit || !a.Revert || w.acked.Canary == rollout.Whole && w.canary.serving() > 0, "S21", "released before the target serves")
	case rollout.Pin, rollout.Floor, rollout.Measure, rollout.Ask, rollout.Emit, rollout.Wake:
	}
}

func (c *court) split(s rollout.Split) {
	w := &c.n.w
	c.mustf(s.Primary+s.Canary == rollout.Whole, "S1", "weights %s and %s", s.Primary, s.Canary)
	c.mustf(!serves(s) || w.reach(s) > 0, "S2", "users are sent to a canary without a ready pod")
	stays := serves(w.split) && w.reach(w.split) > 0
	c.mustf(s.Primary == 0 || w.primary.serving() > 0 || !stays, "S2", "users are sent to a primary without a ready pod")
}

func (c *court) scale(a rollout.Scale) {
	w := &c.n.w
	same := w.canary.revision == c.m.index(a.Revision) || c.m.plan.Follows
	if a.Side != rollout.CanarySide || w.canary.replicas == 0 || a.Replicas > 0 && same {
		return
	}
	drain := c.m.spec(c.n).Drain
	drained := !w.quiet.IsZero() && !c.n.now.Before(w.quiet.Add(drain))
	c.mustf(drained || w.canary.serving() == 0, "S4", "the canary was shrunk before its last requests had ended")
}

func (c *court) promotion(a rollout.PromoteTo) {
	w, r := &c.n.w, c.m.index(a.Revision)
	c.mustf(r >= 0 && w.pinned&(1<<max(r, 0)) != 0, "S8", "%s was promoted without its snapshot", a.Revision)
	if c.m.plan.Abrupt && w.primary.serving() > 0 && w.primary.revision != r {
		drained := !w.idle.IsZero() && !c.n.now.Before(w.idle.Add(c.m.spec(c.n).Drain))
		c.mustf(drained, "S4", "the primary was replaced at once before its last requests had ended")
	}
	switch {
	case a.Restore:
		c.mustf(a.Revision == c.after.Promoted, "S8", "%s was restored instead of %s", a.Revision, c.after.Promoted)
		c.n.g.restored = c.n.g.verdict >= 0
	case c.after.Promoted == "":
	default:
		c.mustf(c.n.g.verdict == r, "S8", "%s was promoted and has not earned it", a.Revision)
		c.mustf(!c.n.g.restored, "S9", "%s was promoted again after it had been taken back", a.Revision)
	}
}
