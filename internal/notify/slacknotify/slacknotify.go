// Package slacknotify posts messages to Slack: to an incoming webhook, or with a token to the method chat.postMessage.
package slacknotify

import (
	"context"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
)

var _ notify.Driver = (*Driver)(nil)

// Config says where messages go and from whom they seem to come.
type Config struct {
	// Address is that of an incoming webhook, which is a secret, or that of chat.postMessage.
	Address string
	// Token is a bot's, for chat.postMessage; incoming webhooks need none. It is a secret.
	Token string
	// Channel is where the message goes. Default: the one that the webhook belongs to.
	Channel string
	// Username is whom the message is from. Default: the one that the webhook belongs to.
	Username string
}

// replyLimit is how much of the answer to chat.postMessage is read, in bytes.
const replyLimit = 64 << 10

// Driver posts to one channel.
type Driver struct {
	config  Config
	courier *courier.Courier
}

// New returns a driver. The options say how Slack is reached.
func New(c Config, o courier.Options) (*Driver, error) {
	o.Reply = 0
	if c.Token != "" {
		if c.Channel == "" {
			return nil, fault.Errorf(fault.Invalid, "a token alone does not say where messages go: write a channel, too")
		}
		// This method says in the body whether it has worked.
		o.Authorization, o.Reply = "Bearer "+c.Token, replyLimit
	}
	post, err := courier.New(c.Address, o)
	if err != nil {
		return nil, err
	}
	return &Driver{config: c, courier: post}, nil
}

// Send posts one message.
func (d *Driver) Send(ctx context.Context, m notify.Message) error {
	reply, err := d.courier.Post(ctx, d.config.body(m))
	if err != nil {
		return err
	}
	return verdict(d.courier.Place(), reply)
}
