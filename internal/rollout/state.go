package rollout

import (
	"time"

	"github.com/serin-dev/serin/internal/analysis"
)

// StateVersion is the version of State that this code writes. It reads every earlier one.
const StateVersion = 1

// Phase is where a canary stands, in the words of the API.
type Phase string

// The phases.
const (
	Initializing     Phase = "Initializing"
	Initialized      Phase = "Initialized"
	Waiting          Phase = "Waiting"
	Progressing      Phase = "Progressing"
	WaitingPromotion Phase = "WaitingPromotion"
	Promoting        Phase = "Promoting"
	Finalising       Phase = "Finalising"
	Succeeded        Phase = "Succeeded"
	Failed           Phase = "Failed"
	Terminating      Phase = "Terminating"
	Terminated       Phase = "Terminated"
)

// State is what a canary must remember: only what cannot be observed again. It is small, versioned JSON.
type State struct {
	Version int   `json:"version"`
	Phase   Phase `json:"phase,omitempty"`
	// Since is when the phase began.
	Since time.Time `json:"since,omitzero"`

	// Promoted is the revision that the primary serves by right.
	Promoted string `json:"promoted,omitempty"`
	// Tried is the last revision that had a run; it is not tried again by itself.
	Tried string `json:"tried,omitempty"`
	// Run is the attempt in progress, or the last one until the next begins.
	Run *Run `json:"run,omitempty"`
	// Runs counts the attempts so far; it makes their names.
	Runs int `json:"runs,omitempty"`

	// Paused is who paused this canary, or nil.
	Paused *Intent `json:"paused,omitempty"`
	// Held is since when clocks stand still (paused, suspended, braked), or zero.
	Held time.Time `json:"held,omitzero"`
	// Quiet is since when the data plane has sent nothing to the canary, or zero.
	Quiet time.Time `json:"quiet,omitzero"`

	// Consumed are the UIDs of the latest commands that were acted upon or refused.
	Consumed []string `json:"consumed,omitempty"`
	// Seq counts events; it makes their ids. Outbox holds those not yet known to be delivered, and Dropped counts
	// those for which it had no room.
	Seq     int     `json:"seq,omitempty"`
	Outbox  []Event `json:"outbox,omitempty"`
	Dropped int     `json:"dropped,omitempty"`

	// Wait is what the canary waits for now.
	Wait Wait `json:"wait,omitzero"`
}

// Stage is where a run stands inside its phase.
type Stage string

// The stages, in the order in which a run goes through them. A failed or superseded run jumps to Retreating.
const (
	// Clearing takes the traffic and the pods of what ran before off the canary.
	Clearing Stage = "clearing"
	// Confirming waits for confirm-rollout.
	Confirming Stage = "confirming"
	// Scaling brings up the canary's pods.
	Scaling Stage = "scaling"
	// Preparing calls pre-rollout.
	Preparing Stage = "preparing"
	// Stepping goes through the plan's steps.
	Stepping Stage = "stepping"
	// Opening gives the canary all the traffic before a primary that cannot be replaced gradually.
	Opening Stage = "opening"
	// Replacing writes the primary and waits until it is ready.
	Replacing Stage = "replacing"
	// Returning moves the traffic back to the primary.
	Returning Stage = "returning"
	// Restoring gives the primary its last promoted revision back after a promotion that failed.
	Restoring Stage = "restoring"
	// Retreating takes the traffic off the canary after a verdict against it, or after a run that ended early.
	Retreating Stage = "retreating"
	// Closing lets the canary's pods go.
	Closing Stage = "closing"
	// Done is a run that is over.
	Done Stage = "done"
)

// Outcome is how a run ended, or will end once it has cleaned up.
type Outcome string

// The outcomes.
const (
	OutcomeSucceeded  Outcome = "Succeeded"
	OutcomeFailed     Outcome = "Failed"
	OutcomeAborted    Outcome = "Aborted"
	OutcomeSuperseded Outcome = "Superseded"
	OutcomeReverted   Outcome = "Reverted"
)

