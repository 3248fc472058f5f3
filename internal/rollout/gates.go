package rollout

import (
	"strconv"
	"time"
)

// open asks every hook of a gate's type and returns true once all of them agreed to the same question, or a person's
// word stands for theirs. A closed gate is asked again every interval. An approval is for this run and step and is used
// once.
func (p *pass) open(t HookType) bool {
	poll := &p.st.Run.Gate
	if !p.spec.has(t) || p.st.Run.Skip != nil {
		poll.close()
		return true
	}
	if poll.Since.IsZero() {
		poll.Since = p.now
	}
	hook, refusal, answered := p.poll(t, poll)
	if answered && refusal == "" {
		if poll.Closed != "" {
			p.tell(Event{Type: GateOpened, Reason: poll.Hook, Message: "Gate " + string(t) + " is open"})
		}
		poll.close()
		return true
	}
	if refusal != "" {
		if poll.Closed == "" {
			p.tell(Event{Type: GateClosed, Severity: Warn, Reason: hook, Message: "Gate " + string(t) + " is closed: " + refusal})
		}
		poll.Closed, poll.Hook = refusal, hook
	}
	p.wait("Gate", string(t)+" is closed: "+orAsked(poll.Closed), p.gateDeadline(t), "the gate's approval")
	return false
}

// close ends a poll. The next one asks a new question, so no answer that is still on its way opens it.
func (poll *Poll) close() { *poll = Poll{Round: poll.Round + 1} }

func orAsked(refusal string) string {
	if refusal == "" {
		return "no answer yet"
	}
	return refusal
}

// poll asks all hooks of a type once per interval. It returns the first hook that refused and what it said, and
// whether all have answered.
func (p *pass) poll(t HookType, poll *Poll) (hook, refusal string, answered bool) {
	if !p.reached(poll.Due) {
		return "", "", false
	}
	answered = true
	for i := range p.spec.Hooks {
		h := &p.spec.Hooks[i]
		if h.Type != t {
			continue
		}
		answer, ok := p.ask(h, "gate", poll.Round)
		switch {
		case !ok:
			answered = false
		case !answer.OK && refusal == "":
			hook, refusal = h.Name, h.Name+": "+answer.Message
		}
	}
	if answered {
		if refusal != "" {
			poll.Round++
			poll.Due = p.now.Add(p.spec.Interval)
			p.wakeAt(poll.Due)
		}
		return hook, refusal, true
	}
	return "", "", false
}

// question names what is asked in a round. A rollback is asked for whatever the step, so a slow yes is heard after it.
func (r *Run) question(kind string, round int) string {
	step := strconv.Itoa(r.Step)
	if kind == "undo" {
		step = "any"
	}
	return r.Name + "/" + step + "/" + kind + "/" + strconv.Itoa(round)
}

// ask puts one question to one hook, unless its answer is there already.
func (p *pass) ask(h *Hook, kind string, round int) (Answer, bool) {
	r := p.st.Run
	id := r.question(kind, round) + "/" + string(h.Type) + "/" + h.Name
	if a, ok := p.obs.Answers[id]; ok {
		return a, true
	}
	p.act(Ask{ID: id, Hook: h.Name, Type: h.Type, Phase: p.st.Phase, Run: r.Name, Revision: r.Revision, Weight: r.Weight})
	return Answer{}, false
}

// gateDeadline is the earliest deadline of the hooks of a type, or zero for a gate that may wait for ever.
func (p *pass) gateDeadline(t HookType) time.Time {
	var until time.Time
	if _, held := p.held(); held {
		return until
	}
	for i := range p.spec.Hooks {
		h := &p.spec.Hooks[i]
		if h.Type != t || h.Deadline <= 0 {
			continue
		}
		if d := p.st.Run.Gate.Since.Add(h.Deadline); until.IsZero() || d.Before(until) {
			until = d
		}
	}
	return until
}

// closedTooLong fails the run when a gate has a deadline and it has passed.
func (p *pass) closedTooLong(t HookType) bool {
	until := p.gateDeadline(t)
	if p.st.Run.Gate.Since.IsZero() || until.IsZero() || p.now.Before(until) {
		return false
	}
	p.fail(OutcomeFailed, "GateTimeout", "gate "+string(t)+" did not open in time: "+orAsked(p.st.Run.Gate.Closed))
	return true
}

// undone asks the rollback hooks, in every phase in which a run can still go back, and goes back when one says so.
func (p *pass) undone() bool {
	if !p.spec.has(RollbackHook) || p.spec.SkipAnalysis {
		return false
	}
	undo := &p.st.Run.Undo
	if !p.reached(undo.Due) {
		return false
	}
	waits := false
	for i := range p.spec.Hooks {
		h := &p.spec.Hooks[i]
		if h.Type != RollbackHook {
			continue
		}
		answer, ok := p.ask(h, "undo", undo.Round)
		if ok && answer.OK {
			p.fail(OutcomeAborted, "RollbackHook", "rollback hook "+h.Name+" asked for it")
			return true
		}
		waits = waits || !ok
	}
	if !waits {
		undo.Round++
		undo.Due = p.now.Add(p.spec.Interval)
		p.wakeAt(undo.Due)
	}
	return false
}
