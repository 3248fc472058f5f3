package sim

import (
	"context"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
)

// process is one engine with its ports. When it dies nothing that it still tries has an effect.
type process struct {
	world  *World
	number int
	engine *engine.Engine
	cancel context.CancelFunc
	done   chan struct{}

	// These are guarded by the world's mu.

	dead bool
	// stopped is closed when a process that was stopped may go on.
	stopped chan struct{}
	// passing counts the passes in progress.
	passing int
	// late says that the call in progress was on its way for long, so that a successor may have overtaken it.
	late     bool
	passes   int
	decision decision
	// next is when the engine wants to look again, zero for when it is woken.
	next time.Time
	// canary is what the process was told is wanted, made is the manifest that it was made from.
	canary *engine.Canary
	made   int
}

// lag is how much later than the first one an engine does everything: two at one instant would have no order.
func (p *process) lag() time.Duration { return time.Duration(p.number-1) * 1100 * time.Microsecond }

// lateClock is a clock whose timers ring a little late.
type lateClock struct {
	*clock

	lag time.Duration
}

// AfterFunc is part of engine.Clock.
func (c lateClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return c.clock.AfterFunc(d+c.lag, f)
}

// decision is what the core decided in the latest pass of a process.
type decision struct {
	spec    rollout.Spec
	before  rollout.State
	obs     rollout.Observation
	after   rollout.State
	actions []rollout.Action
	// frozen says that something was read that was not true any more.
	frozen bool
	began  time.Time
}

// launch starts an engine. The caller holds mu.
func (w *World) launch() {
	p := &process{world: w, number: len(w.all) + 1, done: make(chan struct{})}
	var store engine.Store = &storage{process: p}
	if w.options.Store != nil {
		store = w.options.Store(store)
	}
	e, err := engine.New(&source{process: p}, store, engine.Options{
		Journal: &storage{process: p}, Inbox: &storage{process: p}, Clock: lateClock{clock: w.clock, lag: p.lag()},
		Jitter: func() float64 { return 0.5 }, Step: p.step, Observe: p.observe,
	})
	if err != nil {
		w.laws.breakf("L2", "no engine: %v", err)
		close(p.done)
		return
	}
	p.engine = e
	ctx, cancel := context.WithCancel(w.root())
	p.cancel = cancel
	w.all, w.live = append(w.all, p), append(w.live, p)
	w.notef("engine %d starts", p.number)
	go func() {
		defer close(p.done)
		if err := e.Run(ctx); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.laws.breakf("L2", "the engine ended badly: %v", err)
		}
	}()
}

// kill ends a process at this instant. The caller holds mu.
func (p *process) kill() {
	if p.dead {
		return
	}
	p.dead = true
	p.cancel()
	if p.stopped != nil {
		close(p.stopped)
		p.stopped = nil
	}
	p.world.live = slices.DeleteFunc(p.world.live, func(q *process) bool { return q == p })
}

// crash kills a process and starts another one a while later, unless one runs already.
func (p *process) crash() {
	w := p.world
	w.notef("engine %d dies", p.number)
	w.disturb()
	p.kill()
	if len(w.live) == 0 {
		w.after(1300*time.Millisecond, "restart", func() {
			if len(w.live) == 0 {
				w.launch()
			}
		})
	}
}

// stop lets a process stand still for a while, as SIGSTOP does, while another one takes over. Later the old one ends.
func (p *process) stop(d time.Duration) {
	w := p.world
	w.notef("engine %d stands still for %s", p.number, d)
	w.disturb()
	p.stopped = make(chan struct{})
	w.after(time.Millisecond, "a successor", func() { w.launch() })
	w.after(d, "goes on", func() {
		if p.stopped != nil {
			w.notef("engine %d goes on", p.number)
			close(p.stopped)
			p.stopped = nil
		}
		w.disturb()
	})
	w.after(d+20*time.Second, "deposed ends", func() { p.crash() })
}

// twin starts a second engine beside a process, and ends the first one later.
func (p *process) twin(d time.Duration) {
	w := p.world
	w.disturb()
	w.after(time.Millisecond, "a second engine", func() { w.launch() })
	w.after(d, "the older engine ends", func() { p.crash() })
}

// step is the core, with what it decided remembered.
func (p *process) step(spec rollout.Spec, s rollout.State, obs rollout.Observation) (rollout.State, []rollout.Action) {
	core := p.world.options.Step
	if core == nil {
		core = rollout.Step
	}
	after, actions := core(spec, s, obs)
	w := p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	p.decision = decision{
		spec: spec, before: s, obs: obs, after: after, actions: actions,
		frozen: w.faults.frozen(), began: p.decision.began,
	}
	return after, actions
}

// mostPasses is more than any run needs.
const mostPasses = 20_000

// begin notes that a pass begins.
func (p *process) begin() {
	p.passing++
	p.passes++
	p.decision.began = p.world.time.Now()
	p.world.laws.case1("S17")
	if p.passes == mostPasses {
		p.world.laws.breakf("L1", "engine %d makes passes without end", p.number)
		p.kill()
		p.world.finished = true
	}
	if p.passing > 1 {
		p.world.laws.breakf("S17", "%d passes of engine %d overlap", p.passing, p.number)
	}
}

// observe looks at a pass that is over.
func (p *process) observe(t engine.Trace) {
	w := p.world
	w.mu.Lock()
	defer w.mu.Unlock()
	p.passing--
	p.next = t.Next
	w.laws.trace(w, p, &t)
}
