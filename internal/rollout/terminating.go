package rollout

import "time"

// releaseLimit bounds a deletion, whatever is missing.
const releaseLimit = 2 * time.Minute

// terminating gives everything back and lets go. It ends within releaseLimit; what was left undone is told.
func (p *pass) terminating() bool {
	p.quiet()
	if p.obs.Released {
		p.enter(Terminated)
		return false
	}
	deadline := p.st.Since.Add(releaseLimit)
	if p.reached(deadline) {
		p.tell(Event{Type: Warning, Severity: Loud, Reason: "ReleaseIncomplete", Message: "The canary was released without everything given back: " + p.was.Message})
		p.enter(Terminated)
		return false
	}
	if p.obs.Workload.Problem != nil {
		p.wait("Unreadable", "what runs cannot be read: "+p.obs.Workload.Problem.Message, deadline, "a read, or the deadline")
		return false
	}
	revert := p.spec.RevertOnDeletion && p.obs.Workload.Target.Exists && p.took()
	if revert && !p.reverted(deadline) || !revert && !p.settled(deadline) {
		return false
	}
	p.floor(0)
	p.act(Release{Revert: revert})
	p.wait("Releasing", "what Serin made is being given back", deadline, "its end, or the deadline")
	return false
}

// took says whether Serin has taken anything from the target that it can have back.
func (p *pass) took() bool {
	t := &p.obs.Traffic
	return p.st.Promoted != "" || t.Exists || t.Problem != nil
}

// reverted brings the target up as it was before Serin and gives it the traffic.
func (p *pass) reverted(deadline time.Time) bool {
	w := &p.obs.Workload
	if w.Canary.Revision != w.Target.Revision && w.Canary.Replicas > 0 && (!p.settled(deadline) || !p.drained()) {
		// Another revision still serves there.
		return false
	}
	if w.Canary.Replicas != p.size() || w.Canary.Revision != w.Target.Revision {
		p.act(Scale{Side: CanarySide, Revision: w.Target.Revision, Replicas: p.size()})
	}
	if w.Canary.Ready < need(p.size(), p.spec.CanaryReady) || w.Canary.Revision != w.Target.Revision {
		p.wait("CanaryNotReady", ready("canary", &w.Canary, p.size()), deadline, "ready pods, or the deadline")
		return false
	}
	t, all := &p.obs.Traffic, Split{Canary: Whole}
	switch {
	case t.Problem != nil:
		p.wait("Unreadable", "where requests go cannot be read: "+t.Problem.Message, deadline, "a read, or the deadline")
		return false
	case t.Split == all && t.Acked == all:
		return true
	}
	p.writeOnce(all)
	p.wait("Routing", "the target gets its traffic back", deadline, "the data plane's acknowledgement, or the deadline")
	return false
}

// settled takes the traffic off the canary before the canary is let go in the middle of a run.
func (p *pass) settled(deadline time.Time) bool {
	t := &p.obs.Traffic
	if t.Problem == nil && !t.Split.carries() && !t.Acked.carries() {
		return true
	}
	if p.obs.Workload.Primary.Serving == 0 {
		p.wait("PrimaryDown", "no pod of the primary is ready", deadline, "a ready pod of the primary, or the deadline")
		return false
	}
	p.writeOnce(restSplit())
	p.wait("Routing", "the primary gets its traffic back", deadline, "the data plane's acknowledgement, or the deadline")
	return false
}
