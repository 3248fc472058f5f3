package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Canary releases new versions of a target safely: a share of the traffic first, all of it when the checks pass,
// none when they fail.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=canaries,singular=canary,shortName=cd,categories=all,scope=Namespaced
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Weight",type=integer,JSONPath=`.status.canaryWeight`
// +kubebuilder:printcolumn:name="Suspended",type=boolean,JSONPath=`.spec.suspend`,priority=1
// +kubebuilder:printcolumn:name="FailedChecks",type=integer,JSONPath=`.status.failedChecks`,priority=1
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.analysis.interval`,priority=1
// +kubebuilder:printcolumn:name="Mirror",type=boolean,JSONPath=`.spec.analysis.mirror`,priority=1
// +kubebuilder:printcolumn:name="StepWeight",type=integer,JSONPath=`.spec.analysis.stepWeight`,priority=1
// +kubebuilder:printcolumn:name="StepWeights",type=string,JSONPath=`.spec.analysis.stepWeights`,priority=1
// +kubebuilder:printcolumn:name="MaxWeight",type=integer,JSONPath=`.spec.analysis.maxWeight`,priority=1
// +kubebuilder:printcolumn:name="LastTransitionTime",type=string,JSONPath=`.status.lastTransitionTime`
type Canary struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the user wants.
	// +required
	Spec CanarySpec `json:"spec"`
	// status is what Serin has done and why. It is not for people to edit.
	// +optional
	Status CanaryStatus `json:"status,omitzero"`
}

// CanaryList is a list of canaries.
//
// +kubebuilder:object:root=true
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the canaries.
	Items []Canary `json:"items"`
}

// CanarySpec says what is released, how its traffic is routed, and what decides.
//
// +kubebuilder:validation:XValidation:rule="has(self.analysis) || (has(self.skipAnalysis) && self.skipAnalysis)",message="the canary has no analysis: write analysis, or skipAnalysis: true to promote without one"
// +kubebuilder:validation:XValidation:rule="!has(self.analysis) || !(has(self.skipAnalysis) && self.skipAnalysis)",message="the canary has both analysis and skipAnalysis: remove one of them"
type CanarySpec struct {
	// provider is the data plane that routes the requests. Default: the provider that the controller was started
	// with. An unknown value is refused, never mapped to another provider.
	// +optional
	Provider Provider `json:"provider,omitempty"`

	// metricsServer is the address of the Prometheus that answers the builtin metrics of this canary, as an http
	// or https URL. Default: the address that the controller was started with.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	MetricsServer string `json:"metricsServer,omitempty"`

	// targetRef names what is released: a Deployment, a DaemonSet or a Service of this namespace.
	// +required
	TargetRef ObjectReference `json:"targetRef"`

	// autoscalerRef names the autoscaler of the target (HorizontalPodAutoscaler or ScaledObject). The primary
	// gets a copy of it, <name>-primary. Default: none.
	// +optional
	AutoscalerRef *AutoscalerReference `json:"autoscalerRef,omitempty"`

	// ingressRef names the Ingress that the nginx and skipper providers start from. Default: none.
	// +optional
	IngressRef *ObjectReference `json:"ingressRef,omitempty"`

	// routeRef names the ApisixRoute that the apisix provider starts from. Default: none.
	// +optional
	RouteRef *ObjectReference `json:"routeRef,omitempty"`

	// upstreamRef names the Gloo Upstream that the gloo provider starts from. Default: none.
	// +optional
	UpstreamRef *ObjectReference `json:"upstreamRef,omitempty"`

	// service says how the target is reached. It may be absent only where the target is a Knative Service.
	// +optional
	Service *CanaryService `json:"service,omitempty"`

	// analysis says how traffic moves and what decides. Exactly one of analysis and skipAnalysis: true is given.
	// +optional
	Analysis *CanaryAnalysis `json:"analysis,omitempty"`

	// progressDeadlineSeconds is the longest time, in seconds, that a canary may make no progress before it
	// fails. Default 600.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=604800
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`

	// skipAnalysis promotes a new revision as soon as its pods are ready, without steps or metrics. Default false.
	// +optional
	SkipAnalysis bool `json:"skipAnalysis,omitempty"`

	// revertOnDeletion gives the target back its replicas, Service and routes when the canary is deleted.
	// Default false: the primary keeps serving.
	// +optional
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`

	// suspend keeps new runs from starting and holds a run in progress where it is. Default false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Provider names a data plane.
//
// +kubebuilder:validation:Enum=kubernetes;"gatewayapi:v1";"gatewayapi:v1beta1";istio;linkerd;"appmesh:v1beta2";"smi:v1alpha1";"smi:v1alpha2";"smi:v1alpha3";osm;kuma;nginx;contour;gloo;traefik;skipper;apisix;knative;envoy
type Provider string

// The providers.
const (
	ProviderKubernetes        Provider = "kubernetes"
	ProviderGatewayAPIV1      Provider = "gatewayapi:v1"
	ProviderGatewayAPIV1Beta1 Provider = "gatewayapi:v1beta1"
	ProviderIstio             Provider = "istio"
	ProviderLinkerd           Provider = "linkerd"
	ProviderAppMesh           Provider = "appmesh:v1beta2"
	ProviderSMIV1Alpha1       Provider = "smi:v1alpha1"
	ProviderSMIV1Alpha2       Provider = "smi:v1alpha2"
	ProviderSMIV1Alpha3       Provider = "smi:v1alpha3"
	ProviderOSM               Provider = "osm"
	ProviderKuma              Provider = "kuma"
	ProviderNginx             Provider = "nginx"
	ProviderContour           Provider = "contour"
	ProviderGloo              Provider = "gloo"
	ProviderTraefik           Provider = "traefik"
	ProviderSkipper           Provider = "skipper"
	ProviderApisix            Provider = "apisix"
	ProviderKnative           Provider = "knative"
	// ProviderEnvoy is Serin's own data plane.
	ProviderEnvoy Provider = "envoy"
)

// Providers lists every provider, in the order in which the documentation names them.
func Providers() []Provider {
	return []Provider{
		ProviderKubernetes, ProviderGatewayAPIV1, ProviderGatewayAPIV1Beta1, ProviderIstio, ProviderLinkerd,
		ProviderAppMesh, ProviderSMIV1Alpha1, ProviderSMIV1Alpha2, ProviderSMIV1Alpha3, ProviderOSM, ProviderKuma,
		ProviderNginx, ProviderContour, ProviderGloo, ProviderTraefik, ProviderSkipper, ProviderApisix,
		ProviderKnative, ProviderEnvoy,
	}
}

// ObjectReference names an object in the namespace of the canary.
type ObjectReference struct {
	// apiVersion is the group and version of the object, such as apps/v1. Default: what the kind is known for.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	APIVersion string `json:"apiVersion,omitempty"`
	// kind of the object, such as Deployment.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// NamespacedReference names a MetricTemplate or an AlertProvider, possibly in another namespace.
type NamespacedReference struct {
	// apiVersion of the object. Default flagger.app/v1beta1.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	APIVersion string `json:"apiVersion,omitempty"`
	// kind of the object. Default: the kind that the field is for.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// namespace of the object. Default: the namespace of the canary.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// AutoscalerReference names the autoscaler of the target and says how the primary's copy differs.
type AutoscalerReference struct {
	ObjectReference `json:",inline"`

	// primaryScalerQueries replaces the queries of the ScaledObject's triggers in the primary's copy. The key is
	// the name of a trigger. Default: the queries of the source, with the primary's names.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	PrimaryScalerQueries map[string]Query `json:"primaryScalerQueries,omitempty"`
	// primaryScalerReplicas replaces the bounds in the primary's copy. Default: those of the source.
	// +optional
	PrimaryScalerReplicas *ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// ScalerReplicas bounds the number of pods that an autoscaler may choose.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",message="minReplicas is larger than maxReplicas: lower one or raise the other"
type ScalerReplicas struct {
	// minReplicas is the lower bound, at least 1. Default: that of the source.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// maxReplicas is the upper bound, at least 1. Default: that of the source.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
}

// Query is a query in the language of a metrics provider.
//
// +kubebuilder:validation:MaxLength=16384
type Query string
