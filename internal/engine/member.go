package engine

import (
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/rollout"
)

// member is what the engine remembers of one canary. Losing it costs reads and repeated questions, never safety.
type member struct {
	// These belong to the pass in progress.

	// loaded says that state, data and version are what the store has, as far as we know.
	loaded  bool
	state   rollout.State
	data    []byte
	version uint64
	// released says that the canary was given back.
	released bool
	// failures counts the passes in a row that failed, blind those that could not read everything.
	failures, blind int
	// poll is the delay to the next look, performed what the latest pass changed.
	poll      time.Duration
	performed []rollout.Action
	workload  reading[rollout.Workload]
	traffic   reading[rollout.Traffic]

	// These are safe for concurrent use.

	answers  inquiry[rollout.Answer]
	evidence inquiry[analysis.Evidence]
	mail     mailbox
	status   atomic.Pointer[Status]
}
