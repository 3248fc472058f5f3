// Package memnotify is a receiver in memory: a real driver with state, which can be made to fail and to hang, so that
// everything above it can be tested in virtual time.
package memnotify

import (
	"context"
	"slices"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
)

var _ notify.Driver = (*Driver)(nil)

// mostKept is how many messages a Receiver keeps; the oldest go first.
const mostKept = 1000

// Receiver keeps what it was told. Its methods may be called from several goroutines.
type Receiver struct {
	mu     sync.Mutex
	told   []notify.Message
	failed error
	silent bool
}

// New returns a receiver that takes everything.
func New() *Receiver { return &Receiver{} }

// Fail makes deliveries fail from now on; nil lets them succeed again.
func (r *Receiver) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed, r.silent = err, false
}

// Hang lets deliveries have no answer until the caller gives up.
func (r *Receiver) Hang() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed, r.silent = nil, true
}

// Told returns the messages that arrived, oldest first. One that was delivered twice is there twice.
func (r *Receiver) Told() []notify.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// Driver returns a driver that delivers to the receiver.
func (r *Receiver) Driver() *Driver { return &Driver{receiver: r} }

// Driver delivers to a Receiver.
type Driver struct{ receiver *Receiver }

// Send delivers one message.
func (d *Driver) Send(ctx context.Context, m notify.Message) error {
	if err := ctx.Err(); err != nil {
		return fault.Errorf(fault.Unavailable, "deliver event %s: %w", m.Event.ID, err)
	}
	silent, err := d.receiver.take(m)
	if silent {
		<-ctx.Done()
		return fault.Errorf(fault.Unavailable, "deliver event %s: %w", m.Event.ID, ctx.Err())
	}
	return err
}

func (r *Receiver) take(m notify.Message) (silent bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent || r.failed != nil {
		return r.silent, r.failed
	}
	m.Event.Results = slices.Clone(m.Event.Results)
	r.told = append(r.told, m)
	if over := len(r.told) - mostKept; over > 0 {
		r.told = slices.Clone(r.told[over:])
	}
	return false, nil
}
