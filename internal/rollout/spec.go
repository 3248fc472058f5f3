package rollout

import (
	"time"

	"github.com/serin-dev/serin/internal/analysis"
)

// Weight is a share of the traffic in parts of Whole.
type Weight int32

// Whole is the weight of all the traffic; Percent is one hundredth of it.
const (
	Whole   Weight = 100_000
	Percent Weight = Whole / 100
)

// Spec is what the core needs to know of one Canary. Both modes decode the same manifest into it; where a
// field is zero, Default fills in what the API documents.
type Spec struct {
	// Suspend keeps new runs from starting and holds a run where it is.
	Suspend bool `json:"suspend,omitempty"`
	// SkipAnalysis promotes as soon as canary and primary are ready, without steps, checks or their gates.
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`
	// RevertOnDeletion gives the target back its replicas and its traffic before the canary is released.
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`
	// ProgressDeadline is the longest time without progress (readiness, acknowledgement). Default 10 m.
	ProgressDeadline time.Duration `json:"progressDeadline,omitempty"`

	// Interval is the length of one analysis step. Default 60 s, at least 1 s.
	Interval time.Duration `json:"interval,omitempty"`
	// Threshold is the number of failed checks in one run that rolls back. Default 1.
	Threshold int `json:"threshold,omitempty"`
	// Iterations is the number of passed checks of an A/B test or a blue/green release.
	Iterations int `json:"iterations,omitempty"`
	// StepWeight and MaxWeight describe linear steps; MaxWeight is Whole by default.
	StepWeight Weight `json:"stepWeight,omitempty"`
	MaxWeight  Weight `json:"maxWeight,omitempty"`
	// StepWeights lists the steps, strictly increasing.
	StepWeights []Weight `json:"stepWeights,omitempty"`
	// StepWeightPromotion is what the primary gains per step on the way back; 0 means all at once.
	StepWeightPromotion Weight `json:"stepWeightPromotion,omitempty"`
	// Mirror copies MirrorWeight of the primary's requests to the canary before the first weight.
	Mirror       bool   `json:"mirror,omitempty"`
	MirrorWeight Weight `json:"mirrorWeight,omitempty"`
	// Match says that requests meeting the A/B conditions go to the canary.
	Match bool `json:"match,omitempty"`
	// Sticky says that sessions stay with the version that answered them first.
	Sticky bool `json:"sticky,omitempty"`
	// PrimaryReady and CanaryReady are the percentages of wanted pods that must be ready. Default 100.
	PrimaryReady int `json:"primaryReady,omitempty"`
	CanaryReady  int `json:"canaryReady,omitempty"`

	Metrics []analysis.Metric `json:"metrics,omitempty"`
	Hooks   []Hook            `json:"hooks,omitempty"`

	// Drain is how long a side keeps its pods after the data plane acknowledged that it gets nothing. Default 5 s.
	Drain time.Duration `json:"drain,omitempty"`
	// UnavailableLimit is how long metrics may stay unanswered before the run ends. Default 10 m.
	UnavailableLimit time.Duration `json:"unavailableLimit,omitempty"`

	// Traffic says what the data plane can do.
	Traffic Capabilities `json:"traffic"`
}

// Capabilities are what a data plane can do for one canary. A plan never asks for what is missing here.
type Capabilities struct {
	// Weights means any share; without it a side gets nothing or everything.
	Weights bool `json:"weights,omitempty"`
	Mirror  bool `json:"mirror,omitempty"`
	Match   bool `json:"match,omitempty"`
	Sticky  bool `json:"sticky,omitempty"`
}

// HookType says when a hook is called and what its answer decides.
type HookType string

// The hook types of the API. Events and post-rollout deliveries decide nothing and travel as Events.
const (
	ConfirmRollout         HookType = "confirm-rollout"
	PreRollout             HookType = "pre-rollout"
	DuringRollout          HookType = "rollout"
	ConfirmTrafficIncrease HookType = "confirm-traffic-increase"
	ConfirmPromotion       HookType = "confirm-promotion"
	PostRollout            HookType = "post-rollout"
	RollbackHook           HookType = "rollback"
	EventHook              HookType = "event"
)

// Hook is a question to a third party. Where and how it is asked is the engine's business.
type Hook struct {
	Name string   `json:"name"`
	Type HookType `json:"type"`
	// Deadline bounds how long a gate may stay closed before the run fails; 0 means for ever.
	Deadline time.Duration `json:"deadline,omitempty"`
}
