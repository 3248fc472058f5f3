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
	if !p.now.Before(deadline) {
		p.tell(Event{Type: Warning, Severity: Loud, Reason: "ReleaseIncomplete", Message: "The canary was released without everything given back: " + p.was.Message})
		p.enter(Terminated)
		return false
	}
	if p.obs.Workload.Problem != nil {
		p.wait("Unreadable", "what runs cannot be read: "+p.obs.Workload.Problem.Message, deadline, "a read, or the deadline")
		return false
	}
	if p.spec.RevertOnDeletion && p.obs.Workload.Target.Exists && !p.reverted(deadline) {
		return false
	}
	p.act(Release{Revert: p.spec.RevertOnDeletion})
	p.wait("Releasing", "what Serin made is being given back", deadline, "its end, or the deadline")
	return false
}

// reverted brings the target up as it was before Serin and gives it the traffic.
func (p *pass) reverted(deadline time.Time) bool {
	w := &p.obs.Workload
	if w.Canary.Replicas != w.Target.Replicas || w.Canary.Revision != w.Target.Revision {
		p.act(Scale{Side: CanarySide, Revision: w.Target.Revision, Replicas: w.Target.Replicas})
	}
	if w.Canary.Ready < need(w.Target.Replicas, p.spec.CanaryReady) || w.Canary.Revision != w.Target.Revision {
		p.wait("CanaryNotReady", ready("canary", &w.Canary, w.Target.Replicas), deadline, "ready pods, or the deadline")
		return false
	}
	all := Split{Canary: Whole}
	if t := &p.obs.Traffic; t.Problem == nil && t.Split == all && t.Acked == all {
		return true
	}
	p.act(SetSplit{Split: all})
	p.wait("Routing", "the target gets its traffic back", deadline, "the data plane's acknowledgement, or the deadline")
	return false
}
