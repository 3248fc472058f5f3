package rollout

import (
	"fmt"
	"time"
)

// wait says what the canary waits for. The first wait of a pass is the one that people see.
func (p *pass) wait(reason, message string, until time.Time, ends string) {
	if p.waited {
		return
	}
	p.waited = true
	since := p.now
	if p.was.Reason == reason && !p.was.Since.After(p.now) {
		since = p.was.Since
	}
	p.st.Wait = Wait{Reason: reason, Message: message, Since: since, Until: until, Ends: ends}
	if !until.IsZero() && p.now.Before(until) {
		p.wakeAt(until)
	}
}

// progressWait waits for the world to follow. Where that could end the run, it does so when nothing has moved for the
// progress deadline; where the run is decided already, it only becomes loud.
func (p *pass) progressWait(reason, message string) {
	if p.waited {
		return
	}
	r := p.st.Run
	switch {
	case p.st.Phase == Initializing:
		p.birthWait(reason, message)
		return
	case r == nil || !p.inRun():
		p.wait(reason, message, time.Time{}, "the world to follow")
		return
	}
	if r.Progress.IsZero() {
		r.Progress = p.now
	}
	if _, held := p.held(); held {
		p.wait(reason, message, time.Time{}, "progress; the deadline stands still until serin resume")
		return
	}
	until := r.Progress.Add(p.spec.ProgressDeadline)
	if p.decided() && !p.now.Before(until) {
		ends := "progress; the run is decided, so nothing else ends it"
		if p.st.Phase == Promoting {
			ends = "progress, or a new revision of the target"
		}
		p.wait("Stalled", message, time.Time{}, ends)
		p.alarm("Stalled", "Run "+r.Name+" makes no progress: "+message)
		return
	}
	p.wait(reason, message, until, "progress, or the progress deadline")
}

// birthWait waits for a first primary: for ever, since there is nothing to go back to, but loudly after the progress
// deadline.
func (p *pass) birthWait(reason, message string) {
	deadline := p.st.Since.Add(p.spec.ProgressDeadline)
	if !p.reached(deadline) {
		p.wait(reason, message, deadline, "progress")
		return
	}
	p.wait("PrimaryStalled", message, time.Time{}, "progress, or a new revision of the target")
	p.alarm("PrimaryStalled", "The first primary does not get ready: "+message)
}

// decided says whether nothing but the world can end the wait of the run: it can neither be stopped nor be taken back any
// more, or it is being taken back.
func (p *pass) decided() bool {
	return p.st.Phase == Finalising || p.st.Run.Stage == Restoring && p.unrestored()
}

// progressReasons are the waits on which the progress deadline runs.
func progressReasons(reason string) bool {
	switch reason {
	case "CanaryNotReady", "PrimaryNotReady", "PrimaryMissing", "PrimaryChanged", "Routing", "Rejected", "TrafficUnreadable", "Pinning",
		"PrimaryServes", "Restoring", "ScalingDown", "Stalled":
		return true
	default:
		return false
	}
}

// late says whether the wait of this pass has reached the progress deadline.
func (p *pass) late() bool {
	w := &p.st.Wait
	return p.waited && progressReasons(w.Reason) && !w.Until.IsZero() && !p.now.Before(w.Until)
}

// stuck fails the run when the wait of this pass has reached the progress deadline.
func (p *pass) stuck() bool {
	if !p.late() {
		return false
	}
	w := p.st.Wait
	p.fail(OutcomeFailed, "ProgressDeadline", fmt.Sprintf("no progress for %s: %s", p.spec.ProgressDeadline, w.Message))
	return true
}

// moved notes that the run made progress.
func (p *pass) moved() {
	p.st.Run.Progress, p.st.Run.Best = time.Time{}, 0
}

// restartProgress lets the progress deadline begin anew once the world has followed. A pass that could not see what
// runs says nothing about that, and does not come here.
func (p *pass) restartProgress() {
	if p.st.Run != nil && (!p.waited || !progressReasons(p.st.Wait.Reason)) {
		p.moved()
	}
}

func (p *pass) waitForCanary() {
	c := &p.obs.Workload.Canary
	p.better(c.Ready)
	p.progressWait("CanaryNotReady", ready("canary", c, p.size()))
}

func (p *pass) waitForPrimary() {
	s := &p.obs.Workload.Primary
	p.better(s.Ready)
	p.progressWait("PrimaryNotReady", ready("primary", s, s.Replicas))
}

// better counts a pod more than ever as progress.
func (p *pass) better(now int) {
	if r := p.st.Run; r != nil && now > r.Best {
		r.Best, r.Progress = now, p.now
	}
}

func ready(side string, s *Side, wanted int) string {
	message := fmt.Sprintf("%d of %d pods of the %s are ready", s.Ready, wanted, side)
	if s.Why != "" {
		message += ": " + s.Why
	}
	return message
}
