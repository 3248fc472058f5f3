package engine

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Options are what an engine can do without; the zero value is a working default.
type Options struct {
	// Journal keeps events; nil keeps none.
	Journal Journal
	// Inbox holds the commands of people; nil has none.
	Inbox Inbox
	// Clock is what passes are timed by; nil is the clock of this machine. Deadlines of calls always follow the
	// latter, since they guard real calls.
	Clock Clock
	// Logger gets what operators need; nil logs nothing.
	Logger *slog.Logger
	// Observe is called after each pass, from the goroutine of the pass: it has to be quick and ready for concurrent
	// calls for different canaries. It must not change what it gets.
	Observe func(Trace)
	// Jitter returns numbers in [0, 1) that spread retries; nil is a random source.
	Jitter func() float64
	// Step is the core; nil is rollout.Step.
	Step func(rollout.Spec, rollout.State, rollout.Observation) (rollout.State, []rollout.Action)

	// Workers is the number of passes at the same time. Default 8.
	Workers int
	// Background bounds the background calls of one kind (hooks, measurements, deliveries) at the same time.
	// Default 256.
	Background int
	// PerCanary bounds the hooks, and the measurements, of one canary at the same time. Default 8.
	PerCanary int

	Deadlines Deadlines
	Pace      Pace
}

// Deadlines bound what the engine waits for. Portable types have shorter ones of their own; these hold even
// where they are missing.
type Deadlines struct {
	// Observe bounds the reads of a pass, which run side by side: it is the most that a hung read delays a
	// rollback. Default 5 s.
	Observe time.Duration
	// Act bounds one change of the world. Default 15 s.
	Act time.Duration
	// Store bounds one access to the store or the journal. Default 5 s.
	Store time.Duration
	// Ask bounds one question to a hook. Default 5 m, since a hook may run a test.
	Ask time.Duration
	// Measure bounds the measurement of one check. Default 30 s.
	Measure time.Duration
	// Notify bounds one attempt to deliver an event. Default 30 s.
	Notify time.Duration
	// Stop bounds how long Run waits for calls once its context has ended. Default 10 s.
	Stop time.Duration
}

// Pace says how often the engine looks and tries again.
type Pace struct {
	// Poll is the time to the next look at a canary that is not at rest, if nothing wakes it before. It doubles from
	// look to look while nothing changes, up to PollMax. Default 250 ms and 30 s. A canary at rest is only
	// looked at when it is woken.
	Poll, PollMax time.Duration
	// Retry is the first delay after a failure that may pass; it doubles up to RetryMax. Default 200 ms and 30 s.
	Retry, RetryMax time.Duration
	// Slow is the first delay after a failure that does not pass by itself (Denied, Invalid, Unsupported); it doubles
	// up to SlowMax. Default 15 s and 5 m.
	Slow, SlowMax time.Duration
	// Deliveries is how often a notifier is tried with one event before it is given up. Default 5.
	Deliveries int
	// Farewell is how long a released canary waits for its last events to be delivered before it is deleted
	// nevertheless. Default 1 m.
	Farewell time.Duration
}

// Clock is time as the engine needs it.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, after d, unless it is stopped before.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

func (machineClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// withDefaults fills in what is zero and refuses what makes no sense.
func (o Options) withDefaults() (Options, error) {
	if o.Clock == nil {
		o.Clock = machineClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Trace) {}
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Step == nil {
		o.Step = rollout.Step
	}
	bounds := orDefault(&o.Workers, 8) && orDefault(&o.Background, 256) && orDefault(&o.PerCanary, 8)
	if !bounds || !o.Deadlines.fill() || !o.Pace.fill() {
		return o, fault.Errorf(fault.Invalid, "no number or duration of an engine's options may be negative")
	}
	return o, nil
}

func (d *Deadlines) fill() bool {
	return orDefault(&d.Observe, 5*time.Second) && orDefault(&d.Act, 15*time.Second) &&
		orDefault(&d.Store, 5*time.Second) && orDefault(&d.Ask, 5*time.Minute) &&
		orDefault(&d.Measure, 30*time.Second) && orDefault(&d.Notify, 30*time.Second) && orDefault(&d.Stop, 10*time.Second)
}

func (p *Pace) fill() bool {
	return orDefault(&p.Poll, 250*time.Millisecond) && orDefault(&p.PollMax, 30*time.Second) &&
		orDefault(&p.Retry, 200*time.Millisecond) && orDefault(&p.RetryMax, 30*time.Second) &&
		orDefault(&p.Slow, 15*time.Second) && orDefault(&p.SlowMax, 5*time.Minute) &&
		orDefault(&p.Deliveries, 5) && orDefault(&p.Farewell, time.Minute)
}

// orDefault replaces zero and says whether the value can be used.
func orDefault[T int | time.Duration](v *T, or T) bool {
	if *v == 0 {
		*v = or
	}
	return *v > 0
}
