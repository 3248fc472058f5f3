package rollout

import (
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
)

// maxLate is how long after its due time a check's window may still be asked for: an engine that was away for
// longer looks at a new window instead of judging an old one.
const maxLate = 30 * time.Second

// check makes one check when it is due: the rollout hooks first, then the metrics. It returns true when it moved
// the run, which means that it ended it.
func (p *pass) check() bool {
	r := p.st.Run
	if !p.reached(r.Due) {
		return false
	}
	if p.now.Add(-maxLate).After(r.Due.Add(p.spec.Interval)) {
		r.Round++
		r.Due = p.now
	}
	verdict, done := p.judge()
	if !done {
		return false
	}
	r.Results = verdict.Results
	r.Round++
	r.Due = r.Due.Add(p.spec.Interval)
	if !r.Due.After(p.now) {
		r.Due = p.now.Add(p.spec.Interval)
	}
	p.wakeAt(r.Due)
	return p.count(verdict)
}

// judge gathers the answers of one check. It is false while some are missing.
func (p *pass) judge() (analysis.Verdict, bool) {
	r := p.st.Run
	for i := range p.spec.Hooks {
		h := &p.spec.Hooks[i]
		if h.Type != DuringRollout {
			continue
		}
		answer, ok := p.ask(h, "check", r.Round)
		if !ok {
			p.wait("Checking", "hook "+h.Name+" is being asked", time.Time{}, "its answer or its time-out")
			return analysis.Verdict{}, false
		}
		if !answer.OK {
			return refused(h, answer), true
		}
	}
	if len(p.spec.Metrics) == 0 {
		return analysis.Verdict{Outcome: analysis.Passing}, true
	}
	id := r.question("check", r.Round)
	evidence, ok := p.obs.Measurements[id]
	if !ok {
		p.act(Measure{ID: id, From: r.Acked, To: r.Due, Weight: r.Weight})
		p.wait("Checking", "the metrics are being read", time.Time{}, "their answer or their time-out")
		return analysis.Verdict{}, false
	}
	return analysis.Judge(p.spec.Metrics, evidence.Since(r.Acked)), true
}

// refused is the verdict of a hook that did not agree.
func refused(h *Hook, a Answer) analysis.Verdict {
	return analysis.Verdict{Outcome: analysis.Failing, Results: []analysis.Result{{
		Metric: "hook " + h.Name, Outcome: analysis.Failing, Message: a.Message,
	}}}
}

// count takes the verdict of one check into the run. It returns true when that ended the run.
func (p *pass) count(v analysis.Verdict) bool {
	r := p.st.Run
	was := r.Fresh
	r.Fresh = v.Outcome == analysis.Passing
	p.noteGaps(v.Outcome)
	if !was || !r.Fresh || r.Passes < p.step().Checks {
		p.tellCheck(v)
	}
	switch v.Outcome {
	case analysis.Passing:
		r.Passes++
	case analysis.Failing:
		r.FailedChecks++
		return p.overThreshold()
	case analysis.Empty, analysis.Unanswered, analysis.Misconfigured:
	}
	return false
}

// overThreshold fails a run with too many failed checks: in the pass that counts the last one, or in the first one
// that sees a lower threshold.
func (p *pass) overThreshold() bool {
	r := p.st.Run
	if r.FailedChecks < p.spec.Threshold {
		return false
	}
	p.fail(OutcomeFailed, "ChecksFailed", fmt.Sprintf("%d of %d allowed checks failed; %s",
		r.FailedChecks, p.spec.Threshold, worst(analysis.Verdict{Results: r.Results})))
	return true
}

// noteGaps keeps the clocks of checks without data and without an answer. Only a value stops the second one: a source
// that answers now and then, and never with data, must not hold a run for ever.
func (p *pass) noteGaps(o analysis.Outcome) {
	r := p.st.Run
	switch o {
	case analysis.Passing, analysis.Failing:
		r.NoData, r.Unavailable = time.Time{}, time.Time{}
	case analysis.Empty:
		if r.NoData.IsZero() {
			r.NoData = p.now
		}
	case analysis.Unanswered, analysis.Misconfigured:
		r.NoData = time.Time{}
		if r.Unavailable.IsZero() {
			r.Unavailable = p.now
		}
	}
}

// blind waits for data and answers, each with its own deadline, and ends the run when that has passed.
func (p *pass) blind() bool {
	r := p.st.Run
	_, held := p.held()
	switch {
	case !r.NoData.IsZero():
		until := r.NoData.Add(times(p.spec.Threshold, p.spec.Interval))
		return p.blindUntil("NoData", until, held)
	case !r.Unavailable.IsZero():
		return p.blindUntil("Unavailable", r.Unavailable.Add(p.spec.UnavailableLimit), held)
	default:
		return false
	}
}

func (p *pass) blindUntil(reason string, until time.Time, held bool) bool {
	message := "no verdict: " + worst(analysis.Verdict{Results: p.st.Run.Results})
	if held {
		p.wait(reason, message, time.Time{}, "data, or the end of the pause and then the deadline")
		return false
	}
	if !p.now.Before(until) {
		p.fail(OutcomeFailed, reason, message)
		return true
	}
	p.wait(reason, message, until, "data, or the deadline")
	return false
}

func (p *pass) tellCheck(v analysis.Verdict) {
	severity, message := Info, "Check passed"
	switch v.Outcome {
	case analysis.Passing:
	case analysis.Failing:
		severity, message = Warn, "Check failed: "+worst(v)
	case analysis.Empty, analysis.Unanswered, analysis.Misconfigured:
		severity, message = Warn, "Check without a verdict: "+worst(v)
	}
	p.tell(Event{Type: Checked, Severity: severity, Reason: string(v.Outcome), Message: message, Results: v.Results})
}

// worst says in a sentence what decided a verdict.
func worst(v analysis.Verdict) string {
	var found *analysis.Result
	for i := range v.Results {
		r := &v.Results[i]
		if found == nil || (r.Outcome != found.Outcome && analysis.Worse(found.Outcome, r.Outcome) == r.Outcome) {
			found = r
		}
	}
	if found == nil {
		return "nothing was measured"
	}
	return found.Metric + ": " + found.Message
}
