package engine_test

import (
	"context"
	"fmt"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
)

var (
	_ engine.Source  = (*world)(nil)
	_ engine.Store   = (*world)(nil)
	_ engine.Journal = (*world)(nil)
	_ engine.Inbox   = (*world)(nil)
)

// ports are those of one canary; workloadPort and routerPort give it the two methods of the same name.
type ports struct {
	world  *world
	name   string
	script script
}

type workloadPort struct{ *ports }

type routerPort struct{ *ports }

// do notes a change of the world that succeeded.
func (p *ports) do(ctx context.Context, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if p.script.act != nil {
		if err := p.script.act(ctx, what); err != nil {
			p.world.notef("%s: failed to %s", p.name, what)
			return err
		}
	}
	p.world.notef("%s: %s", p.name, what)
	return nil
}

// Observe is part of engine.Workload.
func (p workloadPort) Observe(ctx context.Context) rollout.Workload {
	if p.script.workload == nil {
		return rollout.Workload{}
	}
	return p.script.workload(ctx)
}

// Pin is part of engine.Workload.
func (p workloadPort) Pin(ctx context.Context, revision string) error {
	return p.do(ctx, "pin %s", revision)
}

// Promote is part of engine.Workload.
func (p workloadPort) Promote(ctx context.Context, a rollout.PromoteTo) error {
	return p.do(ctx, "promote %s", a.Revision)
}

// Resize is part of engine.Workload.
func (p workloadPort) Resize(ctx context.Context, action rollout.Action) error {
	switch a := action.(type) {
	case rollout.Scale:
		return p.do(ctx, "scale %s to %d", a.Side, a.Replicas)
	case rollout.Floor:
		return p.do(ctx, "floor %d", a.Replicas)
	case rollout.SetSplit, rollout.Pin, rollout.PromoteTo, rollout.Release, rollout.Measure, rollout.Ask, rollout.Emit, rollout.Wake:
	}
	return p.do(ctx, "resize by %T", action)
}

// Release is part of engine.Workload.
func (p workloadPort) Release(ctx context.Context, revert bool) error {
	return p.do(ctx, "release, revert %t", revert)
}

// Observe is part of engine.Router.
func (p routerPort) Observe(ctx context.Context) rollout.Traffic {
	if p.script.traffic == nil {
		return rollout.Traffic{}
	}
	return p.script.traffic(ctx)
}

// SetSplit is part of engine.Router.
func (p routerPort) SetSplit(ctx context.Context, s rollout.Split) error {
	return p.do(ctx, "split %d", s.Canary)
}

// Restore is part of engine.Router.
func (p routerPort) Restore(ctx context.Context, revert bool) error {
	return p.do(ctx, "restore, revert %t", revert)
}

// Measure is part of engine.Meter.
func (p *ports) Measure(ctx context.Context, m rollout.Measure) analysis.Evidence {
	p.world.notef("%s: measure %s", p.name, m.ID)
	if p.script.measure == nil {
		return analysis.Evidence{}
	}
	return p.script.measure(ctx, m)
}

// Ask is part of engine.Gate.
func (p *ports) Ask(ctx context.Context, a rollout.Ask) rollout.Answer {
	p.world.notef("%s: ask %s", p.name, a.ID)
	if p.script.ask == nil {
		return rollout.Answer{OK: true}
	}
	return p.script.ask(ctx, a)
}

// Notify is part of engine.Notifier.
func (p *ports) Notify(ctx context.Context, e rollout.Event) error {
	p.world.notef("%s: notify %s", p.name, e.ID)
	if p.script.notify == nil {
		return nil
	}
	return p.script.notify(ctx, e)
}

// step is the core of one test.
type step = func(rollout.Spec, rollout.State, rollout.Observation) (rollout.State, []rollout.Action)

// at returns a core that is at rest and wants the same actions in every pass.
func at(actions ...rollout.Action) step {
	return func(_ rollout.Spec, s rollout.State, _ rollout.Observation) (rollout.State, []rollout.Action) {
		return resting(s), actions
	}
}

// resting gives a state a phase in which the engine does not look again by itself.
func resting(s rollout.State) rollout.State {
	s.Version, s.Phase = rollout.StateVersion, rollout.Succeeded
	return s
}

// split is an action that gives the canary a weight.
func split(canary rollout.Weight) rollout.Action {
	return rollout.SetSplit{Split: rollout.Split{Primary: rollout.Whole - canary, Canary: canary}}
}
