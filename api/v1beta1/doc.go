// Package v1beta1 holds the types of the API group flagger.app: what a user writes into a Canary, a
// MetricTemplate or an AlertProvider, and what Serin writes into their status. The types are data only; what a
// canary means is decided in internal/canaryspec.
//
// +kubebuilder:object:generate=true
// +groupName=flagger.app
package v1beta1

// The group, version and kinds of this package.
const (
	Group      = "flagger.app"
	Version    = "v1beta1"
	APIVersion = Group + "/" + Version

	CanaryKind         = "Canary"
	MetricTemplateKind = "MetricTemplate"
	AlertProviderKind  = "AlertProvider"
)

// ConfigTracking is the annotation that takes a ConfigMap or a Secret out of its target's revision, when its
// value is ConfigTrackingDisabled.
const (
	ConfigTracking         = "flagger.app/config-tracking"
	ConfigTrackingDisabled = "disabled"
)
