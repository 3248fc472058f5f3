package engine

import (
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Trace is everything about one pass: the seam at which tests assert the invariants and at which passes are
// measured. All of it is shared and must not be changed.
type Trace struct {
	Key Key
	// Spec is what was wanted.
	Spec        rollout.Spec
	Observation rollout.Observation
	// Before and After are the states before and after Step. Stepped says that the pass came that far: otherwise
	// the canary, its state or its ports could not be had, and Errors says why.
	Before, After rollout.State
	Stepped       bool
	// Saved says that After is in the store; nothing is performed otherwise.
	Saved bool
	// Actions are what Step returned, Performed the changes of the world that succeeded, in their order.
	Actions   []rollout.Action
	Performed []rollout.Action
	// Errors are what went wrong; reads that failed are in the observation.
	Errors []error
	// Began and Ended are when the pass did; Next is when the next one is due, zero for when it is woken.
	Began, Ended, Next time.Time
	// Gone says that the canary was released and forgotten by this pass.
	Gone bool
}

// Status is what is known of one canary between its passes, for people and APIs. All of it is shared and must not
// be changed.
type Status struct {
	Key Key
	// Spec is what was wanted, State what is saved, Observation what the latest pass saw.
	Spec        rollout.Spec
	State       rollout.State
	Observation rollout.Observation
	// Err is what went wrong in the latest pass, reads included, or nil; Failures is how many passes in a row did.
	Err      error
	Failures int
	// Degraded says that the latest pass ended in an internal error (a panic), and which.
	Degraded string
	// At is when the latest pass ended, Next when the next one is due; zero means when something happens.
	At, Next time.Time
}
