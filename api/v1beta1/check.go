package v1beta1

// The names of the builtin metrics.
const (
	// MetricSuccessRate is the percentage of requests that were not answered with 5xx.
	MetricSuccessRate = "request-success-rate"
	// MetricDuration is the 99th percentile of the time to answer, in milliseconds.
	MetricDuration = "request-duration"
)

// CanaryMetric is a value with its limits. A value on a limit is within it.
//
// +kubebuilder:validation:XValidation:rule="[has(self.templateRef), has(self.query) && self.query != ”, self.name in ['request-success-rate', 'request-duration']].filter(x, x).size() == 1",message="write exactly one of templateRef and query, or the name of a builtin metric: request-success-rate or request-duration"
type CanaryMetric struct {
	// name of the metric, unique in the canary. request-success-rate (percent) and request-duration (milliseconds,
	// 99th percentile) are built in.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// interval is the window that a query looks back over, as {{ interval }} in its text. Builtin metrics count
	// since the weight was acknowledged and do not use it. Default 1m.
	// +optional
	Interval Window `json:"interval,omitempty"`
	// thresholdRange holds the limits. A check fails where the value is outside.
	// +optional
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`
	// threshold is the least request-success-rate, or the largest value of any other metric. Deprecated: write
	// thresholdRange, which wins where both are given.
	// +optional
	Threshold *float64 `json:"threshold,omitempty"`
	// query is inline PromQL. Deprecated: write templateRef and a MetricTemplate.
	// +optional
	Query Query `json:"query,omitempty"`
	// templateRef names the MetricTemplate that answers this metric.
	// +optional
	TemplateRef *NamespacedReference `json:"templateRef,omitempty"`
	// templateVariables are what {{ variables.KEY }} stands for in the template of templateRef. Default: none.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	TemplateVariables map[string]Label `json:"templateVariables,omitempty"`
}

// Window is a length of time in the notation of PromQL: 30s, 1m, 1h30m, 7d.
//
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^([0-9]+(ms|s|m|h|d|w|y))+$`
type Window string

// ThresholdRange holds the limits of a metric. Both are inclusive.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min is larger than max: no value can pass"
type ThresholdRange struct {
	// min is the least value that passes. Default: no lower limit.
	// +optional
	Min *float64 `json:"min,omitempty"`
	// max is the largest value that passes. Default: no upper limit.
	// +optional
	Max *float64 `json:"max,omitempty"`
}

// CanaryWebhook asks or tells a third party with an HTTP POST. An answer of 2xx means yes.
//
// +kubebuilder:validation:XValidation:rule="!has(self.deadline) || (has(self.type) && self.type in ['confirm-rollout', 'confirm-traffic-increase', 'confirm-promotion'])",message="deadline is for gates: remove it, or make the type confirm-rollout, confirm-traffic-increase or confirm-promotion"
type CanaryWebhook struct {
	// type says when the hook is called and what its answer decides. Default rollout.
	// +optional
	Type WebhookType `json:"type,omitempty"`
	// name of the hook, for events and logs. Default: its type.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// url that is called, http or https.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="the url is not absolute: write http://HOST/PATH or https://HOST/PATH"
	URL string `json:"url"`
	// timeout of one call. Default 10s.
	// +optional
	Timeout Duration `json:"timeout,omitempty"`
	// deadline is how long a gate may stay closed before the run fails. Default: for ever.
	// +optional
	Deadline Duration `json:"deadline,omitempty"`
	// metadata is sent with the call. Default: none.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Metadata map[string]Label `json:"metadata,omitempty"`
	// retries is how often a call without a usable answer is repeated at once, 0 to 100. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Retries int32 `json:"retries,omitempty"`
	// muteAlert keeps alerts about this hook from being sent. Default false.
	// +optional
	MuteAlert bool `json:"muteAlert,omitempty"`
	// disableTLS accepts any certificate of the other side. Default false.
	// +optional
	DisableTLS bool `json:"disableTLS,omitempty"` //nolint:tagliatelle // the field is spelled so in manifests that exist
	// secretRef names a Secret of the canary's namespace whose key token is sent as a bearer token in the
	// Authorization header. Default: none.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// WebhookType says when a hook is called.
//
// +kubebuilder:validation:Enum=confirm-rollout;pre-rollout;rollout;confirm-traffic-increase;confirm-promotion;post-rollout;rollback;event
type WebhookType string

// The webhook types.
const (
	ConfirmRollout         WebhookType = "confirm-rollout"
	PreRollout             WebhookType = "pre-rollout"
	DuringRollout          WebhookType = "rollout"
	ConfirmTrafficIncrease WebhookType = "confirm-traffic-increase"
	ConfirmPromotion       WebhookType = "confirm-promotion"
	PostRollout            WebhookType = "post-rollout"
	Rollback               WebhookType = "rollback"
	Event                  WebhookType = "event"
)

// WebhookTypes lists every webhook type, in the order in which a run meets them.
func WebhookTypes() []WebhookType {
	return []WebhookType{
		ConfirmRollout, PreRollout, DuringRollout, ConfirmTrafficIncrease, ConfirmPromotion, PostRollout, Rollback, Event,
	}
}

// SecretReference names a Secret of the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// CanaryAlert sends the events of a canary to an AlertProvider.
type CanaryAlert struct {
	// name of the alert, unique in the canary.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// severity is the least severity that is sent: info, warn or error. Default info.
	// +optional
	Severity AlertSeverity `json:"severity,omitempty"`
	// providerRef names the AlertProvider.
	// +required
	ProviderRef NamespacedReference `json:"providerRef"`
}

// AlertSeverity says how loud an event is.
//
// +kubebuilder:validation:Enum=info;warn;error
type AlertSeverity string

// The severities.
const (
	SeverityInfo  AlertSeverity = "info"
	SeverityWarn  AlertSeverity = "warn"
	SeverityError AlertSeverity = "error"
)
