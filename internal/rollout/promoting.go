package rollout

import "time"

// promote is the verdict for the run. by is the person whose word replaced the analysis, or nil.
func (p *pass) promote(by *Intent) bool {
	r := p.st.Run
	message := "Run " + r.Name + " passed"
	event := Event{Type: VerdictReached, Results: r.Results, Ending: OutcomeSucceeded}
	if by != nil {
		message = "Run " + r.Name + " is promoted by " + orUnknown(by.By)
		event.By = by.By
	}
	event.Message = message
	r.Pass, r.Override, r.Skip = true, by, nil
	r.Gate.close()
	primary := &p.obs.Workload.Primary
	r.Full = primary.Abrupt || !p.spec.Traffic.Weights
	r.Acked = time.Time{}
	if r.Full {
		p.goTo(Opening)
	} else {
		p.goTo(Replacing)
	}
	p.enter(Promoting)
	p.tell(event)
	return true
}

// promoting writes the analysed revision into the primary and waits until the primary is ready with it. From the
// write on the run is finished, or the primary gets its last promoted revision back.
func (p *pass) promoting() bool {
	p.quiet()
	p.floor(p.st.Run.Replicas)
	r := p.st.Run
	if r.Stage == Restoring {
		return p.restoring()
	}
	if p.undone() || !r.Written && p.lost() {
		return true
	}
	if !p.pinned(r.Revision) {
		p.act(Pin{Revision: r.Revision})
		p.progressWait("Pinning", "the revision is being kept")
		return p.stuck()
	}
	if !r.Written && p.left() && !p.clear() {
		// A person may promote before the run has cleared what an earlier one left.
		return p.stuck()
	}
	if r.Stage == Opening {
		return p.opening()
	}
	return p.replacing()
}

// left says whether another revision still has requests of the canary.
func (p *pass) left() bool {
	t := &p.obs.Traffic
	return t.Problem == nil && t.Split.carries() && t.Split.Revision != p.st.Run.Revision
}

// opening gives everything to the canary, for a primary that cannot be replaced gradually.
func (p *pass) opening() bool {
	if p.holds() {
		return false
	}
	if !p.vacate() {
		return p.stuck()
	}
	p.goTo(Replacing)
	return true
}

// vacate moves all the traffic to the canary. It returns true once the primary's last requests have had their time to end.
func (p *pass) vacate() bool {
	r := p.st.Run
	if !p.bringUp() {
		return false
	}
	r.Weight = Whole
	if !p.raise(p.fullSplit()) {
		r.Acked = time.Time{}
		return false
	}
	if r.Acked.IsZero() {
		r.Acked = p.now
		p.tell(Event{Type: WeightAcked, Message: "The canary gets everything while the primary is replaced"})
	}
	end := r.Acked.Add(p.spec.Drain)
	if p.reached(end) {
		return true
	}
	p.wait("Draining", "the primary's last requests end", end, "the drain time")
	return false
}

func (p *pass) fullSplit() Split {
	return Split{Canary: Whole, Revision: p.st.Run.Revision}
}

// replacing writes the primary, once and only once, and waits for its pods.
func (p *pass) replacing() bool {
	r, primary := p.st.Run, &p.obs.Workload.Primary
	if !r.Written {
		if p.holds() {
			return false
		}
		if (primary.Abrupt || r.Full) && !p.opened() {
			// The manifest, the route or the canary has changed since the verdict.
			r.Full, r.Acked = true, time.Time{}
			p.goTo(Opening)
			return true
		}
		r.Written = true
		p.moved()
		p.tell(Event{Type: PrimaryWritten, Message: "The primary gets revision " + short(r.Revision)})
	}
	if primary.Revision != r.Revision || !primary.Exists {
		p.act(PromoteTo{Revision: r.Revision})
	} else if primary.Ready >= need(primary.Replicas, p.spec.PrimaryReady) {
		p.st.Promoted, p.st.Tried = r.Revision, r.Revision
		// The first step back is due at once.
		r.Acked = p.now.Add(-p.spec.Interval)
		p.goTo(Returning)
		p.enter(Finalising)
		return true
	}
	p.keepServing()
	p.waitForPrimary()
	if !p.late() {
		return false
	}
	p.fail(OutcomeFailed, "PromotionFailed", "the primary does not get ready with the new revision: "+p.st.Wait.Message)
	return true
}

// opened says whether the canary has all the traffic and the pods for it, and the primary's last requests have ended.
func (p *pass) opened() bool {
	r, t, full := p.st.Run, &p.obs.Traffic, p.fullSplit()
	return r.Full && !r.Acked.IsZero() && t.Problem == nil && t.Split == full && t.Acked == full && p.canaryReady()
}

// keepServing moves everything to the side that has ready pods when the other one has lost its last: then safety wins
// over the plan.
func (p *pass) keepServing() {
	r, w, t, full := p.st.Run, &p.obs.Workload, &p.obs.Traffic, p.fullSplit()
	if t.Problem != nil {
		return
	}
	want := t.Split
	switch {
	case w.Primary.Serving == 0 && p.canaryReady():
		r.Weight, want = Whole, full
	case w.Canary.Serving == 0 && w.Primary.Serving > 0 && t.Split.serves():
		r.Weight, want = 0, restSplit()
	}
	if t.Split != want {
		p.write(want)
	}
	if t.Split != full || want != full {
		r.Acked = time.Time{}
	}
}
