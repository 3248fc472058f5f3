package sim

import (
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Act is something that a person does once the saved state says that it is time. The next act of a scenario is waited
// for when this one was done.
type Act struct {
	What string
	When func(*rollout.State) bool
	// After is how long the person takes.
	After time.Duration
	Do    func(*World)
}

// people do the acts of a scenario.
type people struct {
	acts []Act
	next int
	// busy means that the next act is on its way.
	busy bool
	told int
}

// see lets people look at a state that was saved. The caller holds mu.
func (h *people) see(w *World, s *rollout.State) {
	if h.busy || h.next >= len(h.acts) || !h.acts[h.next].When(s) {
		return
	}
	act := &h.acts[h.next]
	h.busy = true
	w.after(act.After, act.What, func() {
		w.notef("people: %s", act.What)
		w.disturb()
		h.busy = false
		h.next++
		act.Do(w)
		w.wake()
		h.see(w, &w.state)
	})
}

// tell gives a command. The caller holds mu.
func (w *World) tell(verb rollout.Verb) {
	w.people.told++
	c := rollout.Command{
		Intent: rollout.Intent{By: "ann", Reason: "because", At: w.clock.Now()}, UID: fmt.Sprintf("u%d", w.people.told), Verb: verb,
	}
	w.notef("ann says %s", verb)
	if _, err := w.store.Give(w.root(), w.key, c); err != nil {
		w.laws.breakf("sim", "command: %v", err)
	}
	w.laws.said(w, verb)
	w.disturb()
	w.wake()
}

// brake pauses the installation, or lets it go on. The caller holds mu.
func (w *World) brake(on bool) {
	var intent *rollout.Intent
	if on {
		intent = &rollout.Intent{By: "bob", Reason: "incident", At: w.clock.Now()}
	}
	if err := w.store.SetBrake(w.root(), intent); err != nil {
		w.laws.breakf("sim", "brake: %v", err)
	}
	w.wake()
}

// remove deletes the canary's manifest. The caller holds mu.
func (w *World) remove() {
	w.deleting = true
	w.deletedAt = w.time.Now()
	w.manifests++
}

// removeTarget deletes the target. The caller holds mu.
func (w *World) removeTarget() {
	w.manifest = nil
	w.target.Delete()
	w.movePods()
}

// respec changes the canary's manifest. The caller holds mu.
func (w *World) respec(change func(*rollout.Spec)) {
	change(&w.spec)
	w.manifests++
	w.disturb()
	w.wake()
}

// restoreSpec takes all edits of the manifest back.
func (w *World) restoreSpec() { w.respec(func(s *rollout.Spec) { *s = w.scenario.Spec }) }
