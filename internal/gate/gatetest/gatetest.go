// Package gatetest holds the laws that every gate.Driver obeys. A driver's test calls Run with a harness; the same laws
// are themselves tested against drivers that are broken on purpose.
package gatetest

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/rollout"
)

// The canary that the laws ask for. A harness gives its driver these names and this metadata.
const (
	Namespace = "shop"
	Name      = "podinfo"
	// Hook is the hook that is asked.
	Hook = "acceptance"
)

// Metadata is what the user of the canary wrote.
func Metadata() map[string]string {
	return map[string]string{"type": "bash", "cmd": `test "a" < "b" && exit 0`}
}

// Question is one question; n tells it from others.
func Question(n string) rollout.Ask {
	return rollout.Ask{
		ID: "ab12cd34-7/2/gate/confirm-promotion/" + Hook + "/" + n, Hook: Hook, Type: rollout.ConfirmPromotion,
		Phase: rollout.WaitingPromotion, Run: "ab12cd34-7", Revision: "ab12cd34ef56", Weight: 12_500,
	}
}

// Caps are what a driver or its harness can do. A law that needs what is missing is not skipped but inverted.
type Caps struct {
	// Remote means that hooks are asked over a network, with a body and an authorization. Without it, nothing of
	// either may be sent to anybody.
	Remote bool
}

// Behaviour is what the hook does when it is asked.
type Behaviour string

// The behaviours. The second half is only asked of a Remote harness.
const (
	Yes     Behaviour = "yes"
	No      Behaviour = "no"      // as with HTTP status 403
	Missing Behaviour = "missing" // no answer: the connection ends
	Hanging Behaviour = "hanging" // no answer until the caller gives up

	Unknown     Behaviour = "unknown"     // HTTP status 404
	Overloaded  Behaviour = "overloaded"  // HTTP status 429, naming a delay of RetryAfter
	Failing     Behaviour = "failing"     // HTTP status 500
	Endless     Behaviour = "endless"     // HTTP status 200 and a body that does not end
	Redirecting Behaviour = "redirecting" // HTTP status 307
	Gossiping   Behaviour = "gossiping"   // HTTP status 400, with everything repeated that was sent
)

// RetryAfter is the delay that an Overloaded hook names.
const RetryAfter = 7 * time.Second

// Received is one question as it arrived.
type Received struct {
	// ID is the question's id.
	ID string
	// Authorization and Body are what was sent; only a Remote driver sends any.
	Authorization string
	Body          []byte
}

// Harness builds a driver with the hook that it asks, and can act behind the driver's back.
type Harness interface {
	Driver() gate.Driver
	Caps() Caps
	// Let makes the hook behave so from now on; at first it says yes.
	Let(b Behaviour)
	// Received returns what has arrived at the hook, or at another place that the driver was pointed to.
	Received() []Received
	// Secrets are what the driver was given and must not repeat. The first is the Authorization, if there is one.
	Secrets() []string
}

// promptly is how long a call may take after its context's end. It is generous for machines that are busy.
const promptly = 5 * time.Second

// Law is one law. Remote says that it needs Caps.Remote.
type Law struct {
	Name   string
	Remote bool
	check  func(ctx context.Context, h Harness) error
}

// Check returns how the harness's driver breaks the law, or nil.
func (l Law) Check(ctx context.Context, h Harness) error {
	if l.Remote && !h.Caps().Remote {
		return sendsNothing(ctx, h)
	}
	return l.check(ctx, h)
}

// Laws lists the laws.
func Laws() []Law {
	return []Law{
		{"yes is yes", false, yes},
		{"no is Denied, with a sentence", false, no},
		{"no answer is Unavailable", false, missing},
		{"a timeout is no answer", false, timeout},
		{"an ended context ends the call", false, cancelled},
		{"the same question has the same id", false, sameID},
		{"many questions at once", false, concurrent},
		{"a hook that changes its mind is heard", false, changes},
		{"the body is that of the Canary API", true, payload},
		{"the authorization is sent", true, authorized},
		{"a redirect is a no and is not followed", true, redirect},
		{"another answer is a no", true, unknown},
		{"a failing hook has not answered", true, failing},
		{"the delay that a hook names is passed on", true, overloaded},
		{"the body of an answer is not waited for", true, endless},
		{"no secret is in an error", true, noSecrets},
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
