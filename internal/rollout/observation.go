package rollout

import (
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
)

// Observation is everything that one pass saw. What could not be seen is in it too, as a Problem.
type Observation struct {
	Now time.Time `json:"now"`
	// Deleting means that the Canary is being deleted.
	Deleting bool `json:"deleting,omitempty"`
	// Brake is the pause of the whole installation, or nil.
	Brake *Intent `json:"brake,omitempty"`
	// Released means that the Release action was carried out.
	Released bool `json:"released,omitempty"`
	// Blocked is why this canary may not act at all (another canary owns the target, a foreign controller
	// lives), or empty.
	Blocked string `json:"blocked,omitempty"`

	Workload Workload `json:"workload"`
	Traffic  Traffic  `json:"traffic"`

	// Answers of hooks, by Ask.ID, and Measurements, by Measure.ID, that have arrived so far.
	Answers      map[string]Answer            `json:"answers,omitempty"`
	Measurements map[string]analysis.Evidence `json:"measurements,omitempty"`
	// Commands that people gave, oldest first; those that State has consumed may still be among them.
	Commands []Command `json:"commands,omitempty"`
	// Delivered are the ids of events that reached the journal and every receiver, or were given up.
	Delivered []string `json:"delivered,omitempty"`
}

// Workload is what was seen of the target and of the two versions that run.
type Workload struct {
	// Problem means that the rest is unknown.
	Problem *fault.Problem `json:"problem,omitempty"`
	Target  Target         `json:"target"`
	Primary Side           `json:"primary"`
	Canary  Side           `json:"canary"`
}

// Target is what the user wants to run.
type Target struct {
	Exists bool `json:"exists,omitempty"`
	// Revision identifies the pod template and the tracked configuration as the user wants them now.
	Revision string `json:"revision,omitempty"`
	// Replicas is the size of the canary when it serves.
	Replicas int `json:"replicas,omitempty"`
	// Pinned lists the revisions of which an immutable snapshot exists.
	Pinned []string `json:"pinned,omitempty"`
}

// Side is what was seen of one version.
type Side struct {
	Exists bool `json:"exists,omitempty"`
	// Revision is what the side is written to run.
	Revision string `json:"revision,omitempty"`
	// Replicas is how many pods the side is written to have, Ready how many are ready with Revision, and Serving
	// how many are ready with any revision (old pods in the middle of a replacement).
	Replicas int `json:"replicas,omitempty"`
	Ready    int `json:"ready,omitempty"`
	Serving  int `json:"serving,omitempty"`
	// Floor is the least number of replicas that an autoscaler is held to by us; Autoscaled says there is one.
	Floor      int  `json:"floor,omitempty"`
	Autoscaled bool `json:"autoscaled,omitempty"`
	// Abrupt means that a new template ends all old pods before new ones are ready.
	Abrupt bool `json:"abrupt,omitempty"`
	// Why says what keeps pods from being ready, in a sentence, if that is known.
	Why string `json:"why,omitempty"`
}

// Split is where requests go: shares, copies, conditions, sessions.
type Split struct {
	Primary Weight `json:"primary"`
	Canary  Weight `json:"canary"`
	// Mirror is the share of the primary's requests that is copied to the canary; answers are thrown away.
	Mirror Weight `json:"mirror,omitempty"`
	// Match sends requests that meet the A/B conditions to the canary.
	Match bool `json:"match,omitempty"`
	// CanarySession and PrimarySession are the cookie values that keep a session on its side; empty means off.
	CanarySession  string `json:"canarySession,omitempty"`
	PrimarySession string `json:"primarySession,omitempty"`
	// Revision is the only revision whose pods may get the canary's requests; empty means any.
	Revision string `json:"revision,omitempty"`
}

// Traffic is what was seen of the data plane.
type Traffic struct {
	// Problem means that Split and Acked are unknown.
	Problem *fault.Problem `json:"problem,omitempty"`
	// Exists is false until the first split was written.
	Exists bool `json:"exists,omitempty"`
	// Split is what is written, Acked what the data plane has acknowledged.
	Split Split `json:"split"`
	Acked Split `json:"acked"`
	// Rejected is the data plane's own sentence when it refused what is written, or empty.
	Rejected string `json:"rejected,omitempty"`
}

// Answer is what a hook said.
type Answer struct {
	// OK is true for a 2xx.
	OK bool      `json:"ok"`
	At time.Time `json:"at"`
	// Message explains a refusal or a missing answer; it never holds secrets.
	Message string `json:"message,omitempty"`
}

// Verb is what a person can tell Serin to do.
type Verb string

// The verbs.
const (
	Promote Verb = "promote"
	Abort   Verb = "abort"
	Pause   Verb = "pause"
	Resume  Verb = "resume"
	Retry   Verb = "retry"
	Skip    Verb = "skip"
)

// Command is a person's intent.
type Command struct {
	Intent

	UID  string `json:"uid"`
	Verb Verb   `json:"verb"`
	// Run and Revision are what the command was meant for; empty means whatever is current.
	Run      string `json:"run,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// Intent is who wants something, why and since when.
type Intent struct {
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}
