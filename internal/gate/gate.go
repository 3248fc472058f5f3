// Package gate asks third parties: a portable Gate with deadlines wraps the small Driver that carries a question
// out.
package gate

import (
	"context"

	"github.com/serin-dev/serin/internal/rollout"
)

// Driver asks one hook once. It returns a nil error when the answer was yes (2xx). Any other answer is a
// fault.Denied error, no usable answer fault.Unavailable, both with a sentence that holds no secret. It follows no
// redirect and reads at most a bounded body.
type Driver interface {
	Ask(ctx context.Context, a rollout.Ask) error
}
