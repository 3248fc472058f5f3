package v1beta1

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CanaryService says how the target is reached: the three Services (S, S-primary and S-canary) and what the
// provider's routes look like.
type CanaryService struct {
	// name of the Services: S, S-primary and S-canary. Default: the name of the target.
	// +optional
	// +kubebuilder:validation:MaxLength=55
	Name string `json:"name,omitempty"`
	// port on which the Services listen, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// portName is the name of that port. Default http.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	PortName string `json:"portName,omitempty"`
	// targetPort is the number or the name of the container's port. Default: port.
	// +optional
	// +kubebuilder:validation:XIntOrString
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`
	// appProtocol is the protocol of the port as Services name it, such as http, grpc or kubernetes.io/h2c.
	// Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	AppProtocol string `json:"appProtocol,omitempty"`
	// trafficDistribution prefers endpoints that are near the client. Default: none.
	// +optional
	TrafficDistribution TrafficDistribution `json:"trafficDistribution,omitempty"`
	// portDiscovery adds all other container ports of the target to the Services. Default false.
	// +optional
	PortDiscovery bool `json:"portDiscovery,omitempty"`
	// headless gives the Services no cluster IP. Default false.
	// +optional
	Headless bool `json:"headless,omitempty"`

	// timeout of a request, from its first byte to the last byte of the answer. Default: that of the provider.
	// +optional
	Timeout Duration `json:"timeout,omitempty"`
	// backendTimeout of one attempt, where the provider knows it apart from timeout. Default: that of the provider.
	// +optional
	BackendTimeout Duration `json:"backendTimeout,omitempty"`
	// gateways are the Istio gateways that the routes belong to. Default: the mesh itself.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Gateways []Host `json:"gateways,omitempty"`
	// gatewayRefs are the Gateway API parents of the routes. Required by the providers gatewayapi:v1 and
	// gatewayapi:v1beta1.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	GatewayRefs []ParentReference `json:"gatewayRefs,omitempty"`
	// hosts are the names that the routes serve. Default: the name of the Service.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Hosts []Host `json:"hosts,omitempty"`
	// delegation makes an Istio VirtualService without hosts and gateways, for another one to delegate to.
	// Default false.
	// +optional
	Delegation bool `json:"delegation,omitempty"`
	// trafficPolicy is written into the Istio DestinationRules as it is. Default: none.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	TrafficPolicy *runtime.RawExtension `json:"trafficPolicy,omitempty"`
	// match limits the routes to some requests. Default: all requests.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Match []HTTPMatch `json:"match,omitempty"`
	// rewrite changes requests on their way. Default: none.
	// +optional
	Rewrite *Rewrite `json:"rewrite,omitempty"`
	// retries repeats failed requests. Default: those of the provider.
	// +optional
	Retries *Retries `json:"retries,omitempty"`
	// headers changes the headers of requests and answers. Default: none.
	// +optional
	Headers *HeaderRules `json:"headers,omitempty"`
	// mirror copies requests to further services, whatever the canary does. Default: none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Mirror []RequestMirror `json:"mirror,omitempty"`
	// corsPolicy answers cross-origin requests. Default: none.
	// +optional
	CorsPolicy *CorsPolicy `json:"corsPolicy,omitempty"`
	// meshName is the App Mesh that the virtual nodes belong to. Default: the only mesh there is.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	MeshName string `json:"meshName,omitempty"`
	// backends are the App Mesh backends of the virtual nodes. Default: none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Backends []Host `json:"backends,omitempty"`

	// apex is put on the Service S. Default: none.
	// +optional
	Apex *Metadata `json:"apex,omitempty"`
	// primary is put on the Service S-primary. Default: none.
	// +optional
	Primary *Metadata `json:"primary,omitempty"`
	// canary is put on the Service S-canary. Default: none.
	// +optional
	Canary *Metadata `json:"canary,omitempty"`
	// unmanagedMetadata lists what others may write on the Services and routes without Serin undoing it.
	// Default: none.
	// +optional
	UnmanagedMetadata *UnmanagedMetadata `json:"unmanagedMetadata,omitempty"`
}

// TrafficDistribution prefers some endpoints of a Service over others.
//
// +kubebuilder:validation:Enum=PreferClose;PreferSameZone;PreferSameNode
type TrafficDistribution string

// The traffic distributions.
const (
	PreferClose    TrafficDistribution = "PreferClose"
	PreferSameZone TrafficDistribution = "PreferSameZone"
	PreferSameNode TrafficDistribution = "PreferSameNode"
)

// Metadata is put on an object that Serin makes.
type Metadata struct {
	// labels to add.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]Label `json:"labels,omitempty"`
	// annotations to add.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Annotations map[string]Label `json:"annotations,omitempty"`
}

// UnmanagedMetadata lists keys that Serin leaves as it finds them.
type UnmanagedMetadata struct {
	// annotations are keys of annotations.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Annotations []Host `json:"annotations,omitempty"`
	// labels are keys of labels.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Labels []Host `json:"labels,omitempty"`
}

// ParentReference names a Gateway (or another parent) that a route attaches to.
type ParentReference struct {
	// group of the parent. Default gateway.networking.k8s.io.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group *string `json:"group,omitempty"`
	// kind of the parent. Default Gateway.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Kind *string `json:"kind,omitempty"`
	// namespace of the parent. Default: the namespace of the canary.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace *string `json:"namespace,omitempty"`
	// name of the parent.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// sectionName is the listener of the parent. Default: every listener that allows it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SectionName *string `json:"sectionName,omitempty"`
	// port of the parent, 1 to 65535. Default: every port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
}
