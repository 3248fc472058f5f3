// Package metertest holds the laws that every metrics source of Serin obeys. A driver's test calls Run with a
// harness; the same laws are themselves tested against drivers that are broken on purpose.
package metertest

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/meter"
)

// Caps are what a driver or its harness can do. A law that needs what is missing is not skipped but inverted.
type Caps struct {
	// Ranges means that the source gives raw points for a range selector; without it the driver must refuse one as
	// fault.Unsupported.
	Ranges bool
	// Remote means that the source is reached over a network and that the harness can disturb it; without it no
	// call may fail as if there were a network.
	Remote bool
}

// Trouble is a way in which a source can go wrong.
type Trouble string

// The troubles. Calm is none.
const (
	Calm         Trouble = "calm"
	Unauthorized Trouble = "unauthorized" // as with HTTP status 401
	Forbidden    Trouble = "forbidden"    // as with HTTP status 403
	Overloaded   Trouble = "overloaded"   // as with HTTP status 429, naming a delay of RetryAfter
	Failing      Trouble = "failing"      // as with HTTP status 500
	Down         Trouble = "down"         // the connection ends before an answer
	Hanging      Trouble = "hanging"      // no answer until the caller gives up
	Huge         Trouble = "huge"         // an answer that does not end
	Garbage      Trouble = "garbage"      // an answer that cannot be read
	Redirecting  Trouble = "redirecting"  // an answer that points to another place
)

// RetryAfter is the delay that an Overloaded source names.
const RetryAfter = 7 * time.Second

// Harness builds a driver with its source and can act behind the driver's back.
type Harness interface {
	Driver() meter.Driver
	// Caps says which laws hold as they are and which inverted.
	Caps() Caps
	// Store puts raw points into the source. The label __name__ is the metric's name.
	Store(series ...meter.Series) error
	// Disturb makes the source go wrong from now on. It is only called where Caps.Remote is set.
	Disturb(t Trouble)
	// Secrets are what the driver authenticates with.
	Secrets() []string
}

// Run checks all laws, each with a harness of its own.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := l.verify(ctx, newHarness(t)); err != nil {
				t.Errorf("the law %q does not hold: %v", l.name, err)
			}
		})
	}
}

// law is one thing that holds for every driver.
type law struct {
	name string
	// ranges and remote are the capabilities that it needs; refuse is checked where one of them is missing.
	ranges, remote bool
	check          func(ctx context.Context, h Harness) error
}

func (l *law) verify(ctx context.Context, h Harness) error {
	caps := h.Caps()
	switch {
	case l.ranges && !caps.Ranges:
		return refusesRanges(ctx, h)
	case l.remote && !caps.Remote:
		return hasNoNetwork(ctx, h)
	default:
		return l.check(ctx, h)
	}
}

// Names lists the laws for people, with the ability that a law needs.
func Names() []string {
	var names []string
	for _, l := range laws() {
		name := l.name
		switch {
		case l.ranges:
			name += " (needs ranges)"
		case l.remote:
			name += " (needs a network)"
		}
		names = append(names, name)
	}
	return names
}

func laws() []law {
	return []law{
		{name: "one value", check: oneValue},
		{name: "empty answer is not zero", check: emptyIsNotZero},
		{name: "not a number and infinity pass through", check: notNumbers},
		{name: "every series with its labels", check: everySeries},
		{name: "a range gives every raw point", ranges: true, check: rawPoints},
		{name: "a query that cannot be read is Invalid", check: badQuery},
		{name: "an ended context is Unavailable", check: endedContext},
		{name: "many callers at once", check: manyCallers},
		{name: "an old sample is no evidence", check: oldSample},
		{name: "values are escaped", check: escaped},
		{name: "what an answer means", check: meanings},
		{name: "counts of both versions", ranges: true, check: counts},
		{name: "the same window asks the same", ranges: true, check: sameWindow},
		{name: "refused access is Denied", remote: true, check: denied},
		{name: "overload is Unavailable with its delay", remote: true, check: overloaded},
		{name: "no usable answer is Unavailable", remote: true, check: unavailable},
		{name: "a deadline is honoured", remote: true, check: deadline},
		{name: "an endless answer and a redirect are Invalid", remote: true, check: invalidAnswers},
		{name: "no secret in an error", remote: true, check: noSecrets},
		{name: "trouble passes", remote: true, check: recovers},
	}
}
