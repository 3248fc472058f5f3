package rollout

import "time"

// resting keeps what is promoted in place and starts a run when the target has a revision that none has tried.
func (p *pass) resting() bool {
	p.quiet()
	if p.begins() {
		return true
	}
	p.keep()
	return false
}

// keep repairs what somebody changed behind our back, and lets a canary go that nobody needs.
func (p *pass) keep() bool {
	if !p.obs.Workload.Primary.Exists {
		p.wait("PrimaryMissing", "the primary does not exist", time.Time{}, "the primary, or a new revision of the target")
		return false
	}
	if !p.retreat(restSplit()) || !p.letGo() {
		return false
	}
	p.floor(0)
	return true
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
