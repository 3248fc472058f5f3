package prom

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
)

var _ meter.Driver = (*Prometheus)(nil)

// Check refuses a query that cannot be read, as fault.Invalid, without running it.
func Check(text string) error {
	if _, err := newParser().ParseExpr(text); err != nil {
		return fault.Errorf(fault.Invalid, "the query cannot be read: %w", err)
	}
	return nil
}

// Query evaluates text at a time. A point can be seen as soon as its scrape has ended.
func (p *Prometheus) Query(ctx context.Context, text string, at time.Time) ([]meter.Series, error) {
	var series []meter.Series
	err := p.evaluate(ctx, func(ctx context.Context) (promql.Query, error) {
		return p.engine.NewInstantQuery(ctx, p.db, nil, text, at)
	}, func(v parser.Value) error {
		var err error
		series, err = seriesOf(v)
		return err
	})
	return series, err
}

// preparer reads a query without running it.
type preparer func(ctx context.Context) (promql.Query, error)

// evaluate runs a query in one of the slots and hands its value to use. The value is valid only until use
// returns: the engine keeps its memory for the next query.
func (p *Prometheus) evaluate(ctx context.Context, prepare preparer, use func(parser.Value) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return fault.Errorf(fault.Unavailable, "the query did not get its turn: %w", ctx.Err())
	}
	if err := ctx.Err(); err != nil {
		return fault.Errorf(fault.Unavailable, "the query was given up: %w", err)
	}
	p.open.RLock()
	defer p.open.RUnlock()
	if p.closed {
		return fault.Errorf(fault.Unavailable, "the metrics are closed")
	}
	q, err := prepare(ctx)
	if err != nil {
		return fault.Errorf(fault.Invalid, "the query cannot be read: %w", err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return fault.Errorf(kindOf(res.Err), "the query failed: %w", res.Err)
	}
	return use(res.Value)
}

// kindOf says whether asking again may help. What the engine finds wrong with the query itself has no type of
// its own, so everything but its known hindrances is Invalid.
func kindOf(err error) fault.Kind {
	var (
		timeout  promql.ErrQueryTimeout
		canceled promql.ErrQueryCanceled
		storage  promql.ErrStorage
	)
	switch {
	case errors.As(err, &timeout), errors.As(err, &canceled), errors.As(err, &storage),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Unavailable
	default:
		return fault.Invalid
	}
}

// seriesOf copies a value of the engine.
func seriesOf(v parser.Value) ([]meter.Series, error) {
	switch v := v.(type) {
	case promql.Scalar:
		return []meter.Series{{Points: []meter.Point{{At: time.UnixMilli(v.T), Value: v.V}}}}, nil
	case promql.Vector:
		series := make([]meter.Series, 0, len(v))
		for _, s := range v {
			if s.H != nil {
				return nil, histogramError()
			}
			series = append(series, meter.Series{Labels: s.Metric.Map(), Points: []meter.Point{{At: time.UnixMilli(s.T), Value: s.F}}})
		}
		return series, nil
	case promql.Matrix:
		series := make([]meter.Series, 0, len(v))
		for _, s := range v {
			if len(s.Histograms) > 0 {
				return nil, histogramError()
			}
			points := make([]meter.Point, 0, len(s.Floats))
			for _, f := range s.Floats {
				points = append(points, meter.Point{At: time.UnixMilli(f.T), Value: f.F})
			}
			series = append(series, meter.Series{Labels: s.Metric.Map(), Points: points})
		}
		return series, nil
	default:
		return nil, fault.Errorf(fault.Invalid, "the query gives a %s and a metric needs a number", v.Type())
	}
}

func histogramError() error {
	return fault.Errorf(fault.Invalid, "the query gives a native histogram and a metric needs a number")
}
