// Package webhookgate asks hooks over HTTP, with the body that the Canary API documents.
package webhookgate

import (
	"context"
	"maps"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/rollout"
)

var _ gate.Driver = (*Driver)(nil)

// Config says whom to ask, and for whom.
type Config struct {
	// URL is called with POST. It may be a secret.
	URL string
	// Namespace and Name are those of the canary.
	Namespace, Name string
	// Metadata is sent along as the user wrote it.
	Metadata map[string]string
}

// Driver asks one hook. Each call is one POST; repeating it is for gate.Gate to do.
type Driver struct {
	config  Config
	courier *courier.Courier
}

// New returns a driver. The options say how the hook is reached and with which Authorization.
func New(c Config, o courier.Options) (*Driver, error) {
	o.Reply = 0 // The status is the answer.
	post, err := courier.New(c.URL, o)
	if err != nil {
		return nil, err
	}
	c.Metadata = maps.Clone(c.Metadata)
	if c.Metadata == nil {
		c.Metadata = map[string]string{}
	}
	return &Driver{config: c, courier: post}, nil
}

// Ask posts one question. Any 2xx is yes.
func (d *Driver) Ask(ctx context.Context, a rollout.Ask) error {
	_, err := d.courier.Post(ctx, courier.Payload{
		Name: d.config.Name, Namespace: d.config.Namespace,
		Phase: string(a.Phase), Checksum: a.Revision, Metadata: d.config.Metadata,
		Type: string(a.Type), EventID: a.ID, Run: a.Run, Revision: a.Revision,
		Weight: float64(a.Weight) / float64(rollout.Percent),
	})
	if fault.KindOf(err) == fault.Invalid {
		// A redirect, or a status such as 404: an answer, and not a yes.
		return fault.Errorf(fault.Denied, "%w", err)
	}
	return err
}
