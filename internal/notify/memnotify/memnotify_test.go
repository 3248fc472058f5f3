package memnotify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/memnotify"
	"github.com/serin-dev/serin/internal/notify/notifytest"
	"github.com/serin-dev/serin/internal/rollout"
)

func newHarness() notifytest.Harness {
	r := memnotify.New()
	return notifytest.Harness{
		Driver: r.Driver(),
		Let: func(t couriertest.Trouble) {
			switch t {
			case couriertest.Bad:
				r.Fail(fault.Errorf(fault.Invalid, "the message is refused"))
			case couriertest.Failing, couriertest.Down:
				r.Fail(fault.Errorf(fault.Unavailable, "the receiver is %s", t))
			case couriertest.Hanging:
				r.Hang()
			default:
				r.Fail(nil)
			}
		},
		Received: func() []notifytest.Received {
			var got []notifytest.Received
			for _, m := range r.Told() {
				got = append(got, notifytest.Received{ID: m.Event.ID, Severity: string(m.Event.Severity), Text: m.Event.Message})
			}
			return got
		},
		Severity: func(s rollout.Severity) string { return string(s) },
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, func(*testing.T) notifytest.Harness { return newHarness() })
}

// driver is a driver as a function.
type driver func(ctx context.Context, m notify.Message) error

func (d driver) Send(ctx context.Context, m notify.Message) error { return d(ctx, m) }

// editing makes a driver that changes what it sends.
func editing(edit func(*notify.Message)) func(notify.Driver) notify.Driver {
	return func(good notify.Driver) notify.Driver {
		return driver(func(ctx context.Context, m notify.Message) error {
			edit(&m)
			return good.Send(ctx, m)
		})
	}
}

// turning makes a driver that turns one kind of error into another error.
func turning(from fault.Kind, into error) func(notify.Driver) notify.Driver {
	return func(good notify.Driver) notify.Driver {
		return driver(func(ctx context.Context, m notify.Message) error {
			if err := good.Send(ctx, m); err == nil || fault.KindOf(err) != from {
				return err
			}
			return into
		})
	}
}

func deaf(good notify.Driver) notify.Driver {
	return driver(func(ctx context.Context, m notify.Message) error {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return good.Send(limited, m)
	})
}

// counting makes a driver that numbers what it sends.
func counting(good notify.Driver) notify.Driver {
	n := 0
	return driver(func(ctx context.Context, m notify.Message) error {
		n++
		m.Event.ID += strings.Repeat("'", n-1)
		return good.Send(ctx, m)
	})
}

func TestEachLawCatchesABrokenDriver(t *testing.T) {
	t.Parallel()
	defects := map[string]struct {
		law  string
		make func(good notify.Driver) notify.Driver
	}{
		"sends twice": {"every event arrives with its id", func(good notify.Driver) notify.Driver {
			return driver(func(ctx context.Context, m notify.Message) error {
				return errors.Join(good.Send(ctx, m), good.Send(ctx, m))
			})
		}},
		"drops the id":               {"every event arrives with its id", editing(func(m *notify.Message) { m.Event.ID = "" })},
		"makes ids of its own":       {"a retry has the same id", counting},
		"is always calm":             {"severities can be told apart", editing(func(m *notify.Message) { m.Event.Severity = rollout.Info })},
		"escapes twice":              {"a message arrives as it was written", editing(func(m *notify.Message) { m.Event.Message = strings.ReplaceAll(m.Event.Message, "&", "&amp;") })},
		"wants to try for ever":      {"a refusal is final", turning(fault.Invalid, fault.Errorf(fault.Unavailable, "later"))},
		"gives up at once":           {"no answer is Unavailable", turning(fault.Unavailable, fault.Errorf(fault.Invalid, "never"))},
		"takes a timeout for a yes":  {"a timeout is no answer", turning(fault.Unavailable, nil)},
		"does not look at a context": {"an ended context ends the call", deaf},
		"cuts what it was given": {"the message is left as it was", editing(func(m *notify.Message) {
			for i := range m.Event.Results {
				m.Event.Results[i].Message = ""
			}
		})},
		"tells only one thing": {"many messages at once", editing(func(m *notify.Message) { m.Event.ID = "1" })},
	}
	caught := map[string]bool{}
	for name, d := range defects {
		for _, law := range notifytest.Laws() {
			if law.Name != d.law {
				continue
			}
			h := newHarness()
			h.Driver = d.make(h.Driver)
			if err := law.Check(t.Context(), h); err == nil {
				t.Errorf("a driver that %s obeys the law %q", name, law.Name)
			}
			caught[law.Name] = true
		}
	}
	for _, law := range notifytest.Laws() {
		if !law.Remote && !caught[law.Name] {
			t.Errorf("no broken driver breaks the law %q", law.Name)
		}
	}
}

func TestInvertedLawsCatchADriverThatSends(t *testing.T) {
	t.Parallel()
	h := newHarness()
	received := h.Received
	h.Received = func() []notifytest.Received {
		got := received()
		for i := range got {
			got[i].Body = []byte("{}")
		}
		return got
	}
	for _, law := range notifytest.Laws() {
		if !law.Remote {
			continue
		}
		if err := law.Check(t.Context(), h); err == nil {
			t.Errorf("a driver that sends obeys the inversion of %q", law.Name)
		}
	}
}

func TestReceiverKeepsTheLatestMessages(t *testing.T) {
	t.Parallel()
	r := memnotify.New()
	for i := range 1100 {
		if err := r.Driver().Send(t.Context(), notify.Message{Event: rollout.Event{Step: i}}); err != nil {
			t.Fatal(err)
		}
	}
	if told := r.Told(); len(told) != 1000 || told[999].Event.Step != 1099 {
		t.Errorf("%d messages are kept", len(told))
	}
}
