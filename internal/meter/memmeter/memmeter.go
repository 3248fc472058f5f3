// Package memmeter is a metrics source in memory: a real Driver with state, for tests and for the simulated
// world. It holds raw points, answers selectors over them, and can be told to fail.
package memmeter

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
)

// lookback is how far an instant selector looks into the past for a series' newest point.
const lookback = 5 * time.Minute

// Question is one query that the driver was asked.
type Question struct {
	Text string
	At   time.Time
}

// Driver is a metrics source in memory. Its methods may be called from several goroutines.
type Driver struct {
	mu      sync.Mutex
	series  map[string]*meter.Series
	answers map[string][]meter.Series
	trouble func(ctx context.Context) error
	asked   []Question
}

var _ meter.Driver = (*Driver)(nil)

// New returns a source without any series.
func New() *Driver {
	return &Driver{series: map[string]*meter.Series{}, answers: map[string][]meter.Series{}}
}

// Append adds points to a series, which is created where it does not exist. The name of its metric is the
// label __name__.
func (d *Driver) Append(labels map[string]string, points ...meter.Point) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := keyOf(labels)
	s, ok := d.series[key]
	if !ok {
		s = &meter.Series{Labels: maps.Clone(labels)}
		d.series[key] = s
	}
	s.Points = append(s.Points, points...)
	slices.SortStableFunc(s.Points, func(a, b meter.Point) int { return a.At.Compare(b.At) })
}

// Answer makes the driver answer a query, word for word, with series, whatever it holds.
func (d *Driver) Answer(text string, series ...meter.Series) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[text] = series
}

// Trouble makes every following query fail with what f returns; f may wait for the context. Where f is nil or
// returns nil, queries are answered.
func (d *Driver) Trouble(f func(ctx context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = f
}

// Asked lists the queries so far.
func (d *Driver) Asked() []Question {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

// Query answers a selector, with or without a range, or a query that Answer has prepared. Other PromQL is
// fault.Invalid.
func (d *Driver) Query(ctx context.Context, text string, at time.Time) ([]meter.Series, error) {
	d.mu.Lock()
	d.asked = append(d.asked, Question{Text: text, At: at})
	trouble := d.trouble
	d.mu.Unlock()
	if trouble != nil {
		if err := trouble(ctx); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "query metrics: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if series, ok := d.answers[text]; ok {
		return clone(series), nil
	}
	sel, err := parse(text)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "query %q: %w", text, err)
	}
	return d.selected(sel, at), nil
}

func (d *Driver) selected(sel selector, at time.Time) []meter.Series {
	var found []meter.Series
	reach := sel.window
	if reach == 0 {
		reach = lookback
	}
	for _, key := range slices.Sorted(maps.Keys(d.series)) {
		s := d.series[key]
		if !sel.matches(s.Labels) {
			continue
		}
		var points []meter.Point
		for _, p := range s.Points {
			if p.At.After(at.Add(-reach)) && !p.At.After(at) {
				points = append(points, p)
			}
		}
		if sel.window == 0 && len(points) > 1 {
			points = points[len(points)-1:]
		}
		if len(points) > 0 {
			found = append(found, meter.Series{Labels: maps.Clone(s.Labels), Points: points})
		}
	}
	return found
}

func clone(series []meter.Series) []meter.Series {
	out := make([]meter.Series, len(series))
	for i, s := range series {
		out[i] = meter.Series{Labels: maps.Clone(s.Labels), Points: slices.Clone(s.Points)}
	}
	return out
}

func keyOf(labels map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(name + "\x00" + labels[name] + "\x00")
	}
	return b.String()
}
