package rollout_test

import (
	"encoding/json"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// teller plays a release for the corpus and keeps the first state of each name.
type teller struct {
	*world

	gated bool
	found map[string]saved
}

// step makes one pass and looks at the state that it saved.
func (w *teller) step() (more bool) {
	before := factsOf(w.world)
	more = w.pass()
	// A crash after the save leaves the world as it was before.
	if name := nameOf(&w.state); w.found[name].State == nil {
		w.found[name] = saved{Gated: w.gated, World: before, State: json.RawMessage(stateText(w.state))}
	}
	return more
}

// play lets time pass, as world.run does.
func (w *teller) play(d time.Duration) {
	for end := w.now.Add(d); !w.now.After(end); w.now = w.now.Add(time.Second) {
		for range 8 {
			if !w.step() {
				break
			}
		}
	}
}

// begin gets the first primary and a new revision. Every hook agrees, except those that are named.
func (w *teller) begin(no ...string) {
	w.answer(true, "confirm-rollout", "pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion")
	w.answer(false, append(no, "rollback")...)
	w.play(10 * time.Second)
	w.obs.Workload.Target.Revision = "v2"
}

func (w *teller) answer(yes bool, hooks ...string) {
	for _, h := range hooks {
		w.hooks[h] = yes
	}
}

// until plays until the run stands in a phase and stage, for a while at most: not every strategy gets there.
func (w *teller) until(phase rollout.Phase, stage rollout.Stage) {
	for range 2000 {
		if r := w.state.Run; w.state.Phase == phase && r != nil && r.Stage == stage {
			return
		}
		if !w.step() {
			w.now = w.now.Add(time.Second)
		}
	}
}

// tales are what happens to releases.
func tales() map[string]func(*teller) {
	return map[string]func(*teller){
		"asked": func(w *teller) {
			w.begin("confirm-rollout", "confirm-traffic-increase", "confirm-promotion")
			delete(w.hooks, "pre-rollout")
			w.play(15 * time.Second)
			w.answer(true, "confirm-rollout")
			w.play(5 * time.Second)
			w.answer(true, "pre-rollout")
			w.play(15 * time.Second)
			w.answer(true, "confirm-traffic-increase")
			w.play(2 * time.Minute)
			w.answer(true, "confirm-promotion")
			w.play(5 * time.Minute)
		},
		"plain": func(w *teller) {
			w.begin()
			w.play(5 * time.Minute)
		},
		"paused": func(w *teller) {
			w.begin()
			w.until(rollout.Progressing, rollout.Stepping)
			w.command(rollout.Pause)
			w.play(15 * time.Second)
			w.command(rollout.Resume)
			w.play(2 * time.Minute)
		},
		"blind": func(w *teller) {
			w.begin()
			w.until(rollout.Progressing, rollout.Stepping)
			w.evidence = &analysis.Evidence{}
			w.play(15 * time.Second)
			w.evidence = &analysis.Evidence{BatchProblem: problem("Unavailable")}
			w.play(15 * time.Second)
		},
		"failing": func(w *teller) {
			w.begin()
			w.evidence.Batch.Canary.Errors = 500
			w.play(5 * time.Minute)
		},
		"aborted": func(w *teller) {
			w.begin()
			w.until(rollout.Promoting, rollout.Replacing)
			w.command(rollout.Abort)
			w.play(2 * time.Minute)
		},
		"abrupt": func(w *teller) {
			w.obs.Workload.Primary.Abrupt = true
			w.begin()
			w.play(5 * time.Minute)
		},
		"not replaced": func(w *teller) {
			w.begin()
			w.until(rollout.Promoting, rollout.Replacing)
			w.primaryUp = false
			w.play(3 * time.Minute)
			w.primaryUp = true
			w.play(time.Minute)
		},
		"promoted by a person": func(w *teller) {
			w.begin()
			w.until(rollout.Progressing, rollout.Scaling)
			w.command(rollout.Promote)
			w.play(2 * time.Minute)
		},
		"skipped": func(w *teller) {
			w.begin()
			w.until(rollout.Progressing, rollout.Scaling)
			w.acks = false
			w.until(rollout.Progressing, rollout.Stepping)
			w.command(rollout.Skip)
			w.play(5 * time.Second)
		},
		"superseded": func(w *teller) {
			w.begin()
			w.until(rollout.Progressing, rollout.Stepping)
			w.obs.Workload.Target.Revision = "v3"
			w.play(2 * time.Minute)
		},
		"deleted": func(w *teller) {
			w.begin()
			w.until(rollout.Progressing, rollout.Stepping)
			w.obs.Deleting = true
			w.play(time.Minute)
		},
	}
}
