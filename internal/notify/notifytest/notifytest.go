// Package notifytest holds the laws that every notify.Driver obeys. A driver's test calls Run with a harness; the same
// laws are themselves tested against drivers that are broken on purpose.
package notifytest

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/rollout"
)

// Received is one message as it arrived.
type Received struct {
	// ID is the event's.
	ID string
	// Severity is what the receiver has for it, such as a colour.
	Severity string
	// Text is what a reader sees of the event's message, or more.
	Text string
	// Body is what was sent; only a Remote driver sends any.
	Body []byte
}

// Harness has a driver with its receiver, and can act behind the driver's back.
type Harness struct {
	Driver notify.Driver
	// Let makes the receiver go wrong from now on. Without Remote it knows Calm, Bad, Failing, Down and Hanging.
	Let func(couriertest.Trouble)
	// Received returns what has arrived, refused messages included where the receiver has seen them.
	Received func() []Received
	// Severity is what the receiver has for a severity. No two may look alike, unless neither is rollout.Info.
	Severity func(rollout.Severity) string

	// Remote is what there is to check where messages travel over a network. Laws that need it are not skipped but
	// inverted for a driver without: nothing may be sent to anybody.
	Remote *Remote
}

// Remote is the part of a Harness that is about a network.
type Remote struct {
	// Secrets are what the driver was given and must not repeat.
	Secrets []string
	// Valid returns how a body breaks the schema or a limit that the service documents.
	Valid func(body []byte) error
	// Golden compares the body of a sample with the one on record.
	Golden func(sample string, body []byte) error
	// Proxied is a driver to a place that only the proxy knows; Passed counts what passed the proxy.
	Proxied notify.Driver
	Passed  func() int
	// Encrypted is a driver to a receiver whose certificate nobody trusts, and Trusting one that was told to accept it.
	Encrypted, Trusting notify.Driver
}

// promptly is how long a call may take after its context's end. It is generous for machines that are busy.
const promptly = 5 * time.Second

// Law is one law. Remote says that it needs Harness.Remote.
type Law struct {
	Name   string
	Remote bool
	check  func(ctx context.Context, h Harness) error
}

// Check returns how the harness's driver breaks the law, or nil.
func (l Law) Check(ctx context.Context, h Harness) error {
	if l.Remote && h.Remote == nil {
		return sendsNothing(ctx, h)
	}
	return l.check(ctx, h)
}

// Laws lists the laws.
func Laws() []Law {
	return []Law{
		{"every event arrives with its id", false, arrives},
		{"a retry has the same id", false, retries},
		{"severities can be told apart", false, severities},
		{"a message arrives as it was written", false, escaped},
		{"a refusal is final", false, final},
		{"no answer is Unavailable", false, unanswered},
		{"a timeout is no answer", false, timeout},
		{"an ended context ends the call", false, cancelled},
		{"the message is left as it was", false, unchanged},
		{"many messages at once", false, concurrent},
		{"bodies are valid and as on record", true, golden},
		{"the same message has the same body", true, deterministic},
		{"long messages are cut to the limits", true, limits},
		{"each refusal has its kind", true, kinds},
		{"the delay that a receiver names is passed on", true, overloaded},
		{"a redirect is not followed", true, redirect},
		{"the body of an answer is bounded", true, endless},
		{"no secret is in an error", true, noSecrets},
		{"a proxy is used", true, proxied},
		{"certificates are checked unless told otherwise", true, certificates},
	}
}

// Run checks all laws, each on a harness of its own.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, law := range Laws() {
		t.Run(law.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := law.Check(ctx, newHarness(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
