package v1beta1

// Duration is a length of time as a number with a unit: 500ms, 30s, 1m, 2h.
//
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
type Duration string

// Label is the value of a label, an annotation or a piece of metadata.
//
// +kubebuilder:validation:MaxLength=16384
type Label string

// Host is a name that clients use to reach a service.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
type Host string

// Header is the name or the value of an HTTP header, a method or an origin.
//
// +kubebuilder:validation:MaxLength=8192
type Header string

// Match compares a text. Exactly one of its fields is set.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Match struct {
	// exact is the whole text.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Exact *string `json:"exact,omitempty"`
	// prefix is how the text begins.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Prefix *string `json:"prefix,omitempty"`
	// suffix is how the text ends.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Suffix *string `json:"suffix,omitempty"`
	// regex is an RE2 expression that the whole text meets.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Regex *string `json:"regex,omitempty"`
}
