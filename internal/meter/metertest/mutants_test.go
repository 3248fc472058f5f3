package metertest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/memmeter"
)

// mutant is a driver that is broken in one way, with the laws that must notice.
type mutant struct {
	caught []string
	query  func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error)
}

func (m mutant) with(d *memmeter.Driver) meter.Driver { return broken{d, m.query} }

type broken struct {
	*memmeter.Driver

	query func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error)
}

func (b broken) Query(ctx context.Context, text string, at time.Time) ([]meter.Series, error) {
	return b.query(ctx, b.Driver, text, at)
}

type brokenHarness struct {
	driver *memmeter.Driver
	broken meter.Driver
	caps   Caps
}

func (h brokenHarness) Driver() meter.Driver { return h.broken }
func (h brokenHarness) Caps() Caps           { return h.caps }
func (h brokenHarness) Disturb(t Trouble)    { h.driver.Trouble(Simulate(t)) }
func (h brokenHarness) Secrets() []string    { return []string{"swordfish"} }
func (h brokenHarness) Store(series ...meter.Series) error {
	for _, s := range series {
		h.driver.Append(s.Labels, s.Points...)
	}
	return nil
}

// edited makes a mutant that changes the good driver's answer.
func edited(edit func([]meter.Series) []meter.Series, caught ...string) mutant {
	return mutant{caught, func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
		series, err := d.Query(ctx, text, at)
		return edit(series), err
	}}
}

// failing makes a mutant that changes the good driver's errors.
func failing(change func(error) error, caught ...string) mutant {
	return mutant{caught, func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
		series, err := d.Query(ctx, text, at)
		if err != nil {
			err = change(err)
		}
		return series, err
	}}
}

func as(kind, instead fault.Kind) func(error) error {
	return func(err error) error {
		if fault.KindOf(err) == kind {
			return fault.Errorf(instead, "changed")
		}
		return err
	}
}

func points(change func(*meter.Point)) func([]meter.Series) []meter.Series {
	return func(series []meter.Series) []meter.Series {
		for _, s := range series {
			for i := range s.Points {
				change(&s.Points[i])
			}
		}
		return series
	}
}

