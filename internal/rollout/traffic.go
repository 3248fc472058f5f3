package rollout

import "time"

// restSplit is the split between runs: everything to the primary.
func restSplit() Split { return Split{Primary: Whole} }

// carries says whether the canary gets requests, of users or copied ones.
func (s Split) carries() bool { return s.Canary > 0 || s.Mirror > 0 || s.Match }

// serves says whether users get answers from the canary.
func (s Split) serves() bool { return s.Canary > 0 || s.Match }

// runSplit is the split that the run wants at its current weight.
func (p *pass) runSplit() Split {
	r := p.st.Run
	s := Split{Primary: Whole - r.Weight, Canary: r.Weight, Revision: r.Revision}
	if r.Stage == Stepping && r.Step >= 0 && r.Step < len(p.plan.Steps) {
		s.Mirror, s.Match = p.plan.Steps[r.Step].Mirror, p.plan.Steps[r.Step].Match
	}
	if p.spec.Sticky && p.spec.Traffic.Sticky && p.plan.Strategy == Weighted && s.Canary > 0 {
		s.CanarySession = r.Name
		s.PrimarySession = r.sessionOfStep()
	}
	return s
}

// need is how many of wanted pods must be ready.
func need(wanted, percent int) int {
	if wanted <= 0 {
		return 1
	}
	return max(1, (wanted*percent+99)/100)
}

// size is how many pods the canary has when it serves. A target without pods is released with one: otherwise
// nothing could be judged.
func (p *pass) size() int { return max(1, p.obs.Workload.Target.Replicas) }

// canaryReady says whether the canary has the pods that its policy asks for, all of the run's revision.
func (p *pass) canaryReady() bool {
	c := &p.obs.Workload.Canary
	return c.Exists && c.Revision == p.st.Run.Revision && c.Ready >= need(p.size(), p.spec.CanaryReady)
}

// primaryReady says whether the primary has the pods that its policy asks for, of any revision.
func (p *pass) primaryReady() bool {
	s := &p.obs.Workload.Primary
	return s.Exists && s.Serving >= need(s.Replicas, p.spec.PrimaryReady)
}

// write sends requests elsewhere. From then on nobody knows that the canary is quiet, until that is seen: not where it
// is to get requests, and not where the route could not be read.
func (p *pass) write(s Split) {
	if s.carries() || p.obs.Traffic.Problem != nil {
		p.st.Quiet = time.Time{}
	}
	p.act(SetSplit{Split: s})
}

// writeOnce writes a split unless it is seen to be written already.
func (p *pass) writeOnce(s Split) {
	if t := &p.obs.Traffic; t.Problem != nil || t.Split != s {
		p.write(s)
	}
}

// route writes a split unless it is written already. It returns true once the data plane has acknowledged it.
func (p *pass) route(want Split) bool {
	t := &p.obs.Traffic
	if t.Problem != nil {
		if !want.carries() {
			// Taking the traffic off the canary depends on no read of the route.
			p.write(want)
		}
		p.progressWait("TrafficUnreadable", "the data plane cannot be read: "+t.Problem.Message)
		return false
	}
	if !t.Exists || t.Split != want {
		p.write(want)
		p.progressWait("Routing", "the data plane has not taken the weights yet")
		return false
	}
	if t.Rejected != "" {
		p.progressWait("Rejected", "the data plane refused its configuration: "+t.Rejected)
		return false
	}
	if t.Acked != want {
		p.progressWait("Routing", "the data plane has not acknowledged the weights yet")
		return false
	}
	return true
}

// raise is route for a split that may give either side more: both must have the pods for it.
func (p *pass) raise(want Split) bool {
	t := &p.obs.Traffic
	if t.Problem != nil {
		p.progressWait("TrafficUnreadable", "the data plane cannot be read: "+t.Problem.Message)
		return false
	}
	if t.Split != want {
		if want.exceeds(t.Split) && !p.canaryReady() {
			p.waitForCanary()
			return false
		}
		if want.Primary > 0 && !p.primaryReady() {
			p.waitForPrimary()
			return false
		}
	}
	return p.route(want)
}

