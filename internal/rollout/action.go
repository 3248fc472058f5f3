package rollout

import "time"

// Action is one thing to do to the world. Every action is idempotent and is returned again by each Step until
// an observation shows that it is done.
//
//sumtype:decl
type Action interface{ action() }

// SideName names one of the two versions.
type SideName string

// The two sides.
const (
	PrimarySide SideName = "primary"
	CanarySide  SideName = "canary"
)

// SetSplit writes where requests go.
type SetSplit struct{ Split Split }

// Pin makes an immutable snapshot of the target's revision, from which alone it may be promoted.
type Pin struct{ Revision string }

// Scale sets how many pods a side has. For the canary, Revision says which revision they run.
type Scale struct {
	Side     SideName
	Revision string
	Replicas int
}

// Floor holds an autoscaler of the primary to at least Replicas; 0 lets it go.
type Floor struct{ Replicas int }

// PromoteTo writes a pinned revision into the primary and creates the primary where it does not exist.
// Restore says that it takes a failed promotion back.
type PromoteTo struct {
	Revision string
	Restore  bool
}

// Measure reads the metrics of one check over the window from From to To. Weight is what was acknowledged then.
type Measure struct {
	ID       string
	From, To time.Time
	Weight   Weight
}

// Ask asks a hook. The same ID is one question: its answer is kept until the state has moved past it.
type Ask struct {
	ID       string
	Hook     string
	Type     HookType
	Phase    Phase
	Run      string
	Revision string
	Weight   Weight
}

// Emit delivers an event at least once, to the journal and to whoever subscribed.
type Emit struct{ Event Event }

// Release gives the target back to its owner: the canary is gone after it. With Revert the target serves again.
type Release struct{ Revert bool }

// Wake asks for another pass at a time, even if nothing changes until then.
type Wake struct{ At time.Time }

func (SetSplit) action()  {}
func (Pin) action()       {}
func (Scale) action()     {}
func (Floor) action()     {}
func (PromoteTo) action() {}
func (Measure) action()   {}
func (Ask) action()       {}
func (Emit) action()      {}
func (Release) action()   {}
func (Wake) action()      {}
