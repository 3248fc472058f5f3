package rollout

import (
	"slices"
)

// maxConsumed is how many commands the state remembers; the inbox drops them before.
const maxConsumed = 32

// takeCommands obeys or refuses what people said, in their order, and remembers that it did.
func (p *pass) takeCommands() {
	for i := range p.obs.Commands {
		c := &p.obs.Commands[i]
		if slices.Contains(p.st.Consumed, c.UID) {
			continue
		}
		if !p.consume(c.UID) {
			return
		}
		refusal := p.misdirected(c)
		if refusal == "" {
			refusal = p.obey(c)
		}
		p.tellCommand(c, refusal)
	}
}

// consume remembers a command. It forgets the oldest one that is not in the inbox any more; it is false when there is
// none, and then the command has to wait: forgetting one that is still there would obey it twice.
func (p *pass) consume(uid string) bool {
	kept := slices.Clone(p.st.Consumed)
	if len(kept) >= maxConsumed {
		gone := slices.IndexFunc(kept, func(known string) bool {
			return !slices.ContainsFunc(p.obs.Commands, func(c Command) bool { return c.UID == known })
		})
		if gone < 0 {
			return false
		}
		kept = slices.Delete(kept, gone, gone+1)
	}
	kept = append(kept, uid)
	p.st.Consumed = kept
	return true
}

func (p *pass) tellCommand(c *Command, refusal string) {
	e := Event{Type: CommandTaken, By: c.By, Reason: c.UID, Message: string(c.Verb) + " by " + orUnknown(c.By)}
	if c.Reason != "" {
		e.Message += ": " + c.Reason
	}
	if refusal != "" {
		e.Type, e.Severity = CommandRefused, Warn
		e.Message = string(c.Verb) + " by " + orUnknown(c.By) + " is refused: " + refusal
	}
	p.tell(e)
}

// misdirected says why a command was meant for something else.
func (p *pass) misdirected(c *Command) string {
	r := p.st.Run
	switch {
	case p.obs.Deleting || p.st.Phase == Terminating:
		return "the canary is being deleted"
	case c.Run != "" && (r == nil || r.Name != c.Run):
		return "it was meant for run " + c.Run + ", which is not the current one"
	case c.Revision != "" && (r == nil || r.Revision != c.Revision):
		return "it was meant for revision " + short(c.Revision) + ", which is not the current one"
	default:
		return ""
	}
}

// obey carries a command out in the state and returns why it could not.
func (p *pass) obey(c *Command) string {
	switch c.Verb {
	case Pause:
		return p.obeyPause(c)
	case Resume:
		return p.obeyResume()
	case Promote:
		return p.obeyPromote(c)
	case Skip:
		return p.obeySkip(c)
	case Abort:
		return p.obeyAbort(c)
	case Retry:
		return p.obeyRetry()
	default:
		return "the verb is unknown: use promote, abort, pause, resume, retry or skip"
	}
}

func (p *pass) obeyPause(c *Command) string {
	if p.st.Paused != nil {
		return "already paused by " + orUnknown(p.st.Paused.By)
	}
	intent := c.Intent
	p.st.Paused = &intent
	p.clocks()
	return ""
}

func (p *pass) obeyResume() string {
	switch {
	case p.st.Paused == nil && p.obs.Brake != nil:
		return "the whole installation is paused: use resume --all"
	case p.st.Paused == nil:
		return "it is not paused"
	}
	p.st.Paused = nil
	p.clocks()
	return ""
}

// analysing says why there is no run that a person could hurry along.
func (p *pass) analysing() string {
	if who, held := p.held(); held {
		return "held by " + orUnknown(who.By) + ": resume first"
	}
	switch p.st.Phase {
	case Waiting, Progressing, WaitingPromotion:
		return ""
	case Promoting, Finalising:
		return "it is being promoted already"
	case Initializing, Initialized, Succeeded, Failed, Terminating, Terminated:
		return "no run is in progress"
	default:
		return "no run is in progress"
	}
}

func (p *pass) obeyPromote(c *Command) string {
	if refusal := p.analysing(); refusal != "" {
		return refusal
	}
	if p.obs.Workload.Target.Revision != p.st.Run.Revision {
		return "another revision has arrived"
	}
	intent := c.Intent
	p.promote(&intent)
	return ""
}

func (p *pass) obeySkip(c *Command) string {
	if refusal := p.analysing(); refusal != "" {
		return refusal
	}
	intent := c.Intent
	switch p.st.Run.Stage {
	case Clearing, Scaling:
		return "readiness cannot be skipped"
	default:
		p.st.Run.Skip = &intent
		return ""
	}
}

func (p *pass) obeyAbort(c *Command) string {
	switch p.st.Phase {
	case Waiting, Progressing, WaitingPromotion, Promoting:
	case Finalising, Succeeded:
		return "already promoted"
	case Initializing, Initialized, Failed, Terminating, Terminated:
		return "no run is in progress"
	default:
		return "no run is in progress"
	}
	if p.st.Run.Stage == Restoring {
		return "it is going back already"
	}
	message := "aborted by " + orUnknown(c.By)
	if c.Reason != "" {
		message += ": " + c.Reason
	}
	p.fail(OutcomeAborted, "Aborted", message)
	return ""
}

func (p *pass) obeyRetry() string {
	if who, held := p.held(); held {
		return "held by " + orUnknown(who.By) + ": resume first"
	}
	if p.inRun() {
		return "a run is in progress"
	}
	target, r := &p.obs.Workload.Target, p.st.Run
	switch {
	case p.st.Phase != Failed || r == nil || !target.Exists || target.Revision != r.Revision || target.Revision == p.st.Promoted:
		return "there is no failed revision to try again"
	case p.planless != nil:
		return "the manifest cannot be served: " + p.planless.Error()
	}
	if r.Stage != Done {
		p.endRun(r.Outcome, r.Reason, r.Message)
	}
	p.startRun(target.Revision)
	return ""
}
