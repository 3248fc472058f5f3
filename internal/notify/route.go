package notify

import (
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Route is one receiver and what it is told. EventHook, PostRollout and Alert make those of the Canary API.
type Route struct {
	// Name says in errors who was not told.
	Name   string
	Driver Driver
	// Severity is the least that is told. Default rollout.Info: everything.
	Severity rollout.Severity
	// Wants chooses among the events; nil wants all.
	Wants func(rollout.Event) bool
	// Muted are the names of hooks whose gates are not told about.
	Muted []string
	// Timeout bounds one delivery. Default 10 s.
	Timeout time.Duration
}

// EventHook is the route to a hook of the type event, which gets every event.
func EventHook(name string, d Driver) Route { return Route{Name: "hook " + name, Driver: d} }

// PostRollout is the route to a hook of the type post-rollout, which is called once a run is over and its revision was
// promoted or taken back. A run that was superseded or reverted has no result to act upon.
func PostRollout(name string, d Driver) Route {
	return Route{Name: "hook " + name, Driver: d, Wants: judged}
}

// Alert is the route of an alert, which gets what people want to know from a severity on. Muted are the names of the
// hooks that have muteAlert.
func Alert(name string, severity rollout.Severity, muted []string, d Driver) Route {
	return Route{Name: "alert " + name, Driver: d, Severity: severity, Wants: forPeople, Muted: muted}
}

func judged(e rollout.Event) bool {
	if e.Type != rollout.RunEnded {
		return false
	}
	switch e.Ending {
	case rollout.OutcomeSucceeded, rollout.OutcomeFailed, rollout.OutcomeAborted:
		return true
	case rollout.OutcomeSuperseded, rollout.OutcomeReverted:
	}
	return false
}

// forPeople leaves out what happens too often to be read: single checks, weights that are not in force yet, phases
// that another event tells about. Every ending is told.
func forPeople(e rollout.Event) bool {
	switch e.Type {
	case rollout.RunStarted, rollout.RunEnded, rollout.WeightAcked, rollout.GateClosed, rollout.GateOpened,
		rollout.CommandTaken, rollout.VerdictReached, rollout.PrimaryRestored, rollout.Warning:
		return true
	case rollout.PhaseChanged:
		// Without a run nothing else says that a canary has come or gone.
		return e.Phase == rollout.Initialized || e.Phase == rollout.Terminated
	case rollout.WeightWanted, rollout.Checked, rollout.CommandRefused, rollout.PrimaryWritten:
	}
	return false
}

// takes says that the receiver is told about an event.
func (r *Route) takes(e rollout.Event) bool {
	if rank(e.Severity) < rank(r.Severity) {
		return false
	}
	if (e.Type == rollout.GateClosed || e.Type == rollout.GateOpened) && slices.Contains(r.Muted, e.Reason) {
		return false
	}
	return r.Wants == nil || r.Wants(e)
}

// rank orders severities. One that is not known is as loud as possible: better heard twice than never.
func rank(s rollout.Severity) int {
	switch s {
	case "", rollout.Info:
		return 0
	case rollout.Warn:
		return 1
	case rollout.Loud:
		return 2
	default:
		return 2
	}
}

func (r *Route) validate() error {
	switch {
	case r.Name == "":
		return fault.Errorf(fault.Invalid, "a receiver of events has no name")
	case r.Driver == nil:
		return fault.Errorf(fault.Invalid, "the %s has nothing that delivers to it", r.Name)
	case r.Timeout < 0:
		return fault.Errorf(fault.Invalid, "the %s has a negative timeout", r.Name)
	}
	switch r.Severity {
	case "", rollout.Info, rollout.Warn, rollout.Loud:
		return nil
	default:
		return fault.Errorf(fault.Invalid, "the %s has the severity %q: write info, warn or error", r.Name, r.Severity)
	}
}
