// Package memgate is a third party in memory: a real driver with state, whose hooks can be opened and closed and made
// to hang, so that everything above it can be tested in virtual time.
package memgate

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/rollout"
)

var _ gate.Driver = (*Driver)(nil)

// mostAsked is how many questions a Party remembers; the oldest go first.
const mostAsked = 1000

// Party is a third party with any number of hooks, which say yes until they are told otherwise. Its methods may be
// called from several goroutines.
type Party struct {
	mu    sync.Mutex
	says  map[string]behaviour
	asked []rollout.Ask
}

// behaviour is what a hook does when it is asked: err is its answer, and silent lets it give none.
type behaviour struct {
	err    error
	silent bool
}

// New returns a third party.
func New() *Party { return &Party{says: map[string]behaviour{}} }

func (p *Party) set(hook string, b behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.says[hook] = b
}

// Open lets a hook say yes.
func (p *Party) Open(hook string) { p.set(hook, behaviour{}) }

// Close lets a hook say no, with a sentence.
func (p *Party) Close(hook, sentence string) {
	p.set(hook, behaviour{err: fault.Errorf(fault.Denied, "%s", sentence)})
}

// Fail lets a call of a hook bring an error of the caller's choice.
func (p *Party) Fail(hook string, err error) { p.set(hook, behaviour{err: err}) }

// Hang lets a hook give no answer until the caller gives up.
func (p *Party) Hang(hook string) { p.set(hook, behaviour{silent: true}) }

// Asked returns the questions that reached a hook, oldest first.
func (p *Party) Asked(hook string) []rollout.Ask {
	p.mu.Lock()
	defer p.mu.Unlock()
	var asked []rollout.Ask
	for _, a := range p.asked {
		if a.Hook == hook {
			asked = append(asked, a)
		}
	}
	return asked
}

// Driver returns a driver that asks the hook which each question names.
func (p *Party) Driver() *Driver { return &Driver{party: p} }

// Driver asks the hooks of a Party.
type Driver struct{ party *Party }

// Ask asks one hook.
func (d *Driver) Ask(ctx context.Context, a rollout.Ask) error {
	if err := ctx.Err(); err != nil {
		return fault.Errorf(fault.Unavailable, "ask %s: %w", a.Hook, err)
	}
	says := d.party.ask(a)
	if says.silent {
		<-ctx.Done()
		return fault.Errorf(fault.Unavailable, "%s gave no answer: %w", a.Hook, ctx.Err())
	}
	if says.err != nil {
		return fmt.Errorf("%s: %w", a.Hook, says.err)
	}
	return nil
}

func (p *Party) ask(a rollout.Ask) behaviour {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
	if over := len(p.asked) - mostAsked; over > 0 {
		p.asked = slices.Clone(p.asked[over:])
	}
	return p.says[a.Hook]
}
