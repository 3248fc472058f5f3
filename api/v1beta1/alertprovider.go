package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AlertProvider is a place where people read alerts.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=alertproviders,singular=alertprovider,categories=all,scope=Namespaced
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
type AlertProvider struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is where alerts go.
	// +required
	Spec AlertProviderSpec `json:"spec"`
	// status says whether the provider can be used.
	// +optional
	Status ProviderStatus `json:"status,omitzero"`
}

// AlertProviderList is a list of alert providers.
//
// +kubebuilder:object:root=true
type AlertProviderList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the providers.
	Items []AlertProvider `json:"items"`
}

// AlertProviderSpec says where alerts go.
//
// +kubebuilder:validation:XValidation:rule="(has(self.address) && self.address != ”) != has(self.secretRef)",message="write exactly one of address and secretRef"
// +kubebuilder:validation:XValidation:rule="!has(self.address) || self.address == ” || (isURL(self.address) && url(self.address).getScheme() in ['http', 'https'])",message="the address is not absolute: write https://HOST/PATH"
type AlertProviderSpec struct {
	// type of the receiver: slack, msteams, discord, rocket, gchat, or generic for one that takes the event as JSON.
	// +required
	Type AlertProviderType `json:"type"`
	// channel that the alert is posted to. Default: the one that the address belongs to.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Channel string `json:"channel,omitempty"`
	// username that posts the alert. Default: the one that the address belongs to.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Username string `json:"username,omitempty"`
	// address is the webhook of the receiver, as an http or https URL. Exactly one of address and secretRef is
	// given.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Address string `json:"address,omitempty"`
	// secretRef names a Secret of the same namespace with the keys address and, where the receiver needs one,
	// token.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
	// proxy that the alert is sent through, as an http or https URL. Default: none.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Proxy string `json:"proxy,omitempty"`
}

// AlertProviderType names a kind of receiver.
//
// +kubebuilder:validation:Enum=slack;msteams;discord;rocket;gchat;generic
type AlertProviderType string

// The kinds of receivers that Serin delivers to. A generic receiver gets the event as JSON.
const (
	AlertSlack   AlertProviderType = "slack"
	AlertGeneric AlertProviderType = "generic"
)

// AlertProviderTypes lists every kind of receiver.
func AlertProviderTypes() []AlertProviderType {
	return []AlertProviderType{AlertSlack, "msteams", "discord", "rocket", "gchat", AlertGeneric}
}
