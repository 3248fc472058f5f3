package rollout

import (
	"slices"
	"time"
)

// Step makes one pass: from what is wanted, remembered and seen to what to remember and what to do. The caller
// saves the state before it performs the first action. Step is pure and total; it never keeps or changes what it
// is given.
func Step(spec Spec, state State, obs Observation) (State, []Action) {
	p := newPass(spec, state, &obs)
	p.forgetDelivered()
	if p.barred() {
		return p.finish()
	}
	p.takeCommands()
	p.interrupt()
	for range maxMoves {
		p.acts, p.waited = p.acts[:0], false
		if !p.move() {
			break
		}
	}
	p.restartProgress()
	return p.finish()
}

// pass is one Step in progress.
type pass struct {
	spec Spec
	plan Plan
	// planless is why the spec has no plan, or nil.
	planless error
	obs      *Observation
	now      time.Time
	was      Wait
	st       State
	acts     []Action
	waited   bool
	// alarmed is the reason of the last alarm of this pass.
	alarmed string
	wake    time.Time
}

// move is the whole machine: one method for each phase, each in the file that bears its name. A phase returns true
// when it moved the canary on and the next one should look at the same observation.
func (p *pass) move() bool {
	switch p.st.Phase {
	case Initializing:
		return p.initializing()
	case Initialized, Succeeded:
		return p.resting()
	case Waiting:
		return p.waiting()
	case Progressing, WaitingPromotion:
		return p.progressing()
	case Promoting:
		return p.promoting()
	case Finalising:
		return p.finalising()
	case Failed:
		return p.failed()
	case Terminating:
		return p.terminating()
	case Terminated:
		return false
	default:
		p.wait("UnknownPhase", "the saved phase "+string(p.st.Phase)+" is not one of this version's", time.Time{}, "an engine that knows it")
		return false
	}
}

// usualActions is how many actions a pass has at most when nothing is behind.
const usualActions = 8

// maxMoves bounds the phases and stages that one pass can go through; the longest way has nine.
const maxMoves = 16

func newPass(spec Spec, state State, obs *Observation) *pass {
	p := &pass{spec: spec.Default(), obs: obs, now: obs.Now, was: state.Wait, st: state, acts: make([]Action, 0, usualActions)}
	p.st.Version = StateVersion
	if p.st.Phase == "" {
		p.enter(Initializing)
	}
	if state.Run != nil {
		run := *state.Run
		p.st.Run = &run
	}
	p.st.Outbox = slices.Clip(p.st.Outbox)
	p.st.Consumed = slices.Clip(p.st.Consumed)
	c := compiler{spec: p.spec}
	if p.spec.SkipAnalysis {
		p.plan = Plan{Strategy: Direct}
	} else {
		p.plan, p.planless = c.compile()
	}
	p.clocks()
	return p
}

// barred says that nothing may be decided in this pass: somebody else owns the target, or what runs could not be
// read. Commands wait too, so that none is taken on facts that nobody has.
func (p *pass) barred() bool {
	switch {
	case p.st.Phase == Terminated:
		return true
	case p.obs.Blocked != "" && p.obs.Deleting:
		p.enter(Terminated)
		return true
	case p.obs.Blocked != "":
		p.wait("Blocked", p.obs.Blocked, time.Time{}, "the other owner gives the target up")
		return true
	case p.obs.Deleting:
		return false
	case p.obs.Workload.Problem != nil:
		p.wait("Unreadable", "what runs cannot be read: "+p.obs.Workload.Problem.Message, time.Time{}, "the next successful read")
		return true
	case p.obs.Workload.Target.Exists && p.obs.Workload.Target.Revision == "":
		p.wait("Unreadable", "the target has no revision yet", time.Time{}, "the next successful read")
		return true
	default:
		return false
	}
}

// finish returns the result: first what makes users safe, then what takes time, then what tells.
func (p *pass) finish() (State, []Action) {
	if !p.waited {
		p.st.Wait = Wait{}
	}
	for i := range p.st.Outbox {
		p.act(Emit{Event: p.st.Outbox[i]})
	}
	if !p.wake.IsZero() {
		p.act(Wake{At: p.wake})
	}
	return p.st, p.acts
}

func (p *pass) act(a Action) { p.acts = append(p.acts, a) }

// wakeAt asks for a pass at t, unless an earlier one is asked for already.
func (p *pass) wakeAt(t time.Time) {
	if p.wake.IsZero() || t.Before(p.wake) {
		p.wake = t
	}
}

// reached says whether t has come; if not, the canary is woken then.
func (p *pass) reached(t time.Time) bool {
	if p.now.Before(t) {
		p.wakeAt(t)
		return false
	}
	return true
}

// enter changes the phase.
func (p *pass) enter(next Phase) {
	if p.st.Phase == next {
		return
	}
	p.st.Phase, p.st.Since = next, p.now
	p.tell(Event{Type: PhaseChanged, Message: "Phase is " + string(next)})
}

// goTo changes the stage of the run and starts its progress clock again.
func (p *pass) goTo(next Stage) {
	p.st.Run.Stage = next
	p.moved()
}

// held says who keeps traffic from being raised and revisions from being promoted.
func (p *pass) held() (Intent, bool) {
	switch {
	case p.obs.Brake != nil:
		return *p.obs.Brake, true
	case p.st.Paused != nil:
		return *p.st.Paused, true
	case p.spec.Suspend:
		return Intent{By: "spec.suspend", Reason: "the canary is suspended"}, true
	default:
		return Intent{}, false
	}
}

// holds waits for the person who holds the canary, if there is one.
func (p *pass) holds() bool {
	who, held := p.held()
	if !held {
		return false
	}
	message := "held by " + orUnknown(who.By)
	if who.Reason != "" {
		message += ": " + who.Reason
	}
	ends := "serin resume"
	switch {
	case p.obs.Brake != nil:
		ends = "serin resume --all"
	case p.st.Paused == nil:
		ends = "spec.suspend: false"
	}
	p.wait("Paused", message, time.Time{}, ends)
	return true
}

func orUnknown(who string) string {
	if who == "" {
		return "somebody"
	}
	return who
}

// interrupt lets the facts that every phase listens to go first: deletion, a new revision, a target that is gone.
func (p *pass) interrupt() {
	if p.obs.Deleting {
		p.enter(Terminating)
		return
	}
	if !p.inRun() || p.st.Run.Written || p.obs.Workload.Problem != nil {
		return
	}
	target := &p.obs.Workload.Target
	switch {
	case !target.Exists:
		p.fail(OutcomeFailed, "TargetGone", "the target does not exist any more")
		// That is no verdict about the revision: when the target comes back, so does its release.
		p.st.Tried = p.st.Promoted
	case target.Revision == p.st.Promoted:
		p.endRun(OutcomeReverted, "Reverted", "the target went back to the promoted revision")
		p.st.Tried = p.st.Promoted
		p.enter(Succeeded)
	case target.Revision != p.st.Run.Revision:
		p.endRun(OutcomeSuperseded, "NewRevision", "revision "+short(target.Revision)+" arrived")
		p.startRun(target.Revision)
	}
}

// inRun says whether a run is in progress and may still go either way.
func (p *pass) inRun() bool {
	switch p.st.Phase {
	case Waiting, Progressing, WaitingPromotion, Promoting, Finalising:
		return p.st.Run != nil
	case Initializing, Initialized, Succeeded, Failed, Terminating, Terminated:
		return false
	default:
		return false
	}
}
