package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

var (
	errBusy = errors.New("too many requests")
	errDead = errors.New("the process has died")
)

// call is one call of a process to something outside of it.
type call struct {
	op   Op
	what string
	// takes is how long an answer takes.
	takes time.Duration
	// check holds the call against the laws before it has its effect, do is the effect. Both run under the world's lock.
	check func()
	do    func() error
}

// call makes a call, unless a fault has something against it.
func (p *process) call(ctx context.Context, c call) error {
	w := p.world
	if c.takes > 0 {
		c.takes += p.lag()
	}
	if c.op != Consume && !pause(ctx, w.time, c.takes) {
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	active, err := p.arrive(ctx, c)
	if err != nil {
		return err
	}
	p.late = slices.ContainsFunc(active, func(f *Fault) bool { return f.Kind == Slow })
	if c.check != nil {
		c.check()
	}
	err = c.do()
	if c.op.effect() || c.op == Save || c.op == Forget {
		w.writes++
		w.notef("engine %d: %s %s%s", p.number, c.op, c.what, orError(err))
	}
	if err != nil {
		return err
	}
	return p.unheard(active) //nolint:contextcheck // A successor, and what people do, outlive the call.
}

// arrive counts a call and lets the faults strike that wait for it. It returns those that strike this call, and why the
// call has no effect, if it has none. It holds mu before and after.
func (p *process) arrive(ctx context.Context, c call) ([]*Fault, error) {
	w := p.world
	if err := p.alive(ctx); err != nil {
		return nil, err
	}
	w.counts[c.op]++
	if !c.op.reads() {
		w.calls = append(w.calls, c.op)
	}
	active, begun := w.faults.strike(c.op, w.counts[c.op], w.time.Now())
	for _, f := range begun {
		w.notef("fault %s strikes", f)
		w.upset(p, f) //nolint:contextcheck // A successor, and what people do, outlive the call.
	}
	if err := p.alive(ctx); err != nil {
		return nil, err
	}
	return active, p.refused(ctx, c, active)
}

func orError(err error) string {
	if err == nil {
		return ""
	}
	return " FAILS: " + err.Error()
}

// alive waits while the process is stopped, and for its end once it is dead. It holds mu before and after.
func (p *process) alive(ctx context.Context) error {
	w := p.world
	for p.stopped != nil {
		on := p.stopped
		w.mu.Unlock()
		<-on
		w.mu.Lock()
	}
	if !p.dead {
		return nil
	}
	w.mu.Unlock()
	<-ctx.Done()
	w.mu.Lock()
	return errDead
}

// refused is what keeps a call from having an effect. It holds mu before and after.
func (p *process) refused(ctx context.Context, c call, active []*Fault) error {
	w := p.world
	for _, f := range active {
		switch f.Kind {
		case CrashBefore:
			p.crash() //nolint:contextcheck // A successor, and what people do, outlive the call.
			return errDead
		case Hang:
			w.mu.Unlock()
			<-ctx.Done()
			w.mu.Lock()
			return fault.Errorf(fault.Unavailable, "%s hangs: %w", c.op, ctx.Err())
		case Slow, Timeout:
			w.mu.Unlock()
			pause(ctx, w.time, 3*time.Second)
			w.mu.Lock()
			if err := p.alive(ctx); err != nil {
				return err
			}
			if f.Kind == Timeout || ctx.Err() != nil {
				return fault.Errorf(fault.Unavailable, "%s: no answer in time", c.op)
			}
		default:
			if err := f.mistake(); err != nil {
				return err
			}
		}
	}
	return nil
}

// unheard is why a call that had its effect brings an error all the same. It holds mu.
func (p *process) unheard(active []*Fault) error {
	for _, f := range active {
		switch f.Kind {
		case CrashAfter:
			p.crash()
			return errDead
		case Lost:
			return fault.Errorf(fault.Unavailable, "the answer was lost")
		default:
		}
	}
	return nil
}

// upset lets a fault begin that is none of a single call. The caller holds mu.
func (w *World) upset(p *process, f *Fault) {
	w.disturb()
	if f.For > 0 {
		w.after(f.For, "end of "+f.String(), func() {
			w.disturb()
			w.calm(f)
			w.wake()
		})
	}
	switch f.Kind {
	case Nack:
		w.plane.nack = "the listener's port is in use"
	case Forward, Back:
		w.setClock(f)
	case Down:
		w.down[rollout.SideName(f.Arg)] = true
		w.movePods()
	case Brake:
		w.brake(true)
	case Tell:
		w.after(0, "a person", func() { w.tell(rollout.Verb(f.Arg)) })
	case Edit:
		w.after(0, "an edit", func() { w.edit(f.Arg) })
	case Twin:
		p.twin(f.For)
	case Stop:
		p.stop(f.For)
	default:
	}
}

// setClock lets the wall clock jump. The caller holds mu.
func (w *World) setClock(f *Fault) {
	d, err := time.ParseDuration(f.Arg)
	if err != nil {
		w.laws.breakf("sim", "fault %s: %v", f, err)
	}
	if f.Kind == Back {
		d = -d
	}
	w.after(0, "the clock is set", func() {
		w.clock.jump(d)
		w.wake()
	})
}

// calm ends a fault that lasted. The caller holds mu.
func (w *World) calm(f *Fault) {
	switch f.Kind {
	case Nack:
		w.plane.nack = ""
		w.plane.rejected = ""
		w.spread()
	case Down:
		delete(w.down, rollout.SideName(f.Arg))
		w.movePods()
	case Brake:
		w.brake(false)
	case Tell:
		if rollout.Verb(f.Arg) == rollout.Pause {
			w.tell(rollout.Resume)
		}
	case Edit:
		w.restoreSpec()
	default:
	}
}
