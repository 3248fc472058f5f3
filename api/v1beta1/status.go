package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryStatus is what Serin has done, and why.
type CanaryStatus struct {
	// observedGeneration is the generation of the canary that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// phase is where the canary stands.
	// +optional
	Phase CanaryPhase `json:"phase,omitempty"`
	// failedChecks counts the failed checks of the run.
	// +optional
	// +kubebuilder:validation:Minimum=0
	FailedChecks int32 `json:"failedChecks,omitempty"`
	// canaryWeight is the share of the requests that the canary was given last, in percent.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CanaryWeight int32 `json:"canaryWeight"`
	// iterations counts the passed checks of an A/B test or of a blue/green release.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Iterations int32 `json:"iterations,omitempty"`
	// trackedConfigs maps configmap/NAME and secret/NAME to a short hash of their content at the last run.
	// +optional
	// +kubebuilder:validation:MaxProperties=256
	TrackedConfigs map[string]ShortText `json:"trackedConfigs,omitempty"`
	// lastAppliedSpec is the revision that had the last run.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	LastAppliedSpec string `json:"lastAppliedSpec,omitempty"`
	// lastPromotedSpec is the revision that the primary serves.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	LastPromotedSpec string `json:"lastPromotedSpec,omitempty"`
	// sessionAffinityCookie is the cookie that binds clients to the canary during this run.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	SessionAffinityCookie string `json:"sessionAffinityCookie,omitempty"`
	// primarySessionAffinityCookie is the cookie that binds clients to the primary during this step.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	PrimarySessionAffinityCookie string `json:"primarySessionAffinityCookie,omitempty"`
	// previousSessionAffinityCookie is the cookie of the run before, which is taken away from clients.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	PreviousSessionAffinityCookie string `json:"previousSessionAffinityCookie,omitempty"`
	// lastTransitionTime is when the phase began.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`

	// run is the name of the attempt in progress, or of the last one.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Run string `json:"run,omitempty"`
	// currentStep says which step of how many the run is at.
	// +optional
	CurrentStep *StepStatus `json:"currentStep,omitempty"`
	// weightsWanted is the split that Serin wrote last.
	// +optional
	WeightsWanted *Weights `json:"weightsWanted,omitempty"`
	// weightsAcknowledged is the split that the data plane has confirmed.
	// +optional
	WeightsAcknowledged *Weights `json:"weightsAcknowledged,omitempty"`
	// metrics are the latest values with their limits.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Metrics []MetricStatus `json:"metrics,omitempty"`
	// waiting says what the canary waits for, since when, and what ends it.
	// +optional
	Waiting *WaitStatus `json:"waiting,omitempty"`

	// conditions are Promoted, and Ready, Reconciling and Stalled as kstatus reads them.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty" patchMergeKey:"type" patchStrategy:"merge"`
}

// The condition types of a canary.
const (
	// ConditionPromoted is true in Initialized and Succeeded, false in Failed, and unknown otherwise. Its reason is
	// the phase.
	ConditionPromoted = "Promoted"
	// ConditionReady says that the canary is at rest and serves what was promoted.
	ConditionReady = "Ready"
	// ConditionReconciling says that a run is in progress.
	ConditionReconciling = "Reconciling"
	// ConditionStalled says that Serin cannot go on until somebody changes something.
	ConditionStalled = "Stalled"
)

// CanaryPhase is where a canary stands.
//
// +kubebuilder:validation:Enum="";Initializing;Initialized;Waiting;Progressing;WaitingPromotion;Promoting;Finalising;Succeeded;Failed;Terminating;Terminated
type CanaryPhase string

// ShortText is a hash or a name.
//
// +kubebuilder:validation:MaxLength=128
type ShortText string

// StepStatus is a place in the plan.
type StepStatus struct {
	// number of the step, from 1. 0 means before the first.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Number int32 `json:"number"`
	// of is how many steps the plan has.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Of int32 `json:"of"`
}

// Weights is a split of the requests in thousandths of a percent, so that they are whole numbers: 100000 is all.
type Weights struct {
	// primary is the primary's share.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	Primary int32 `json:"primary"`
	// canary is the canary's share.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	Canary int32 `json:"canary"`
	// mirror is the share of the primary's requests that is copied to the canary.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	Mirror int32 `json:"mirror,omitempty"`
}

// MetricStatus is what one metric said last.
type MetricStatus struct {
	// name of the metric.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// outcome is pass, failed, no-data, unavailable or error.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Outcome string `json:"outcome,omitempty"`
	// value that was measured, as a decimal number. Absent where there was none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Value string `json:"value,omitempty"`
	// unit of the value: %, ms or nothing.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Unit string `json:"unit,omitempty"`
	// limits that the value has to keep, such as >= 99 or <= 500.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Limits string `json:"limits,omitempty"`
	// message says in a sentence what was seen.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// WaitStatus is what a canary waits for.
type WaitStatus struct {
	// reason in one word.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Reason string `json:"reason,omitempty"`
	// message says in a sentence what is waited for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// since when.
	// +optional
	Since metav1.Time `json:"since,omitzero"`
	// until when at most. Absent where a person or a gate ends it.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// ends says what ends the wait.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Ends string `json:"ends,omitempty"`
}
