package gate

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

const (
	// firstPause is the time before the first repetition of a call; it doubles up to longestPause.
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	// mostRetries is the limit of the API.
	mostRetries = 100
	// longestMessage bounds what is remembered of a refusal, in characters.
	longestMessage = 500
)

// Hook is one hook of a canary with what carries its question out.
type Hook struct {
	// Name is that of the hook in rollout.Spec.
	Name   string
	Driver Driver
	// Timeout bounds one call. Default 10 s.
	Timeout time.Duration
	// Retries is how often a call without a usable answer is repeated. An answer is an answer: a no is never repeated.
	Retries int
}

// Options of a Gate; the zero value is the default.
type Options struct {
	// Now stamps answers. Default: the clock of this machine.
	Now func() time.Time
	// Logger is told of each question before it is asked. Default none.
	Logger *slog.Logger
}

// Gate asks the hooks of one canary, from any number of goroutines. It never fails: whatever is no clear yes is a
// refusal that says why.
type Gate struct {
	hooks   map[string]Hook
	options Options
}

// New returns the Gate of one canary.
func New(hooks []Hook, o Options) (*Gate, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gate{hooks: make(map[string]Hook, len(hooks)), options: o}
	for _, h := range hooks {
		if h.Timeout == 0 {
			h.Timeout = 10 * time.Second
		}
		if err := h.validate(); err != nil {
			return nil, err
		}
		if _, twice := g.hooks[h.Name]; twice {
			return nil, fault.Errorf(fault.Invalid, "hook %q is there twice: give each its own name", h.Name)
		}
		g.hooks[h.Name] = h
	}
	return g, nil
}

func (h *Hook) validate() error {
	switch {
	case h.Name == "":
		return fault.Errorf(fault.Invalid, "a hook has no name")
	case h.Driver == nil:
		return fault.Errorf(fault.Invalid, "hook %q has nothing that asks it", h.Name)
	case h.Timeout < 0:
		return fault.Errorf(fault.Invalid, "hook %q has a negative timeout", h.Name)
	case h.Retries < 0 || h.Retries > mostRetries:
		return fault.Errorf(fault.Invalid, "hook %q has %d retries: write 0 to %d", h.Name, h.Retries, mostRetries)
	}
	return nil
}

// Ask puts one question to its hook. For a rollback hook OK means to go back, for all others to go on.
func (g *Gate) Ask(ctx context.Context, a rollout.Ask) rollout.Answer {
	h, ok := g.hooks[a.Hook]
	if !ok {
		return g.answer(fault.Errorf(fault.NotFound, "the canary has no hook named %q", a.Hook))
	}
	g.options.Logger.DebugContext(ctx, "Asking a hook", "hook", h.Name, "id", a.ID)
	return g.answer(h.ask(ctx, a))
}

func (g *Gate) answer(err error) rollout.Answer {
	answer := rollout.Answer{OK: err == nil, At: g.options.Now()}
	if err != nil {
		answer.Message = sentence(err.Error())
	}
	return answer
}

// sentence keeps a refusal to one line of a bounded length: it ends up in states and in messages.
func sentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestMessage {
		return string(runes[:longestMessage]) + "…"
	}
	if text == "" {
		return "the hook refused without a word"
	}
	return text
}

// ask calls until there is an answer or no retry is left.
func (h *Hook) ask(ctx context.Context, a rollout.Ask) error {
	pause := firstPause
	for try := 0; ; try++ {
		err := h.once(ctx, a)
		if err == nil || !mayPass(err) || try >= h.Retries {
			return err
		}
		// A hook that names a delay is not asked before; where there is no time for it, this was the last try.
		delay := max(pause, fault.RetryAfter(err))
		if delay > max(h.Timeout, longestPause) || !wait(ctx, delay) {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

func mayPass(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Unavailable || kind == fault.Unknown
}

// once makes one call with a deadline of its own.
func (h *Hook) once(ctx context.Context, a rollout.Ask) error {
	limited, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	err := h.Driver.Ask(limited, a)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fault.Errorf(fault.Unavailable, "no answer within %s: %w", h.Timeout, err)
	}
	return err
}

// wait returns true after d, or false at once where ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	if until, ok := ctx.Deadline(); ok && time.Until(until) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