// Run is one attempt to move one pinned revision through the plan.
type Run struct {
	// Name is unique for the canary: the short revision and the attempt's number.
	Name     string    `json:"name"`
	Revision string    `json:"revision"`
	Started  time.Time `json:"started"`
	Stage    Stage     `json:"stage"`
	// Steps is the fingerprint of the plan that Step indexes; an edited spec changes it.
	Steps string `json:"steps,omitempty"`
	// Step is the index of the current step and Weight the canary's weight wanted last.
	// Step is -1 before the first step, and after an edit that left no step at or below the weight.
	Step   int    `json:"step"`
	Weight Weight `json:"weight,omitempty"`
	// Acked is since when the current step's split has been acknowledged, or zero; Reached says that it ever was.
	Acked   time.Time `json:"acked,omitzero"`
	Reached bool      `json:"reached,omitempty"`
	// Round counts the checks of the run, so that no question of it is asked twice with one id. Passes counts those of
	// this step that passed; Fresh says that the latest one did.
	Round  int  `json:"round,omitempty"`
	Passes int  `json:"passes,omitempty"`
	Fresh  bool `json:"fresh,omitempty"`
	// Due is when the next check is to be made.
	Due time.Time `json:"due,omitzero"`
	// FailedChecks counts the failed checks of the run.
	FailedChecks int `json:"failedChecks,omitempty"`
	// Skip is a person's word that the current step is good enough, its gate included.
	Skip *Intent `json:"skip,omitempty"`
	// Gate polls the gate that holds the run now; Undo polls the rollback hooks.
	Gate Poll `json:"gate,omitzero"`
	Undo Poll `json:"undo,omitzero"`

	// Progress is since when the run has waited for the world without any progress, or zero, and Best the most ready
	// pods since then; NoData and Unavailable are since when checks have had no data or no answer, or zero.
	Progress    time.Time `json:"progress,omitzero"`
	Best        int       `json:"best,omitempty"`
	NoData      time.Time `json:"noData,omitzero"`
	Unavailable time.Time `json:"unavailable,omitzero"`

	// Replicas is how many pods the primary had when the run began: what it needs to take everything back.
	Replicas int `json:"replicas,omitempty"`
	// Pass is the verdict that allows the primary to be written; Written says that the write may have happened.
	Pass    bool `json:"pass,omitempty"`
	Written bool `json:"written,omitempty"`
	// Override names the person whose promote replaced the analysis.
	Override *Intent `json:"override,omitempty"`
	// Full says that the primary is replaced only with all the traffic on the canary.
	Full bool `json:"full,omitempty"`

	// Outcome, Reason and Message are the verdict, once there is one. Ended is when the run was over.
	Outcome Outcome   `json:"outcome,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Ended   time.Time `json:"ended,omitzero"`

	// Results are those of the latest check, for people to read.
	Results []analysis.Result `json:"results,omitempty"`
}

// Poll is a question that is asked again until its answer is the right one.
type Poll struct {
	// Round counts the questions of the run, Since is when the first one here was asked, Due when the next may be.
	Round int       `json:"round,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Due   time.Time `json:"due,omitzero"`
	// Closed is the latest refusal, in a sentence, and Hook who refused.
	Closed string `json:"closed,omitempty"`
	Hook   string `json:"hook,omitempty"`
}

// Wait is what a canary waits for, since when, and until when at most. It is for people: decisions use the
// clocks of Run.
type Wait struct {
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Until is the deadline, or zero where a named person or gate ends the wait.
	Until time.Time `json:"until,omitzero"`
	// Ends says what ends the wait.
	Ends string `json:"ends,omitempty"`
}

// Event is something that happened and that people or machines may want to know.
type Event struct {
	// ID is stable over retries and restarts.
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Type     EventType `json:"type"`
	Severity Severity  `json:"severity"`
	Phase    Phase     `json:"phase"`
	Message  string    `json:"message"`
	// Detail is what Message says of a verdict, without the name of the run, on VerdictReached against a run and on RunEnded.
	Detail string `json:"detail,omitempty"`
	// Reason is one word behind the message; on GateClosed and GateOpened it is the name of the hook that refused.
	Reason   string `json:"reason,omitempty"`
	Run      string `json:"run,omitempty"`
	Revision string `json:"revision,omitempty"`
	Step     int    `json:"step,omitempty"`
	Weight   Weight `json:"weight,omitempty"`
	By       string `json:"by,omitempty"`
	// Results are the evidence of a check or of a verdict.
	Results []analysis.Result `json:"results,omitempty"`
	// Ending is set on the event that ends a run: it carries the outcome.
	Ending Outcome `json:"ending,omitempty"`
}

// Severity says how loud an event is.
type Severity string

// The severities, as in the API's alerts.
const (
	Info Severity = "info"
	Warn Severity = "warn"
	Loud Severity = "error"
)

// EventType says what kind of thing happened.
type EventType string

// The event types.
const (
	PhaseChanged    EventType = "PhaseChanged"
	RunStarted      EventType = "RunStarted"
	RunEnded        EventType = "RunEnded"
	WeightWanted    EventType = "WeightWanted"
	WeightAcked     EventType = "WeightAcked"
	Checked         EventType = "Checked"
	GateClosed      EventType = "GateClosed"
	GateOpened      EventType = "GateOpened"
	CommandTaken    EventType = "CommandTaken"
	CommandRefused  EventType = "CommandRefused"
	VerdictReached  EventType = "VerdictReached"
	PrimaryWritten  EventType = "PrimaryWritten"
	PrimaryRestored EventType = "PrimaryRestored"
	Warning         EventType = "Warning"
)
