package table

import (
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Key names one service.
type Key struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String returns NAMESPACE/NAME.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Cluster returns the name of the cluster of one side: the name under which a data plane counts its requests.
func (k Key) Cluster(side rollout.SideName) string { return k.String() + "-" + string(side) }

// Service is one service S with its two versions. It is immutable once it is in a Table.
type Service struct {
	Key

	// Hosts are further host names of S on the shared listener: exact names, *.SUFFIX, or * for all the rest.
	Hosts []string `json:"hosts,omitempty"`
	// Private keeps S off the shared listener.
	Private bool `json:"private,omitempty"`
	// Listen are the addresses of S's own, each HOST:PORT or empty for none.
	Listen Listen `json:"listen,omitzero"`
	// Protocol is what the endpoints speak.
	Protocol Protocol `json:"protocol,omitempty"`

	// Primary and Canary are where the two versions can be reached: ready endpoints only.
	Primary []Endpoint `json:"primary,omitempty"`
	Canary  []Endpoint `json:"canary,omitempty"`

	// Split says how S's requests are divided. While it is nil nobody has decided: requests go to the primary if it
	// has endpoints, else to the canary, which then is the target as it was before Serin.
	Split *rollout.Split `json:"split,omitempty"`
	// Returned says that the target was given back: without a Split its own endpoints, the canary's, come first.
	Returned bool `json:"returned,omitempty"`
	// Match are the A/B conditions: a request meets them if it meets all of any one Condition.
	Match []Condition `json:"match,omitempty"`
	// Affinity describes the cookies that keep sessions on their side; nil means none.
	Affinity *Affinity `json:"affinity,omitempty"`

	// Timeout bounds a whole exchange, except for upgraded connections; 0 means no bound.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retries says when a request is tried again; nil means only after a failed connect.
	Retries *Retries `json:"retries,omitempty"`
	// Request and Response are changes to headers on their way.
	Request  HeaderChange `json:"request,omitzero"`
	Response HeaderChange `json:"response,omitzero"`
	Rewrite  Rewrite      `json:"rewrite,omitzero"`
	CORS     *CORS        `json:"cors,omitempty"`
}

// Listen are the stable addresses of one service. Those of the sides send everything to their side.
type Listen struct {
	Apex    string `json:"apex,omitempty"`
	Primary string `json:"primary,omitempty"`
	Canary  string `json:"canary,omitempty"`
}

// Protocol is what the endpoints of a service speak.
type Protocol string

// The protocols.
const (
	// HTTP1 is HTTP/1.1; gRPC requests go to the endpoints as h2c all the same, since they cannot go otherwise.
	HTTP1 Protocol = ""
	// H2C is HTTP/2 without TLS.
	H2C Protocol = "h2c"
)

// ProtocolOf derives the protocol from a Service port's appProtocol and name, as users of meshes write them.
func ProtocolOf(appProtocol, portName string) Protocol {
	switch strings.ToLower(appProtocol) {
	case "h2c", "kubernetes.io/h2c", "http2", "grpc":
		return H2C
	case "":
	default:
		return HTTP1
	}
	prefix, _, _ := strings.Cut(strings.ToLower(portName), "-")
	switch prefix {
	case "grpc", "h2c", "http2":
		return H2C
	}
	return HTTP1
}

// Endpoint is one process of one version.
type Endpoint struct {
	// Address is HOST:PORT.
	Address string `json:"address"`
	// Revision is what the process runs.
	Revision string `json:"revision,omitempty"`
}

// Condition is met by a request that has all of the headers and query parameters named.
type Condition struct {
	Headers map[string]StringMatch `json:"headers,omitempty"`
	Query   map[string]StringMatch `json:"query,omitempty"`
}

// StringMatch compares a value with at most one of its fields; without any it asks for presence alone. A Regex
// (RE2) has to match the whole value.
type StringMatch struct {
	Exact  string `json:"exact,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	Suffix string `json:"suffix,omitempty"`
	Regex  string `json:"regex,omitempty"`
}

// DefaultMaxAge is how long a session cookie lives where the Canary does not say.
const DefaultMaxAge = 24 * time.Hour

// Affinity describes the cookies that keep sessions on their side. Their values are in the Split.
type Affinity struct {
	// Cookie is the name of the canary's cookie, PrimaryCookie that of the primary's; an empty one is not used.
	Cookie        string        `json:"cookie,omitempty"`
	PrimaryCookie string        `json:"primaryCookie,omitempty"`
	Domain        string        `json:"domain,omitempty"`
	Path          string        `json:"path,omitempty"`
	MaxAge        time.Duration `json:"maxAge,omitempty"`
	HTTPOnly      bool          `json:"httpOnly,omitempty"`
	Secure        bool          `json:"secure,omitempty"`
	Partitioned   bool          `json:"partitioned,omitempty"`
	// SameSite is Strict, Lax, None or empty.
	SameSite string `json:"sameSite,omitempty"`
}

// Retries says when a request is tried again. A request counts once, however often it was tried.
type Retries struct {
	// Attempts is how often a request is tried after the first time.
	Attempts int `json:"attempts,omitempty"`
	// PerTry bounds the wait for an answer's headers in one attempt; 0 means no bound.
	PerTry time.Duration `json:"perTry,omitempty"`
	// On lists the conditions in Envoy's words, and status codes. Empty means connect-failure, refused-stream,
	// unavailable, 503.
	On []string `json:"on,omitempty"`
}

// HeaderChange changes headers: first Remove, then Set, then Add.
type HeaderChange struct {
	Add    map[string]string `json:"add,omitempty"`
	Set    map[string]string `json:"set,omitempty"`
	Remove []string          `json:"remove,omitempty"`
}

// Rewrite changes where a request goes.
type Rewrite struct {
	// Path replaces the path, or with Prefix is put in front of it: /v2 makes /v2/a of /a. Empty means no change.
	Path   string `json:"path,omitempty"`
	Prefix bool   `json:"prefix,omitempty"`
	// Authority replaces the host name that the endpoint sees.
	Authority string `json:"authority,omitempty"`
}

// CORS says which pages of other origins may use the service. The data plane answers preflights itself.
type CORS struct {
	AllowOrigins  []StringMatch `json:"allowOrigins,omitempty"`
	AllowMethods  []string      `json:"allowMethods,omitempty"`
	AllowHeaders  []string      `json:"allowHeaders,omitempty"`
	ExposeHeaders []string      `json:"exposeHeaders,omitempty"`
	MaxAge        time.Duration `json:"maxAge,omitempty"`
	Credentials   bool          `json:"credentials,omitempty"`
}

// Route returns the split that is in force: the written one, or what holds while there is none.
func (s *Service) Route() rollout.Split {
	switch {
	case s.Split != nil:
		return *s.Split
	case len(s.Canary) > 0 && (s.Returned || len(s.Primary) == 0):
		return rollout.Split{Canary: rollout.Whole}
	default:
		return rollout.Split{Primary: rollout.Whole}
	}
}

// Endpoints returns those that may get requests on a side: on the canary's, only those of the split's revision.
func (s *Service) Endpoints(side rollout.SideName) []Endpoint {
	if side == rollout.PrimarySide {
		return s.Primary
	}
	if s.Split == nil || s.Split.Revision == "" {
		return s.Canary
	}
	var pinned []Endpoint
	for _, e := range s.Canary {
		if e.Revision == s.Split.Revision {
			pinned = append(pinned, e)
		}
	}
	return pinned
}
