package meter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Options tune a Meter; the zero value is the default.
type Options struct {
	// Timeout bounds each question to a source. Default 10 s.
	Timeout time.Duration
	// Parallel bounds how many questions are open at once. Default 4.
	Parallel int
	// StaleAfter is the age from which on a point is no evidence any more. Default 1 m.
	StaleAfter time.Duration
}

// Gauge is one named query of a canary that is not made of counts: a template or an inline query.
type Gauge struct {
	// Name is the metric's name in the canary's analysis.
	Name   string
	Driver Driver
	// Text is the query as the user wrote it, Vars what its variables stand for.
	Text string
	Vars Vars
}

// Meter measures one canary. It knows no retries: the next check asks again.
type Meter struct {
	counts *Counts
	gauges []rendered
	o      Options
}

// rendered is a Gauge whose text is ready to be asked: it depends on nothing that changes between checks.
type rendered struct {
	name   string
	driver Driver
	text   string
}

// New returns the Meter of one canary. Counts is nil when no metric is made of counts. A template that cannot
// be filled in is refused here, so that it is seen when the manifest is loaded and not in the middle of a run.
func New(counts *Counts, gauges []Gauge, o Options) (*Meter, error) {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.StaleAfter <= 0 {
		o.StaleAfter = time.Minute
	}
	if counts != nil {
		if err := counts.validate(); err != nil {
			return nil, fmt.Errorf("builtin metrics: %w", err)
		}
	}
	m := &Meter{counts: counts, o: o}
	seen := map[string]bool{}
	for _, g := range gauges {
		if seen[g.Name] {
			return nil, fault.Errorf(fault.Invalid, "metric %q is there twice: give each its own name", g.Name)
		}
		seen[g.Name] = true
		if g.Driver == nil {
			return nil, fault.Errorf(fault.Invalid, "metric %q has no source to ask", g.Name)
		}
		text, err := Render(g.Text, g.Vars)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", g.Name, err)
		}
		m.gauges = append(m.gauges, rendered{name: g.Name, driver: g.Driver, text: text})
	}
	return m, nil
}

// Measure asks every source about one window and returns what they said. It never fails: what could not be
// measured is a problem in the evidence. The same window leads to the same queries.
func (m *Meter) Measure(ctx context.Context, w rollout.Measure) analysis.Evidence {
	var (
		e  analysis.Evidence
		mu sync.Mutex
		g  errgroup.Group
	)
	g.SetLimit(m.o.Parallel)
	if m.counts != nil {
		g.Go(func() error {
			batch, err := m.batch(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			e.Batch, e.BatchProblem = batch, fault.ProblemOf(err)
			return nil
		})
	}
	if len(m.gauges) > 0 {
		e.Gauges = make(map[string]analysis.Gauge, len(m.gauges))
	}
	for _, q := range m.gauges {
		g.Go(func() error {
			gauge := m.gauge(ctx, q, w)
			mu.Lock()
			defer mu.Unlock()
			e.Gauges[q.name] = gauge
			return nil
		})
	}
	// The functions report into the evidence and never return an error.
	_ = g.Wait()
	return e
}

// ask puts one question with a deadline of its own.
func (m *Meter) ask(ctx context.Context, d Driver, text string, at time.Time) ([]Series, error) {
	limited, cancel := context.WithTimeout(ctx, m.o.Timeout)
	defer cancel()
	series, err := d.Query(limited, text, at)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return nil, fault.Errorf(fault.Unavailable, "no answer within %s: %w", m.o.Timeout, err)
	}
	return series, err
}

func (m *Meter) gauge(ctx context.Context, q rendered, w rollout.Measure) analysis.Gauge {
	series, err := m.ask(ctx, q.driver, q.text, w.To)
	if err != nil {
		return analysis.Gauge{Problem: fault.ProblemOf(err)}
	}
	p, err := single(series)
	if err == nil {
		err = m.fresh(p.At, w)
	}
	if err != nil {
		return analysis.Gauge{At: p.At, Problem: fault.ProblemOf(err)}
	}
	return analysis.Gauge{Value: p.Value, At: p.At}
}

// fresh refuses a point that says nothing about the window.
func (m *Meter) fresh(at time.Time, w rollout.Measure) error {
	if age := w.To.Sub(at); age > m.o.StaleAfter {
		return fault.Errorf(fault.NoData, "the newest sample is %s old; the limit is %s", age.Round(time.Second), m.o.StaleAfter)
	}
	if at.Before(w.From) {
		return fault.Errorf(fault.NoData, "the newest sample is from %s before the window began", w.From.Sub(at).Round(time.Millisecond))
	}
	return nil
}
