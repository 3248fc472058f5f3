// Package webhooknotify posts events as JSON: to the event and post-rollout hooks of the Canary API, with the body that
// is documented there, and to receivers of alerts that want the event as it is.
package webhooknotify

import (
	"cmp"
	"context"
	"maps"
	"strconv"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/rollout"
)

var _ notify.Driver = (*Driver)(nil)

// Hook is an event or post-rollout hook of a canary.
type Hook struct {
	// URL is called with POST. It may be a secret.
	URL string
	// Type is rollout.EventHook or rollout.PostRollout.
	Type rollout.HookType
	// Metadata is sent along as the user wrote it. Three keys are Serin's: eventMessage, eventType and timestamp.
	Metadata map[string]string
}

// Driver posts messages to one receiver.
type Driver struct {
	courier *courier.Courier
	body    func(notify.Message) any
}

// New returns a driver for a hook. The options say how it is reached and with which Authorization.
func New(h Hook, o courier.Options) (*Driver, error) {
	h.Metadata = maps.Clone(h.Metadata)
	return newDriver(h.URL, o, func(m notify.Message) any { return h.payload(m) })
}

// NewAlert returns a driver for alerts as JSON. The body has the name, the namespace and the target of the canary as
// canary, namespace and target, and as event the event with its id, at, type, severity, phase and message, and where
// they are known reason, run, revision, step, weight (in parts of 100 000), by, results and ending.
func NewAlert(url string, o courier.Options) (*Driver, error) {
	return newDriver(url, o, func(m notify.Message) any {
		return alert{Canary: m.Name, Namespace: m.Namespace, Target: m.Target, Event: bounded(m.Event)}
	})
}

func newDriver(url string, o courier.Options, body func(notify.Message) any) (*Driver, error) {
	o.Reply = 0
	post, err := courier.New(url, o)
	if err != nil {
		return nil, err
	}
	return &Driver{courier: post, body: body}, nil
}

// Send posts one message.
func (d *Driver) Send(ctx context.Context, m notify.Message) error {
	_, err := d.courier.Post(ctx, d.body(m))
	return err
}

// alert is the body of an alert. The event's id is the same on every delivery.
type alert struct {
	Canary    string        `json:"canary"`
	Namespace string        `json:"namespace"`
	Target    string        `json:"target"`
	Event     rollout.Event `json:"event"`
}

// payload is the body of a hook.
func (h *Hook) payload(m notify.Message) courier.Payload {
	e := bounded(m.Event)
	metadata := make(map[string]string, len(h.Metadata)+3)
	maps.Copy(metadata, h.Metadata)
	metadata["eventMessage"] = e.Message
	metadata["eventType"] = eventType(e.Severity)
	metadata["timestamp"] = strconv.FormatInt(e.At.UnixMilli(), 10)
	return courier.Payload{
		Name: m.Name, Namespace: m.Namespace,
		Phase: string(h.phase(e)), Checksum: e.Revision, Metadata: metadata,
		Type: string(h.Type), EventID: e.ID, Run: e.Run, Revision: e.Revision,
		Weight: float64(e.Weight) / float64(rollout.Percent),
	}
}

// phase is where the canary stands. A run that ends is told before the phase changes, and receivers of post-rollout
// have to see how it ended.
func (h *Hook) phase(e rollout.Event) rollout.Phase {
	if h.Type != rollout.PostRollout || e.Type != rollout.RunEnded {
		return e.Phase
	}
	if e.Ending == rollout.OutcomeSucceeded {
		return rollout.Succeeded
	}
	return rollout.Failed
}

// eventType says it in the two words that Kubernetes has for events.
func eventType(s rollout.Severity) string {
	if cmp.Or(s, rollout.Info) == rollout.Info {
		return "Normal"
	}
	return "Warning"
}
