package httpapi

import (
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// Canary is one canary as a list shows it. Weights are parts of 100,000.
type Canary struct {
	Namespace    string            `json:"namespace" doc:"Namespace of the canary"`
	Name         string            `json:"name" doc:"Name of the canary"`
	Phase        rollout.Phase     `json:"phase,omitempty" doc:"Where the canary stands; absent before its first pass"`
	Since        time.Time         `json:"since,omitzero" doc:"When the phase began"`
	Strategy     rollout.Strategy  `json:"strategy,omitempty" doc:"Shape of the plan: canary, a/b test, blue/green or no analysis"`
	Revisions    Revisions         `json:"revisions" doc:"What is served, wanted and tried"`
	Weight       Shares            `json:"weight" doc:"The canary's share of the requests, in parts of 100,000"`
	Step         Progress          `json:"step" doc:"Position in the plan"`
	FailedChecks int               `json:"failedChecks" doc:"Checks of the current run that failed"`
	Threshold    int               `json:"threshold" doc:"Number of failed checks that takes the run back"`
	Wait         *rollout.Wait     `json:"wait,omitempty" doc:"What the canary waits for now"`
	Paused       *rollout.Intent   `json:"paused,omitempty" doc:"Who paused this canary"`
	Brake        *rollout.Intent   `json:"brake,omitempty" doc:"Who paused the whole installation"`
	Suspended    bool              `json:"suspended,omitempty" doc:"The manifest says suspend: true"`
	PrimaryPods  Pods              `json:"primary" doc:"Pods of the promoted version"`
	CanaryPods   Pods              `json:"canary" doc:"Pods of the version under test"`
	Run          *Attempt          `json:"run,omitempty" doc:"The current run, or the last one"`
	Metrics      []analysis.Result `json:"metrics,omitempty" doc:"What the latest check saw"`
	Addresses    []Address         `json:"addresses,omitempty" doc:"Where the services are reached"`
	Warnings     []string          `json:"warnings,omitempty" doc:"What the author of the manifest should know"`
	Problem      string            `json:"problem,omitempty" doc:"Why the canary cannot act"`
}

// Detail is one canary with its plan.
type Detail struct {
	Canary

	Interval string             `json:"interval" doc:"Length of one analysis step"`
	Plan     []rollout.PlanStep `json:"plan,omitempty" doc:"The steps that a run goes through"`
	Traffic  TrafficView        `json:"traffic" doc:"Where requests go"`
}

// Revisions are the versions that matter for one canary.
type Revisions struct {
	Promoted string `json:"promoted,omitempty" doc:"Revision that the primary serves by right"`
	Wanted   string `json:"wanted,omitempty" doc:"Revision that the manifest asks for"`
	Tried    string `json:"tried,omitempty" doc:"Last revision that had a run"`
}

// Shares are the wanted and the acknowledged share of the requests.
type Shares struct {
	Wanted rollout.Weight `json:"wanted" doc:"What is written"`
	Acked  rollout.Weight `json:"acked" doc:"What the data plane has acknowledged"`
}

// Progress is a position in a plan.
type Progress struct {
	At int `json:"at" doc:"Number of the current step, from 1; 0 outside the steps"`
	Of int `json:"of" doc:"Number of steps"`
}

// Pods counts the pods of one side.
type Pods struct {
	Ready  int    `json:"ready" doc:"Pods that are ready"`
	Wanted int    `json:"wanted" doc:"Pods that there should be"`
	Why    string `json:"why,omitempty" doc:"What keeps pods from being ready"`
}

// Attempt is the head of a run.
type Attempt struct {
	Name     string          `json:"name" doc:"Name of the run"`
	Revision string          `json:"revision" doc:"Revision that is tried"`
	Started  time.Time       `json:"started" doc:"When the run began"`
	Ended    time.Time       `json:"ended,omitzero" doc:"When the run was over"`
	Stage    rollout.Stage   `json:"stage,omitempty" doc:"Where the run stands inside its phase"`
	Outcome  rollout.Outcome `json:"outcome,omitempty" doc:"The verdict, once there is one"`
	Reason   string          `json:"reason,omitempty" doc:"The verdict in one word"`
	Message  string          `json:"message,omitempty" doc:"The verdict in a sentence"`
	// NextCheck may lie in the past, while the answers of a check are awaited.
	NextCheck time.Time `json:"nextCheck,omitzero" doc:"When the next check of the current step is due; absent while none is planned"`
}

// Address is where one service of a canary is reached.
type Address struct {
	Service string `json:"service" doc:"Name of the service"`
	URL     string `json:"url" doc:"Where it is reached"`
	// Port is the name of the port, for a container with several of them.
	Port string `json:"port,omitempty" doc:"Name of the port, where there are several"`
}

// TrafficView is what is written and acknowledged in the data plane.
type TrafficView struct {
	Wanted   rollout.Split `json:"wanted" doc:"What is written"`
	Acked    rollout.Split `json:"acked" doc:"What the data plane has acknowledged"`
	Rejected string        `json:"rejected,omitempty" doc:"The data plane's own sentence when it refused what is written"`
	Problem  string        `json:"problem,omitempty" doc:"Why the data plane could not be read"`
}

// Object is a manifest that the daemon works with. Its content is not shown, since it may be a Secret; the digest says
// whether two are the same.
type Object struct {
	Kind      string `json:"kind" doc:"Kind of the object"`
	Namespace string `json:"namespace" doc:"Namespace of the object"`
	Name      string `json:"name" doc:"Name of the object"`
	File      string `json:"file,omitempty" doc:"File that it was read from"`
	Digest    string `json:"digest" doc:"Fingerprint of its content"`
}

// View makes what the API shows of a snapshot.
func (s *Snapshot) View() Detail {
	spec := s.Spec.Default()
	plan, _, err := rollout.Compile(s.Spec)
	problem := s.Problem
	if problem == "" && err != nil {
		problem = err.Error()
	}
	return Detail{
		Canary: Canary{
			Namespace: s.Key.Namespace, Name: s.Key.Name,
			Phase: s.State.Phase, Since: s.State.Since, Strategy: plan.Strategy,
			Revisions: Revisions{Promoted: s.State.Promoted, Wanted: s.Workload.Target.Revision, Tried: s.State.Tried},
			Weight:    Shares{Wanted: s.Traffic.Split.Canary, Acked: s.Traffic.Acked.Canary},
			Step:      s.position(plan),
			Threshold: spec.Threshold, FailedChecks: s.failedChecks(),
			Wait: s.wait(), Paused: s.State.Paused, Brake: s.Brake, Suspended: s.Spec.Suspend,
			PrimaryPods: pods(s.Workload.Primary), CanaryPods: pods(s.Workload.Canary),
			Run: s.attempt(), Metrics: s.metrics(),
			Addresses: s.Addresses, Warnings: s.Warnings, Problem: problem,
		},
		Interval: spec.Interval.String(),
		Plan:     plan.Steps,
		Traffic:  s.traffic(),
	}
}

// over says whether the run in the state is history already.
func (s *Snapshot) over() bool { return s.State.Run == nil || s.State.Run.Stage == rollout.Done }

func (s *Snapshot) position(plan rollout.Plan) Progress {
	p := Progress{Of: len(plan.Steps)}
	if !s.over() && s.State.Phase != rollout.Failed {
		p.At = min(s.State.Run.Step+1, p.Of)
	}
	return p
}

func (s *Snapshot) failedChecks() int {
	if s.State.Run == nil {
		return 0
	}
	return s.State.Run.FailedChecks
}

func (s *Snapshot) wait() *rollout.Wait {
	if s.State.Wait.Reason == "" {
		return nil
	}
	wait := s.State.Wait
	return &wait
}

func (s *Snapshot) metrics() []analysis.Result {
	if s.State.Run == nil {
		return nil
	}
	return s.State.Run.Results
}

func (s *Snapshot) attempt() *Attempt {
	r := s.State.Run
	if r == nil {
		return nil
	}
	return &Attempt{
		Name: r.Name, Revision: r.Revision, Started: r.Started, Ended: r.Ended, Stage: r.Stage,
		Outcome: r.Outcome, Reason: r.Reason, Message: r.Message, NextCheck: nextCheck(r),
	}
}

// nextCheck is when the run looks at its step again: only a step whose split is in force is looked at.
func nextCheck(r *rollout.Run) time.Time {
	if r.Stage != rollout.Stepping || r.Acked.IsZero() {
		return time.Time{}
	}
	return r.Due
}

func (s *Snapshot) traffic() TrafficView {
	view := TrafficView{Wanted: s.Traffic.Split, Acked: s.Traffic.Acked, Rejected: s.Traffic.Rejected}
	if s.Traffic.Problem != nil {
		view.Problem = s.Traffic.Problem.Message
	}
	return view
}

func pods(side rollout.Side) Pods {
	return Pods{Ready: side.Ready, Wanted: side.Replicas, Why: side.Why}
}
