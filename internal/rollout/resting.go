package rollout

import "time"

// resting keeps what is promoted in place and starts a run when the target has a revision that none has tried.
func (p *pass) resting() bool {
	p.quiet()
	if p.orphaned() {
		p.tell(Event{
			Type: Warning, Severity: Loud, Reason: "PrimaryLost",
			Message: "The primary and the snapshot of revision " + short(p.st.Promoted) + " are gone: Serin begins anew with the target as it is",
		})
		p.st.Promoted, p.st.Tried = "", ""
		p.enter(Initializing)
		return true
	}
	mended := p.mend()
	if p.begins() {
		return true
	}
	if mended {
		p.keep()
		p.mismatched()
	}
	return false
}

// mismatched tells people about a primary whose revision is not the promoted one and which cannot be mended: it would
// lose all its pods at once, or there is no snapshot.
func (p *pass) mismatched() {
	primary := &p.obs.Workload.Primary
	if primary.Revision == p.st.Promoted {
		return
	}
	message := "the primary runs revision " + short(primary.Revision) + ", which was not promoted"
	p.wait("PrimaryChanged", message, time.Time{}, "revision "+short(p.st.Promoted)+" in the primary, or the promotion of another one")
	p.alarm("PrimaryChanged", "Revision "+short(p.st.Promoted)+" is promoted, but "+message)
}

// keep repairs what somebody changed behind our back, and lets a canary go that nobody needs.
func (p *pass) keep() {
	if p.obs.Workload.Target.Revision == p.st.Promoted && !p.pinned(p.st.Promoted) {
		// An adopted primary has no snapshot yet, and a promotion that fails needs one.
		p.act(Pin{Revision: p.st.Promoted})
	}
	if p.retreat(restSplit()) && p.letGo() {
		p.floor(0)
	}
}

// begins starts a run for a revision that is neither promoted nor tried, unless somebody holds the canary.
func (p *pass) begins() bool {
	target := &p.obs.Workload.Target
	if !target.Exists {
		p.waitForTarget()
		return false
	}
	switch target.Revision {
	case p.st.Promoted, p.st.Tried, "":
		return false
	}
	if p.planless != nil {
		p.invalid()
		return false
	}
	if p.holds() {
		return false
	}
	p.startRun(target.Revision)
	return true
}

// mend gives the primary its promoted revision back where somebody removed or replaced it behind our back. It returns
// false while that is not written yet.
func (p *pass) mend() bool {
	w := &p.obs.Workload
	promoted := p.st.Promoted
	if w.Primary.Exists && (w.Primary.Revision == promoted || !p.pinned(promoted) || (w.Primary.Abrupt && w.Primary.Serving > 0)) {
		return true
	}
	reason, message := "PrimaryMissing", "the primary does not exist"
	if w.Primary.Exists {
		reason, message = "PrimaryChanged", "somebody gave the primary revision "+short(w.Primary.Revision)
	}
	switch {
	case p.pinned(promoted):
		p.act(PromoteTo{Revision: promoted, Restore: true})
	case w.Target.Exists && w.Target.Revision == promoted:
		p.act(Pin{Revision: promoted})
	}
	p.progressWait(reason, message)
	p.alarm(reason, "The primary gets revision "+short(promoted)+" again: "+message)
	return false
}

// orphaned says that neither the primary nor the snapshot to make it from is there any more.
func (p *pass) orphaned() bool {
	w := &p.obs.Workload
	return !w.Primary.Exists && w.Target.Exists && w.Target.Revision != p.st.Promoted && !p.pinned(p.st.Promoted) &&
		(w.Canary.Serving == 0 || !p.obs.Traffic.Split.serves())
}

func (p *pass) waitForTarget() {
	p.wait("TargetMissing", "the target does not exist", time.Time{}, "the target")
}

func (p *pass) invalid() {
	p.wait("InvalidSpec", p.planless.Error(), time.Time{}, "a corrected manifest")
}
