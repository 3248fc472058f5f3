// Package record is what Serin remembers for people: the record of each run, assembled from its events, and what
// became of each command. It is derived from the decision state and never decides anything; losing it loses
// history, never safety.
package record

import (
	"cmp"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Run is the durable record of one attempt at one revision.
type Run struct {
	Name     string    `json:"name" doc:"Name of the run, unique for its canary"`
	Revision string    `json:"revision,omitempty" doc:"Revision that was tried"`
	Started  time.Time `json:"started" doc:"When the run began"`
	Ended    time.Time `json:"ended,omitzero" doc:"When the run was over; absent while it is in progress"`
	// Outcome, Reason and Message are the verdict, once there is one; Ended says whether the run has cleaned up too.
	Outcome rollout.Outcome `json:"outcome,omitempty" doc:"How the run ended: Succeeded, Failed, Aborted, Superseded or Reverted"`
	Reason  string          `json:"reason,omitempty" doc:"The verdict in one word"`
	Message string          `json:"message,omitempty" doc:"The verdict in a sentence"`
	// Lost counts the events that were dropped to keep the record small; the oldest go first.
	Lost   int             `json:"lost,omitempty" doc:"Number of events that were dropped to keep the record small"`
	Events []rollout.Event `json:"events,omitempty" doc:"What happened, oldest first; absent in lists"`
}

// Take moves what the header of the record has to know out of an event of the run. It does not add the event to
// Events: how those are kept and bounded is the store's business.
func (r *Run) Take(e rollout.Event) {
	if r.Name == "" {
		r.Name, r.Started = e.Run, e.At
	}
	if e.Revision != "" {
		r.Revision = e.Revision
	}
	switch e.Type {
	case rollout.RunStarted:
		r.Started = e.At
	case rollout.VerdictReached:
		r.judge(e)
	case rollout.RunEnded:
		r.judge(e)
		r.Ended = e.At
	case rollout.PhaseChanged, rollout.WeightWanted, rollout.WeightAcked, rollout.Checked, rollout.GateClosed,
		rollout.GateOpened, rollout.CommandTaken, rollout.CommandRefused, rollout.PrimaryWritten,
		rollout.PrimaryRestored, rollout.Warning:
	}
}

// judge notes the verdict that an event carries. A verdict in favour has no Ending yet.
func (r *Run) judge(e rollout.Event) {
	if e.Ending == "" {
		return
	}
	r.Outcome, r.Reason, r.Message = e.Ending, e.Reason, cmp.Or(e.Detail, e.Message)
}

// Header returns the record without its events.
func (r *Run) Header() Run {
	header := *r
	header.Events = nil
	return header
}

// Entry is an event with the canary that it happened to.
type Entry struct {
	Namespace string        `json:"namespace" doc:"Namespace of the canary"`
	Name      string        `json:"name" doc:"Name of the canary"`
	Event     rollout.Event `json:"event" doc:"What happened"`
}

// Query selects events.
type Query struct {
	// Since leaves out what happened before it; the zero time leaves nothing out.
	Since time.Time
	// Limit is the greatest number of events; the newest are kept. 0 means no limit of its own.
	Limit int
}

// Select returns the entries that the query asks for, oldest first. Entries of the same time keep the order of their
// canaries' names and their own, so the same entries always give the same list.
func (q Query) Select(all []Entry) []Entry {
	found := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return e.Event.At.Before(q.Since) })
	slices.SortStableFunc(found, func(a, b Entry) int {
		return cmp.Or(a.Event.At.Compare(b.Event.At), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	if over := len(found) - q.Limit; q.Limit > 0 && over > 0 {
		found = found[over:]
	}
	return found
}