func answerMutants() map[string]mutant {
	zero := []meter.Series{{Points: []meter.Point{{At: time.Now(), Value: 0}}}}
	return map[string]mutant{
		"an empty answer becomes 0": edited(func(s []meter.Series) []meter.Series {
			if len(s) == 0 {
				return zero
			}
			return s
		}, "empty answer is not zero", "what an answer means", "an old sample is no evidence"),
		"NaN becomes 0": edited(points(func(p *meter.Point) {
			if p.Value != p.Value {
				p.Value = 0
			}
		}), "not a number and infinity pass through", "what an answer means"),
		"the first of several series": edited(func(s []meter.Series) []meter.Series { return s[:min(1, len(s))] },
			"every series with its labels", "what an answer means", "counts of both versions"),
		"labels are lost": edited(func(s []meter.Series) []meter.Series {
			for i := range s {
				s[i].Labels = nil
			}
			return s
		}, "every series with its labels", "counts of both versions"),
		"only the newest point of a range": edited(func(s []meter.Series) []meter.Series {
			for i := range s {
				s[i].Points = s[i].Points[len(s[i].Points)-1:]
			}
			return s
		}, "a range gives every raw point", "counts of both versions"),
		"points come backwards": edited(func(s []meter.Series) []meter.Series {
			for i := range s {
				slices.Reverse(s[i].Points)
			}
			return s
		}, "a range gives every raw point"),
		"times are whole minutes": edited(points(func(p *meter.Point) { p.At = p.At.Truncate(time.Minute).Add(-time.Minute) }),
			"one value", "a range gives every raw point"),
		"one value for all": edited(points(func(p *meter.Point) { p.Value = 1 }), "one value", "many callers at once"),
		"values are not unescaped": {[]string{"values are escaped"},
			func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
				return d.Query(ctx, strings.ReplaceAll(text, `\`, ``), at)
			}},
		"always now": {[]string{"the same window asks the same"},
			func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
				series, err := d.Query(ctx, text, at)
				for i := range series {
					series[i].Points[0].Value = float64(len(d.Asked()))
				}
				return series, err
			}},
	}
}

func errorMutants() map[string]mutant {
	return map[string]mutant{
		"Invalid becomes Unavailable": failing(as(fault.Invalid, fault.Unavailable),
			"a query that cannot be read is Invalid", "an endless answer and a redirect are Invalid"),
		"Denied becomes Unavailable": failing(as(fault.Denied, fault.Unavailable), "refused access is Denied"),
		"Unavailable becomes Invalid": failing(as(fault.Unavailable, fault.Invalid),
			"no usable answer is Unavailable", "an ended context is Unavailable", "a deadline is honoured"),
		"the delay is lost": failing(as(fault.Unavailable, fault.Unavailable), "overload is Unavailable with its delay"),
		"kinds are lost": failing(func(error) error { return errors.New("something went wrong") },
			"refused access is Denied", "no usable answer is Unavailable"),
		"the context is ignored": {[]string{"an ended context is Unavailable"},
			func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
				return d.Query(context.WithoutCancel(ctx), text, at)
			}},
		"the secret is told": failing(func(err error) error {
			return fault.Errorf(fault.KindOf(err), "with swordfish: %w", err)
		}, "no secret in an error"),
		"it stays broken": {[]string{"trouble passes"}, staysBroken()},
	}
}

func staysBroken() func(context.Context, *memmeter.Driver, string, time.Time) ([]meter.Series, error) {
	var first error
	return func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
		series, err := d.Query(ctx, text, at)
		if first == nil {
			first = err
		}
		return series, first
	}
}

func verify(t *testing.T, l law, m mutant, caps Caps) error {
	t.Helper()
	// Only a mutant that waits for ever needs this deadline.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d := memmeter.New()
	return l.verify(ctx, brokenHarness{d, m.with(d), caps})
}

func TestLawsCatchBrokenDrivers(t *testing.T) {
	t.Parallel()
	byName := map[string]law{}
	unused := map[string]bool{}
	for _, l := range laws() {
		byName[l.name] = l
		unused[l.name] = true
	}
	mutants := answerMutants()
	maps.Copy(mutants, errorMutants())
	for name, m := range mutants {
		for _, lawName := range m.caught {
			l, ok := byName[lawName]
			if !ok {
				t.Fatalf("there is no law %q", lawName)
			}
			if verify(t, l, m, Caps{Ranges: true, Remote: true}) == nil {
				t.Errorf("the law %q does not notice: %s", lawName, name)
			}
			delete(unused, lawName)
		}
	}
	for name := range unused {
		t.Errorf("the law %q has caught no broken driver", name)
	}
}

func TestInvertedLaws(t *testing.T) {
	t.Parallel()
	good := edited(func(s []meter.Series) []meter.Series { return s })
	for _, l := range laws() {
		if l.ranges && verify(t, l, good, Caps{Remote: true}) == nil {
			t.Errorf("%q: a driver that answers ranges without declaring them is not noticed", l.name)
		}
		if l.remote && verify(t, l, good, Caps{Ranges: true}) == nil {
			t.Errorf("%q: a driver with secrets and no network is not noticed", l.name)
		}
	}
	refusing := mutant{nil, func(ctx context.Context, d *memmeter.Driver, text string, at time.Time) ([]meter.Series, error) {
		if strings.HasSuffix(text, "]") {
			return nil, fault.Errorf(fault.Unsupported, "no ranges here")
		}
		return d.Query(ctx, text, at)
	}}
	for _, l := range laws() {
		if err := verify(t, l, refusing, Caps{Remote: true}); err != nil {
			t.Errorf("%q does not hold for a driver that rightly refuses ranges: %v", l.name, err)
		}
	}
}