// exceeds says whether a split gives the canary requests that it does not get by another.
func (s Split) exceeds(other Split) bool {
	return s.Canary > other.Canary || s.Mirror > other.Mirror || s.Match && !other.Match
}

// retreat sends everything to the primary. One ready primary pod is enough here: users on a version that was
// judged bad are worse off than users on a loaded primary. It returns true once that is acknowledged.
func (p *pass) retreat(want Split) bool {
	w, t := &p.obs.Workload, &p.obs.Traffic
	if w.Primary.Serving == 0 && w.Canary.Serving > 0 && (t.Problem != nil || t.Split.serves()) {
		message := "no pod of the primary is ready, so the traffic stays where it is: " + ready("primary", &w.Primary, w.Primary.Replicas)
		p.wait("PrimaryDown", message, time.Time{}, "a ready pod of the primary")
		p.alarm("PrimaryDown", "The traffic cannot go back: "+message)
		return false
	}
	return p.route(want)
}

// quiet notes since when the data plane has sent nothing to the canary.
func (p *pass) quiet() {
	t := &p.obs.Traffic
	switch {
	case t.Problem != nil:
	case t.Split.carries() || t.Acked.carries():
		p.st.Quiet = time.Time{}
	case !t.Exists && p.obs.Workload.Canary.Serving > 0, t.Exists && t.Acked == (Split{}):
		// A target that was adopted serves by its own means until a split is acknowledged.
		p.st.Quiet = time.Time{}
	case p.st.Quiet.IsZero():
		p.st.Quiet = p.now
	}
}

// drained says whether the canary's last requests have had their time to end.
func (p *pass) drained() bool {
	if p.st.Quiet.IsZero() {
		p.wait("Draining", "the canary may still get requests", time.Time{}, "a route that is seen to send it nothing, then the drain time")
		return false
	}
	end := p.st.Quiet.Add(p.spec.Drain)
	if p.reached(end) {
		return true
	}
	p.wait("Draining", "the canary's last requests end", end, "the drain time")
	return false
}

// letGo scales a drained canary down. It returns true once its pods are gone.
func (p *pass) letGo() bool {
	c := &p.obs.Workload.Canary
	if !c.Exists || (c.Replicas == 0 && c.Serving == 0) {
		return true
	}
	if !p.drained() {
		return false
	}
	if c.Replicas > 0 {
		p.act(Scale{Side: CanarySide, Revision: c.Revision})
	}
	p.progressWait("ScalingDown", "the canary's pods end")
	return false
}

// bringUp scales the canary up with the run's revision. It returns true once enough of its pods are ready.
func (p *pass) bringUp() bool {
	c, want := &p.obs.Workload.Canary, p.size()
	if c.Replicas != want || c.Revision != p.st.Run.Revision {
		// A promotion by a person may come before the run has cleared what an earlier one left.
		if c.Revision != p.st.Run.Revision && c.Replicas > 0 && (!p.clear() || !p.drained()) {
			return false
		}
		p.act(Scale{Side: CanarySide, Revision: p.st.Run.Revision, Replicas: want})
	}
	if p.canaryReady() {
		return true
	}
	p.waitForCanary()
	return false
}

// resize follows a target whose size was edited while its canary serves.
func (p *pass) resize() {
	c := &p.obs.Workload.Canary
	if c.Exists && c.Revision == p.st.Run.Revision && c.Replicas != p.size() {
		p.act(Scale{Side: CanarySide, Revision: p.st.Run.Revision, Replicas: p.size()})
	}
}

// floor holds the primary's autoscaler to what the primary needs to take everything back.
func (p *pass) floor(replicas int) {
	s := &p.obs.Workload.Primary
	if s.Autoscaled && s.Floor != replicas {
		p.act(Floor{Replicas: replicas})
	}
}
