package rollout

import (
	"fmt"
	"time"
)

// progressWait waits for the world to follow. It ends the run when nothing has moved for the progress deadline.
func (p *pass) progressWait(reason, message string) {
	if p.waited {
		return
	}
	r := p.st.Run
	if r == nil || !p.inRun() {
		p.wait(reason, message, time.Time{}, "the world to follow")
		return
	}
	if !progressReasons(p.was.Reason) {
		p.moved()
	}
	if _, held := p.held(); held {
		p.wait(reason, message, time.Time{}, "progress; the deadline stands still until serin resume")
		return
	}
	p.wait(reason, message, r.Progress.Add(p.spec.ProgressDeadline), "progress, or the progress deadline")
}

// progressReasons are the waits on which the progress deadline runs.
func progressReasons(reason string) bool {
	switch reason {
	case "CanaryNotReady", "PrimaryNotReady", "Routing", "Rejected", "TrafficUnreadable", "Pinning":
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

func (p *pass) waitForCanary() {
	c := &p.obs.Workload.Canary
	p.better(c.Ready)
	p.progressWait("CanaryNotReady", ready("canary", c, p.obs.Workload.Target.Replicas))
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
