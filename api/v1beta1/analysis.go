package v1beta1

// CanaryAnalysis says how the traffic moves and what decides.
//
// +kubebuilder:validation:XValidation:rule="[has(self.iterations) && self.iterations > 0, has(self.stepWeight) && self.stepWeight > 0, has(self.stepWeights) && size(self.stepWeights) > 0].filter(x, x).size() == 1",message="write exactly one of iterations, stepWeight and stepWeights"
// +kubebuilder:validation:XValidation:rule="!has(self.stepWeight) || !has(self.maxWeight) || self.maxWeight == 0 || self.maxWeight >= self.stepWeight",message="maxWeight is smaller than stepWeight: raise maxWeight or lower stepWeight"
type CanaryAnalysis struct {
	// interval is the length of one analysis step, at least 1s. Default 60s.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="the interval is shorter than 1s: write 1s or more"
	Interval Duration `json:"interval,omitempty"`
	// threshold is the number of failed checks in one run that rolls the canary back. They add up; a check that
	// passes takes none away. Default 1.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Threshold int32 `json:"threshold,omitempty"`

	// iterations is the number of checks that have to pass: with match it is an A/B test, without it a blue/green
	// release. Exactly one of iterations, stepWeight and stepWeights is given.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Iterations int32 `json:"iterations,omitempty"`
	// stepWeight is what the canary gains per step, in percent of the requests, until maxWeight.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeight int32 `json:"stepWeight,omitempty"`
	// maxWeight is the canary's largest weight, in percent. The last step is capped at it. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxWeight int32 `json:"maxWeight,omitempty"`
	// stepWeights lists the canary's weights, in percent, each larger than the one before.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=100
	// +kubebuilder:validation:XValidation:rule="self.all(i, self.exists_one(j, i == j)) && self.isSorted()",message="stepWeights must rise: write each weight larger than the one before"
	StepWeights []int32 `json:"stepWeights,omitempty"`
	// stepWeightPromotion is what the primary gains per step, in percent, while the traffic moves back to it after
	// the promotion. Default 0: all at once.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeightPromotion int32 `json:"stepWeightPromotion,omitempty"`
	// mirror copies requests of the primary to the canary for one step before the first weight, or for the whole
	// of a blue/green release. The copies' answers are thrown away. Default false.
	// +optional
	Mirror bool `json:"mirror,omitempty"`
	// mirrorWeight is the share of the requests that is copied, in percent. It needs mirror. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MirrorWeight int32 `json:"mirrorWeight,omitempty"`
	// primaryReadyThreshold is the share of the primary's pods that must be available, in percent. Default 100.
	// With 0 one pod is enough.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`
	// canaryReadyThreshold is the share of the canary's pods that must be available, in percent. Default 100.
	// With 0 one pod is enough.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty"`

	// match chooses the requests that an A/B test sends to the canary; those that meet any entry go there. It
	// needs iterations. Default: none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Match []Condition `json:"match,omitempty"`
	// sessionAffinity keeps a client on the version that answered it first. Default: none.
	// +optional
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`

	// metrics are looked at in every step. Default: none.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Metrics []CanaryMetric `json:"metrics,omitempty"`
	// webhooks ask third parties, or tell them. Default: none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Webhooks []CanaryWebhook `json:"webhooks,omitempty"`
	// alerts tell people. Default: none.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Alerts []CanaryAlert `json:"alerts,omitempty"`
}

// Condition chooses requests of an A/B test. All of its fields must be met.
//
// +kubebuilder:validation:MinProperties=1
type Condition struct {
	// headers compares headers, by name. All must be met. A cookie is part of the header named cookie.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Headers map[string]Match `json:"headers,omitempty"`
	// queryParams compares query parameters, by name. All must be met.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	QueryParams map[string]Match `json:"queryParams,omitempty"`
	// sourceLabels are labels that the pods of the client have. Meshes only.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	SourceLabels map[string]Label `json:"sourceLabels,omitempty"`
}

// SessionAffinity keeps a client on the version that answered it first, by cookies.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.cookieName != self.primaryCookieName",message="cookieName and primaryCookieName are the same: give each version a cookie of its own"
type SessionAffinity struct {
	// cookieName is the cookie of the clients that the canary answered.
	// +required
	CookieName CookieName `json:"cookieName"`
	// primaryCookieName is the cookie of the clients that the primary answered. Default: they have none and are
	// drawn again with each request.
	// +optional
	PrimaryCookieName CookieName `json:"primaryCookieName,omitempty"`
	// domain of the cookies. Default: the host that set them.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Domain string `json:"domain,omitempty"`
	// httpOnly hides the cookies from scripts. Default false.
	// +optional
	HTTPOnly bool `json:"httpOnly,omitempty"`
	// maxAge of the cookies, in seconds. Default 86400, a day.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	MaxAge int32 `json:"maxAge,omitempty"`
	// partitioned keeps the cookies apart for each site that embeds this one. Default false.
	// +optional
	Partitioned bool `json:"partitioned,omitempty"`
	// path of the cookies. Default: that of the request.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path,omitempty"`
	// sameSite says whether requests of other sites carry the cookies. Default: what the browser does.
	// +optional
	SameSite SameSite `json:"sameSite,omitempty"`
	// secure sends the cookies over TLS only. Browsers demand it where sameSite is None. Default false.
	// +optional
	Secure bool `json:"secure,omitempty"`
}

// CookieName is the name of a cookie.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:Pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
type CookieName string

// SameSite says whether requests of other sites carry a cookie.
//
// +kubebuilder:validation:Enum=Strict;Lax;None
type SameSite string

// The values of sameSite.
const (
	SameSiteStrict SameSite = "Strict"
	SameSiteLax    SameSite = "Lax"
	SameSiteNone   SameSite = "None"
)
