package memgate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/gate/gatetest"
	"github.com/serin-dev/serin/internal/gate/memgate"
	"github.com/serin-dev/serin/internal/rollout"
)

// harness is a hook in memory; wrap may break its driver.
type harness struct {
	party *memgate.Party
	wrap  func(gate.Driver) gate.Driver
}

func newHarness() *harness {
	return &harness{memgate.New(), func(d gate.Driver) gate.Driver { return d }}
}

func (h *harness) Driver() gate.Driver { return h.wrap(h.party.Driver()) }
func (h *harness) Caps() gatetest.Caps { return gatetest.Caps{} }
func (h *harness) Secrets() []string   { return nil }

func (h *harness) Let(b gatetest.Behaviour) {
	switch b {
	case gatetest.No:
		h.party.Close(gatetest.Hook, "ann has closed it")
	case gatetest.Missing:
		h.party.Fail(gatetest.Hook, fault.Errorf(fault.Unavailable, "the connection ended"))
	case gatetest.Hanging:
		h.party.Hang(gatetest.Hook)
	default:
		h.party.Open(gatetest.Hook)
	}
}

func (h *harness) Received() []gatetest.Received {
	var got []gatetest.Received
	for _, a := range h.party.Asked(gatetest.Hook) {
		got = append(got, gatetest.Received{ID: a.ID})
	}
	return got
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatetest.Run(t, func(*testing.T) gatetest.Harness { return newHarness() })
}

// driver is a driver as a function.
type driver func(ctx context.Context, a rollout.Ask) error

func (d driver) Ask(ctx context.Context, a rollout.Ask) error { return d(ctx, a) }

// turning makes a driver that turns one kind of error into another error.
func turning(from fault.Kind, into error) func(gate.Driver) gate.Driver {
	return func(good gate.Driver) gate.Driver {
		return driver(func(ctx context.Context, a rollout.Ask) error {
			if err := good.Ask(ctx, a); err == nil || fault.KindOf(err) != from {
				return err
			}
			return into
		})
	}
}

func TestEachLawCatchesABrokenDriver(t *testing.T) {
	t.Parallel()
	defects := map[string]struct {
		law  string
		make func(good gate.Driver) gate.Driver
	}{
		"asks twice": {"yes is yes", func(good gate.Driver) gate.Driver {
			return driver(func(ctx context.Context, a rollout.Ask) error { return errors.Join(good.Ask(ctx, a), good.Ask(ctx, a)) })
		}},
		"says no without a word":     {"no is Denied, with a sentence", turning(fault.Denied, fault.Errorf(fault.Denied, ""))},
		"takes a no for no answer":   {"no is Denied, with a sentence", turning(fault.Denied, fault.Errorf(fault.Unavailable, "no"))},
		"takes no answer for a no":   {"no answer is Unavailable", turning(fault.Unavailable, fault.Errorf(fault.Denied, "no"))},
		"takes a timeout for a yes":  {"a timeout is no answer", turning(fault.Unavailable, nil)},
		"takes no answer for a yes":  {"a hook that changes its mind is heard", turning(fault.Unavailable, nil)},
		"does not look at a context": {"an ended context ends the call", deaf},
		"makes ids of its own":       {"the same question has the same id", renaming()},
		"remembers the first answer": {"a hook that changes its mind is heard", remembering()},
		"asks one question for all": {"many questions at once", func(good gate.Driver) gate.Driver {
			return driver(func(ctx context.Context, _ rollout.Ask) error { return good.Ask(ctx, gatetest.Question("1")) })
		}},
	}
	caught := map[string]bool{}
	for name, d := range defects {
		for _, law := range gatetest.Laws() {
			if law.Name != d.law {
				continue
			}
			h := newHarness()
			h.wrap = d.make
			if err := law.Check(t.Context(), h); err == nil {
				t.Errorf("a driver that %s obeys the law %q", name, law.Name)
			}
			caught[law.Name] = true
		}
	}
	for _, law := range gatetest.Laws() {
		if !law.Remote && !caught[law.Name] {
			t.Errorf("no broken driver breaks the law %q", law.Name)
		}
	}
}

func deaf(good gate.Driver) gate.Driver {
	return driver(func(ctx context.Context, a rollout.Ask) error {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return good.Ask(limited, a)
	})
}

func renaming() func(gate.Driver) gate.Driver {
	n := 0
	return func(good gate.Driver) gate.Driver {
		return driver(func(ctx context.Context, a rollout.Ask) error {
			n++
			a.ID += string(rune('a' + n))
			return good.Ask(ctx, a)
		})
	}
}

func remembering() func(gate.Driver) gate.Driver {
	asked := false
	var first error
	return func(good gate.Driver) gate.Driver {
		return driver(func(ctx context.Context, a rollout.Ask) error {
			if !asked {
				asked, first = true, good.Ask(ctx, a)
			}
			return first
		})
	}
}

// gossip is a harness without a network that was given something to be silent about.
type gossip struct{ *harness }

func (gossip) Secrets() []string { return []string{"swordfish"} }

// leaky is a harness without a network that sends something nevertheless.
type leaky struct{ *harness }

func (l leaky) Received() []gatetest.Received {
	got := l.harness.Received()
	for i := range got {
		got[i].Body = []byte("{}")
	}
	return got
}

func TestInvertedLawsCatchADriverThatSends(t *testing.T) {
	t.Parallel()
	for _, law := range gatetest.Laws() {
		if !law.Remote {
			continue
		}
		for _, h := range []gatetest.Harness{gossip{newHarness()}, leaky{newHarness()}} {
			if err := law.Check(t.Context(), h); err == nil {
				t.Errorf("%T obeys the inversion of %q", h, law.Name)
			}
		}
	}
}

func TestPartyRemembersTheLatestQuestions(t *testing.T) {
	t.Parallel()
	p := memgate.New()
	d := p.Driver()
	for i := range 1100 {
		if err := d.Ask(t.Context(), rollout.Ask{ID: string(rune('a' + i%26)), Hook: "h", Weight: rollout.Weight(i)}); err != nil {
			t.Fatal(err)
		}
	}
	asked := p.Asked("h")
	if len(asked) != 1000 || asked[999].Weight != 1099 || len(p.Asked("other")) != 0 {
		t.Errorf("%d questions are remembered", len(asked))
	}
}
