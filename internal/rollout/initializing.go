package rollout

import "slices"

// initializing gives the target a primary. Until a pod of it has been ready there is nothing to protect, so the
// primary follows the target; from then on every revision has to go through a run.
func (p *pass) initializing() bool {
	p.quiet()
	target, primary := &p.obs.Workload.Target, &p.obs.Workload.Primary
	if !target.Exists {
		p.waitForTarget()
		return false
	}
	if p.planless != nil {
		p.invalid()
		return false
	}
	if !primary.Exists || p.mayFollow() {
		p.create(target.Revision)
		return false
	}
	if !p.primaryReady() {
		p.birthWait("PrimaryNotReady", ready("primary", primary, primary.Replicas))
		return false
	}
	if !p.route(restSplit()) {
		return false
	}
	p.st.Promoted, p.st.Tried = primary.Revision, primary.Revision
	p.enter(Initialized)
	return true
}

// mayFollow says whether a primary that serves nobody may be given another revision: one that we wrote ourselves (then
// a revision has been tried), or one that has not come up for a whole progress deadline.
func (p *pass) mayFollow() bool {
	target, primary := &p.obs.Workload.Target, &p.obs.Workload.Primary
	if primary.Serving > 0 || primary.Revision == target.Revision {
		return false
	}
	return p.st.Tried != "" || !p.now.Before(p.st.Since.Add(p.spec.ProgressDeadline))
}

// create writes the first primary, from a snapshot like every other.
func (p *pass) create(revision string) {
	p.st.Tried = revision
	if !p.pinned(revision) {
		p.act(Pin{Revision: revision})
		p.birthWait("Pinning", "the first revision is being kept")
		return
	}
	p.act(PromoteTo{Revision: revision})
	p.birthWait("Creating", "the primary is being created")
}

func (p *pass) pinned(revision string) bool {
	return slices.Contains(p.obs.Workload.Target.Pinned, revision)
}
