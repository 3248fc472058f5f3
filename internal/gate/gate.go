// Package gate asks third parties: a portable Gate with deadlines and retries wraps the small Driver that carries a
// question out.
package gate

import (
	"context"

	"github.com/serin-dev/serin/internal/rollout"
)

// Driver asks one hook once. It returns nil when the answer was yes (2xx), and the same Ask.ID reaches the hook each
// time that the same question is asked. Errors are sentences without a secret, of these kinds:
//
//   - fault.Denied: the hook answered, and not with yes. A redirect is such an answer: it is not followed.
//   - fault.Unavailable: there was no usable answer, which includes an overloaded or failing hook (408, 425, 429, 5xx)
//     and the end of ctx. fault.RetryAfter is the delay that the hook asked for.
//
// Ask blocks until there is an answer or ctx ends, reads no more than a bounded body, and may be called from several
// goroutines.
type Driver interface {
	Ask(ctx context.Context, a rollout.Ask) error
}
