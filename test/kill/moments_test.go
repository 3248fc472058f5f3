package kill

import (
	"strings"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/rollout"
)

// The two sides of a save.
const (
	// before is a kill while a third party has not answered yet: what follows from its answer cannot be saved.
	before = "before the save"
	// after is a kill once the daemon says that it has saved: it is about to perform, or performing.
	after = "after the save"
)

// moment is when a daemon is killed.
type moment struct {
	// phase is the phase that is saved then, and story how the release ends.
	phase rollout.Phase
	side  string
	story story
	// One of these says when: a call that is open (the path of a hook, for the phase of the moment), a line of the log,
	// a change of the phase in the feed, or the edit of the manifest itself.
	call, line string
	change     bool
	edit       bool
}

// story is a release with its end.
type story string

const (
	promotes  story = "promoted"
	rollsBack story = "rolled back"
	releases  story = "released"
)

// moments are all those that are tested. The phases that a canary is in for an instant only are met while a receiver
// of events has not answered, or right when the feed tells of them.
func moments() []moment {
	return []moment{
		{phase: rollout.Initializing, side: before, story: promotes, call: "tell"},
		{phase: rollout.Initializing, side: after, story: promotes, line: `action="promote revision `},
		{phase: rollout.Initialized, side: before, story: promotes, call: "tell"},
		{phase: rollout.Initialized, side: before, story: promotes, edit: true},
		{phase: rollout.Waiting, side: before, story: promotes, call: "start"},
		{phase: rollout.Waiting, side: before, story: rollsBack, call: "tell"},
		{phase: rollout.Waiting, side: after, story: promotes, change: true},
		{phase: rollout.Progressing, side: before, story: promotes, call: "check"},
		{phase: rollout.Progressing, side: before, story: promotes, call: "prometheus"},
		{phase: rollout.Progressing, side: before, story: rollsBack, call: "check"},
		{phase: rollout.Progressing, side: after, story: promotes, line: `action="scale canary to 1"`},
		{phase: rollout.Progressing, side: after, story: promotes, line: `action="set split to 50000/50000"`},
		{phase: rollout.Progressing, side: after, story: rollsBack, line: `action="set split to 50000/50000"`},
		{phase: rollout.WaitingPromotion, side: before, story: promotes, call: "finish"},
		{phase: rollout.WaitingPromotion, side: after, story: promotes, change: true},
		{phase: rollout.Promoting, side: before, story: promotes, call: "tell"},
		{phase: rollout.Promoting, side: after, story: promotes, line: `action="promote revision `},
		{phase: rollout.Finalising, side: before, story: promotes, call: "tell"},
		{phase: rollout.Finalising, side: after, story: promotes, line: `action="set split to 100000/0"`},
		{phase: rollout.Succeeded, side: before, story: promotes, call: "tell"},
		{phase: rollout.Succeeded, side: after, story: promotes, change: true},
		{phase: rollout.Failed, side: before, story: rollsBack, call: "tell"},
		{phase: rollout.Failed, side: after, story: rollsBack, change: true},
		{phase: rollout.Failed, side: after, story: rollsBack, line: `action="scale canary to 0"`},
		{phase: rollout.Terminating, side: before, story: releases, call: "tell"},
		{phase: rollout.Terminating, side: after, story: releases, line: `action=release`},
		{phase: rollout.Terminated, side: before, story: releases, call: "tell"},
	}
}

// phases are all phases that a canary can be in.
func phases() []rollout.Phase {
	return []rollout.Phase{
		rollout.Initializing, rollout.Initialized, rollout.Waiting, rollout.Progressing, rollout.WaitingPromotion,
		rollout.Promoting, rollout.Finalising, rollout.Succeeded, rollout.Failed, rollout.Terminating, rollout.Terminated,
	}
}

// String says what the moment is.
func (m moment) String() string {
	by := "an edit"
	switch {
	case m.call != "":
		by = "an open call of " + m.call
	case m.line != "":
		by = "log " + strings.TrimSpace(m.line)
	case m.change:
		by = "the feed"
	}
	return string(m.phase) + " " + m.side + ", " + by + ", to be " + string(m.story)
}

// early says that the kill comes before there is a release.
func (m moment) early() bool {
	return m.phase == rollout.Initializing || m.phase == rollout.Initialized && !m.edit
}

// trap kills once what it waits for happens. It is set when the release begins, and goes off once.
type trap struct {
	moment moment
	delay  time.Duration

	mu     sync.Mutex
	set    bool
	seen   int
	sprung chan struct{}
	kill   func()
	at     time.Time
	event  string
}

// arm sets the trap for a daemon.
func (p *trap) arm(kill func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set, p.kill, p.seen = true, kill, 0
}

// spring kills after a delay, and is true for the call that did it.
func (p *trap) spring(delay time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.set {
		return false
	}
	p.set = false
	p.at = time.Now().Add(delay)
	if delay > 0 {
		time.AfterFunc(delay, func() { p.kill(); close(p.sprung) })
		return true
	}
	p.kill()
	close(p.sprung)
	return true
}

// onLine is told of each line of the log. A split back to nothing opens each run, so only the last one of a promotion
// counts.
func (p *trap) onLine(line string) {
	if p.moment.line == "" || !strings.Contains(line, p.moment.line) {
		return
	}
	if p.moment.phase == rollout.Finalising {
		p.mu.Lock()
		p.seen++
		first := p.seen == 1
		p.mu.Unlock()
		if first {
			return
		}
	}
	p.spring(p.delay)
}

// onChange is told of each change of the feed.
func (p *trap) onChange(c feed.Change) {
	if p.moment.change && c.Event != nil && c.Event.Type == rollout.PhaseChanged && c.Event.Phase == p.moment.phase {
		p.spring(p.delay)
	}
}

// onCall is told of each call of a third party, and is true if the call must not be answered any more. The calls stay
// open while the trap's delay goes by.
func (p *trap) onCall(path string, phase rollout.Phase, event string) bool {
	if p.moment.call != path || path != "prometheus" && phase != p.moment.phase {
		return false
	}
	if !p.spring(p.delay) {
		return false
	}
	p.mu.Lock()
	p.event = event
	p.mu.Unlock()
	return true
}
