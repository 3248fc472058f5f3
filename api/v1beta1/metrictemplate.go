package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetricTemplate is a query that canaries share.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=metrictemplates,singular=metrictemplate,categories=all,scope=Namespaced
// +kubebuilder:printcolumn:name="Provider",type=string,JSONPath=`.spec.provider.type`
type MetricTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is asked, and whom.
	// +required
	Spec MetricTemplateSpec `json:"spec"`
	// status says whether the provider can be used.
	// +optional
	Status ProviderStatus `json:"status,omitzero"`
}

// MetricTemplateList is a list of metric templates.
//
// +kubebuilder:object:root=true
type MetricTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the templates.
	Items []MetricTemplate `json:"items"`
}

// MetricTemplateSpec is a query and who answers it.
type MetricTemplateSpec struct {
	// provider answers the query.
	// +required
	Provider MetricProvider `json:"provider"`
	// query in the language of the provider; its answer is one number. It may hold {{ name }}, {{ namespace }},
	// {{ target }}, {{ service }}, {{ ingress }}, {{ route }}, {{ interval }} and {{ variables.KEY }}. The primary
	// is {{ target }}-primary.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	Query string `json:"query"`
}

// MetricProvider is a source of metrics.
//
// +kubebuilder:validation:XValidation:rule="!has(self.address) || self.address == ” || (isURL(self.address) && url(self.address).getScheme() in ['http', 'https'])",message="the address is not absolute: write http://HOST:PORT or https://HOST:PORT"
type MetricProvider struct {
	// type of the source.
	// +required
	Type MetricProviderType `json:"type"`
	// address of the source, as an http or https URL. Default: that of the builtin metrics for prometheus, the
	// public address of the service for others that have one.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Address string `json:"address,omitempty"`
	// headers are sent with each query, name to values. Default: none.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Headers map[string]HeaderValues `json:"headers,omitempty"`
	// secretRef names a Secret of the same namespace that holds the credentials. Default: none.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// region of the source, for those that have regions. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Region string `json:"region,omitempty"`
	// insecureSkipVerify accepts any certificate of the source. Default false.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// HeaderValues are the values of one header.
//
// +kubebuilder:validation:MaxItems=16
type HeaderValues []Header

// MetricProviderType names a kind of source.
//
// +kubebuilder:validation:Enum=prometheus;datadog;cloudwatch;newrelic;graphite;influxdb;stackdriver;dynatrace;splunk;keptn;externalmetrics
type MetricProviderType string

// MetricProviderPrometheus is the type of a Prometheus, or of what speaks its HTTP API.
const MetricProviderPrometheus MetricProviderType = "prometheus"

// MetricProviderTypes lists every type of source.
func MetricProviderTypes() []MetricProviderType {
	return []MetricProviderType{
		MetricProviderPrometheus, "datadog", "cloudwatch", "newrelic", "graphite", "influxdb", "stackdriver",
		"dynatrace", "splunk", "keptn", "externalmetrics",
	}
}

// ProviderStatus says whether a provider can be used.
type ProviderStatus struct {
	// observedGeneration is the generation that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled as kstatus reads them.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
