package rollout

import "time"

// restoring gives the primary its last promoted revision back; the traffic stays where pods are ready. A primary that
// does not get ready with that either ends the run nevertheless, loudly: whoever mends it may need a new revision. The
// time for that begins once the restore is seen: given up earlier, the refused revision could get ready behind it.
func (p *pass) restoring() bool {
	r, primary := p.st.Run, &p.obs.Workload.Primary
	if p.unrestored() {
		return p.restore()
	}
	if primary.Exists && primary.Revision == p.st.Promoted && primary.Ready >= need(primary.Replicas, p.spec.PrimaryReady) {
		p.tell(Event{Type: PrimaryRestored, Message: "The primary is back at revision " + short(p.st.Promoted)})
	} else {
		p.keepServing()
		p.progressWait("Restoring", ready("primary", primary, primary.Replicas))
		if !p.late() {
			return false
		}
		p.tell(Event{
			Type: Warning, Severity: Loud, Reason: "PrimaryNotRestored",
			Message: "The primary does not get ready with revision " + short(p.st.Promoted) + " either: " + p.st.Wait.Message,
		})
	}
	r.Written = false
	p.goTo(Retreating)
	p.enter(Failed)
	return true
}

// unrestored says whether the primary has yet to be seen with its promoted revision, and could be given it.
func (p *pass) unrestored() bool {
	primary := &p.obs.Workload.Primary
	return p.pinned(p.st.Promoted) && (!primary.Exists || primary.Revision != p.st.Promoted)
}

// restore writes the promoted revision. A primary that serves users and would lose all its pods at once is left first: the
// canary takes them, with the revision that they have already. As long as it cannot, they stay where pods are ready.
func (p *pass) restore() bool {
	p.keepServing()
	if !p.vacant() && (p.holds() || !p.leave()) {
		return p.supersede()
	}
	p.act(PromoteTo{Revision: p.st.Promoted, Restore: true})
	p.wait("RestoreNotSeen", "the primary is to run revision "+short(p.st.Promoted)+" again", time.Time{}, "the write of the primary")
	return false
}

// leave is vacate with the reason for it.
func (p *pass) leave() bool {
	if c := &p.obs.Workload.Canary; !p.canaryReady() {
		p.better(c.Ready)
		p.progressWait("PrimaryServes", "the primary is all that users have, and is restored once the canary has taken them: "+ready("canary", c, p.size()))
	}
	return p.vacate()
}

// vacant says whether writing the primary costs no user an answer.
func (p *pass) vacant() bool {
	r, primary, t := p.st.Run, &p.obs.Workload.Primary, &p.obs.Traffic
	return !primary.Abrupt || primary.Serving == 0 ||
		t.Problem == nil && t.Split == p.fullSplit() && t.Acked == t.Split && !r.Acked.IsZero() && p.reached(r.Acked.Add(p.spec.Drain))
}
