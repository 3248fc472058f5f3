package v1beta1

// HTTPMatch chooses requests. All of its fields must be met.
type HTTPMatch struct {
	// name of the match, for logs of the provider. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// uri compares the path.
	// +optional
	URI *Match `json:"uri,omitempty"`
	// ignoreUriCase compares the path without regard to case. Default false.
	// +optional
	IgnoreURICase bool `json:"ignoreUriCase,omitempty"`
	// scheme compares the scheme.
	// +optional
	Scheme *Match `json:"scheme,omitempty"`
	// method compares the HTTP method.
	// +optional
	Method *Match `json:"method,omitempty"`
	// authority compares the host of the request.
	// +optional
	Authority *Match `json:"authority,omitempty"`
	// headers compares headers, by name. All must be met.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Headers map[string]Match `json:"headers,omitempty"`
	// withoutHeaders compares headers, by name. None may be met.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	WithoutHeaders map[string]Match `json:"withoutHeaders,omitempty"`
	// queryParams compares query parameters, by name. All must be met.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	QueryParams map[string]Match `json:"queryParams,omitempty"`
	// port on which the request arrived, 1 to 65535.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// sourceLabels are labels that the pods of the client have. Meshes only.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	SourceLabels map[string]Label `json:"sourceLabels,omitempty"`
	// sourceNamespace is the namespace of the client. Meshes only.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	SourceNamespace string `json:"sourceNamespace,omitempty"`
	// gateways limits the match to some gateways. Istio only.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Gateways []Host `json:"gateways,omitempty"`
}

// Rewrite changes requests on their way to the target.
type Rewrite struct {
	// uri replaces the path, or the part of it that was matched. Default: unchanged.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	URI string `json:"uri,omitempty"`
	// authority replaces the host. Default: unchanged.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Authority string `json:"authority,omitempty"`
	// type says what uri replaces: ReplaceFullPath or ReplacePrefixMatch. Gateway API only. Default
	// ReplaceFullPath.
	// +optional
	Type RewriteType `json:"type,omitempty"`
}

// RewriteType says which part of a path is replaced.
//
// +kubebuilder:validation:Enum=ReplaceFullPath;ReplacePrefixMatch
type RewriteType string

// The rewrite types.
const (
	ReplaceFullPath    RewriteType = "ReplaceFullPath"
	ReplacePrefixMatch RewriteType = "ReplacePrefixMatch"
)

// Retries repeats failed requests.
type Retries struct {
	// attempts is how often a request is repeated, 0 to 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Attempts int32 `json:"attempts,omitempty"`
	// perTryTimeout is the timeout of one attempt. Default: that of the request.
	// +optional
	PerTryTimeout Duration `json:"perTryTimeout,omitempty"`
	// retryOn lists the failures that are worth another attempt, such as 5xx,connect-failure. Default: those of
	// the provider.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	RetryOn string `json:"retryOn,omitempty"`
}

// HeaderRules changes the headers of requests and of answers.
type HeaderRules struct {
	// request changes the headers of requests.
	// +optional
	Request *HeaderRule `json:"request,omitempty"`
	// response changes the headers of answers.
	// +optional
	Response *HeaderRule `json:"response,omitempty"`
}

// HeaderRule changes headers.
type HeaderRule struct {
	// add appends values.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Add map[string]Header `json:"add,omitempty"`
	// set replaces values.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Set map[string]Header `json:"set,omitempty"`
	// remove takes headers away.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Remove []Header `json:"remove,omitempty"`
}

// RequestMirror copies requests to a service whose answers nobody waits for.
//
// +kubebuilder:validation:XValidation:rule="!has(self.percent) || !has(self.fraction)",message="the mirror has both percent and fraction: remove one of them"
type RequestMirror struct {
	// backendRef names the service that gets the copies.
	// +required
	BackendRef BackendReference `json:"backendRef"`
	// percent of the requests that are copied, 0 to 100. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Percent *int32 `json:"percent,omitempty"`
	// fraction of the requests that are copied. Default: all of them.
	// +optional
	Fraction *Fraction `json:"fraction,omitempty"`
}

// Fraction is a share of requests.
//
// +kubebuilder:validation:XValidation:rule="self.numerator <= (has(self.denominator) ? self.denominator : 100)",message="numerator is larger than denominator: a share is at most the whole"
type Fraction struct {
	// numerator of the share, at least 0.
	// +required
	// +kubebuilder:validation:Minimum=0
	Numerator int32 `json:"numerator"`
	// denominator of the share, at least 1. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Denominator *int32 `json:"denominator,omitempty"`
}

// BackendReference names a Service, or another object that takes requests.
type BackendReference struct {
	// group of the object. Default: the core group.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group *string `json:"group,omitempty"`
	// kind of the object. Default Service.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Kind *string `json:"kind,omitempty"`
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// namespace of the object. Default: the namespace of the canary.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace *string `json:"namespace,omitempty"`
	// port of the Service, 1 to 65535.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`
}

// CorsPolicy answers cross-origin requests.
type CorsPolicy struct {
	// allowOrigin lists origins. Deprecated: write allowOrigins.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowOrigin []Header `json:"allowOrigin,omitempty"`
	// allowOrigins compares origins.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowOrigins []Match `json:"allowOrigins,omitempty"`
	// allowMethods lists methods.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	AllowMethods []Header `json:"allowMethods,omitempty"`
	// allowHeaders lists headers that a request may have.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowHeaders []Header `json:"allowHeaders,omitempty"`
	// exposeHeaders lists headers of the answer that the browser may see.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	ExposeHeaders []Header `json:"exposeHeaders,omitempty"`
	// maxAge is how long a preflight answer may be kept.
	// +optional
	MaxAge Duration `json:"maxAge,omitempty"`
	// allowCredentials says that a request may carry credentials. Default: not said.
	// +optional
	AllowCredentials *bool `json:"allowCredentials,omitempty"`
}
