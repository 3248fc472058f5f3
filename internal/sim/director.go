package sim

import (
	"container/heap"
	"fmt"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

const (
	// patience is how long a world may take to come to rest after the last disturbance.
	patience = 45 * time.Minute
	// silence is how long nothing may be written at rest.
	silence = 10 * time.Minute
)

// Result is what came out of a run.
type Result struct {
	Scenario string
	Faults   []Fault
	// Ending is how the canary ended, in a line; Violations are the laws that were broken, first to last.
	Ending     string
	Violations []string
	// Calls are the calls that faults can strike, in their order. Fired counts how often each fault struck.
	Calls []Op
	Fired []int
	// Cases counts for each law how often it was evaluated on something that could have broken it.
	Cases map[string]int
	// Took is the virtual length, Log what happened.
	Took time.Duration
	Log  []string
}

// Run plays the scenario to its end: until the canary rests and nothing was written for ten minutes, or until it is
// clear that it never will. A world runs once.
func (w *World) Run() Result {
	w.mu.Lock()
	w.deploy("v1")
	w.target.Run()
	w.after(100*time.Millisecond, "start", func() { w.launch() })
	w.movePods()
	w.mu.Unlock()
	for !w.turn() {
		w.idle()
	}
	w.mu.Lock()
	processes := w.all
	for _, p := range slices.Clone(w.live) {
		p.kill()
	}
	w.mu.Unlock()
	for _, p := range processes {
		<-p.done
	}
	return w.result()
}

// turn lets everything happen that is due, and says whether the run is over.
func (w *World) turn() bool {
	for {
		w.time.Settle()
		w.mu.Lock()
		if w.finished {
			w.mu.Unlock()
			return true
		}
		if len(w.events) == 0 || w.events[0].at.After(w.time.Now()) {
			w.judge()
			over := w.finished
			w.mu.Unlock()
			return over
		}
		e, ok := heap.Pop(&w.events).(event)
		if ok {
			e.do()
		}
		w.mu.Unlock()
	}
}

// idle waits for the next event, or for somebody who has made an earlier one.
func (w *World) idle() {
	w.mu.Lock()
	next := w.time.Now().Add(time.Minute)
	if len(w.events) > 0 && w.events[0].at.Before(next) {
		next = w.events[0].at
	}
	w.mu.Unlock()
	over := make(chan struct{})
	stop := w.time.AfterFunc(next.Sub(w.time.Now()), func() { close(over) })
	defer stop()
	select {
	case <-over:
	case <-w.poke:
	}
}

// judge looks whether the run is over. The caller holds mu, and nothing moves.
func (w *World) judge() {
	now := w.time.Now()
	missing := w.unrest()
	switch {
	case len(w.laws.broken) > 0:
		w.finished = true
	case len(w.events) > 0 || missing != "":
		if !w.rest.IsZero() {
			w.laws.breakf("L1", "the canary rested and then it did not: %s", missing)
		}
		if now.Sub(w.disturbed) > patience {
			w.laws.breakf("L1", "no rest %s after the last disturbance: %s (phase %s, waits for %s: %s)",
				patience, missing, w.state.Phase, w.state.Wait.Reason, w.state.Wait.Message)
		}
		w.finished = len(w.laws.broken) > 0
	case w.rest.IsZero():
		w.rest, w.restWrite = now, w.writes
	case w.writes != w.restWrite:
		w.laws.breakf("L1", "%d writes at rest", w.writes-w.restWrite)
		w.finished = true
	case now.Sub(w.rest) >= silence:
		w.laws.case1("L1")
		w.ended()
		w.finished = true
	}
}

// unrest says what is missing for the canary to be at rest, in the truth and not in what the engine believes.
func (w *World) unrest() string {
	for _, p := range w.live {
		if p.passing > 0 || !p.next.IsZero() {
			return fmt.Sprintf("engine %d has something to do", p.number)
		}
	}
	if w.gone {
		return w.unreleased()
	}
	if missing := w.busy(); missing != "" {
		return missing
	}
	return w.untidy()
}

// busy says what the saved state of a canary lacks that is to be at rest.
func (w *World) busy() string {
	s := &w.state
	switch {
	case w.deleting:
		return "the canary is being deleted"
	case s.Phase != rollout.Initialized && s.Phase != rollout.Succeeded && s.Phase != rollout.Failed:
		return "phase " + string(s.Phase)
	case s.Run != nil && s.Run.Stage != rollout.Done:
		return "the run is " + string(s.Run.Stage)
	case len(s.Outbox) > 0:
		return fmt.Sprintf("%d events are not delivered", len(s.Outbox))
	case len(w.live) == 0:
		return "no engine runs"
	}
	return ""
}

// untidy says what a canary at rest has left behind.
func (w *World) untidy() string {
	primary, canary := w.side(rollout.PrimarySide), w.side(rollout.CanarySide)
	switch {
	case primary.revision != w.state.Promoted:
		return "the primary runs " + primary.revision
	case primary.ready < max(1, primary.replicas):
		return fmt.Sprintf("%d of %d pods of the primary are ready", primary.ready, primary.replicas)
	case canary.pods > 0:
		return fmt.Sprintf("%d pods of the canary are there", canary.pods)
	case primary.floor != 0:
		return fmt.Sprintf("the primary is held at %d", primary.floor)
	case !w.plane.quiet():
		return "requests go to the canary"
	}
	return ""
}

// unreleased says what a canary that is gone has left behind.
func (w *World) unreleased() string {
	canary := w.side(rollout.CanarySide)
	switch {
	case w.abandoned:
		// Two minutes are over, and what was left undone was told.
		return ""
	case w.plane.exists:
		return "its split is still there"
	case w.manifest != nil && canary.ready < w.manifest.Replicas:
		return "the target does not serve"
	case w.side(rollout.PrimarySide).pods > 0:
		return "pods of the primary are there"
	}
	return ""
}

func (w *World) result() Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := Result{
		Scenario: w.scenario.Name, Faults: w.options.Faults, Ending: w.ending(), Violations: w.laws.broken,
		Calls: w.calls, Fired: w.faults.fired(), Cases: w.laws.cases, Took: w.time.Now().Sub(w.began), Log: w.log,
	}
	return r
}
