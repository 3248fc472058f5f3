package rollout

import "strconv"

// startRun begins an attempt at a revision. What ran before is cleared away first.
func (p *pass) startRun(revision string) {
	p.st.Runs++
	p.st.Tried = revision
	p.st.Run = &Run{
		Name:     short(revision) + "-" + strconv.Itoa(p.st.Runs),
		Revision: revision,
		Started:  p.now,
		Stage:    Clearing,
		Steps:    p.plan.fingerprint(),
		Step:     -1,
		Replicas: p.obs.Workload.Primary.Replicas,
	}
	if p.gated() {
		p.enter(Waiting)
	} else {
		p.enter(Progressing)
	}
	p.tell(Event{Type: RunStarted, Message: "Revision " + short(revision) + " starts as run " + p.st.Run.Name})
	_, warnings, err := Compile(p.spec)
	if err != nil {
		return
	}
	for _, w := range warnings {
		p.tell(Event{Type: Warning, Severity: Warn, Reason: "Plan", Message: "About the plan: " + w})
	}
}

// gated says whether a person or a machine has to confirm a run before it begins.
func (p *pass) gated() bool { return p.spec.has(ConfirmRollout) }

// fail decides against the run: from here on the traffic goes back, whatever else happens.
func (p *pass) fail(outcome Outcome, reason, message string) {
	r := p.st.Run
	r.Outcome, r.Reason, r.Message = outcome, reason, message
	r.Pass = false
	severity := Loud
	if outcome == OutcomeAborted {
		severity = Warn
	}
	if r.Written {
		p.goTo(Restoring)
		p.enter(Promoting)
	} else {
		p.goTo(Retreating)
		p.enter(Failed)
	}
	p.tell(Event{
		Type: VerdictReached, Severity: severity, Reason: reason, Ending: outcome, Results: r.Results,
		Message: "Run " + r.Name + " goes back: " + message, Detail: message,
	})
}

// endRun closes the record of a run.
func (p *pass) endRun(outcome Outcome, reason, message string) {
	r := p.st.Run
	r.Outcome, r.Reason, r.Message = outcome, reason, message
	r.Stage, r.Ended = Done, p.now
	severity := Info
	switch outcome {
	case OutcomeFailed:
		severity = Loud
	case OutcomeAborted, OutcomeSuperseded:
		severity = Warn
	case OutcomeSucceeded, OutcomeReverted:
	}
	p.tell(Event{
		Type: RunEnded, Severity: severity, Reason: reason, Ending: outcome, Results: r.Results,
		Message: "Run " + r.Name + " ended: " + message, Detail: message,
	})
}

// short is the part of a revision that people read.
func short(revision string) string {
	const digits = 10
	if len(revision) > digits {
		return revision[:digits]
	}
	return revision
}

// sessionOfStep is the cookie of a primary session: another one for each step, so that it is drawn again.
func (r *Run) sessionOfStep() string { return r.Name + "-" + strconv.Itoa(r.Step) }
