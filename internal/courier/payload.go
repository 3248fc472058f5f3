package courier

// Payload is the body of every webhook of the Canary API. Receivers that were written for Flagger read the first
// five fields; the others are Serin's.
type Payload struct {
	// Name and Namespace are those of the canary.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Phase is where the canary stands.
	Phase string `json:"phase"`
	// Checksum identifies the revision; it is the same as Revision.
	Checksum string `json:"checksum"`
	// Metadata is what the user wrote, and for event hooks what happened. It is never null.
	Metadata map[string]string `json:"metadata"`

	// Type is the hook's type.
	Type string `json:"type"`
	// EventID is the same on every delivery of one question or event: receivers drop what they know already.
	EventID  string `json:"eventId"`
	Run      string `json:"run,omitempty"`
	Revision string `json:"revision,omitempty"`
	// Weight is the canary's share of the requests, in percent.
	Weight float64 `json:"weight"`
}
