package metertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
)

// now is the time of a law. Sources keep milliseconds.
func now() time.Time { return time.Now().Truncate(time.Millisecond) }

// gauge returns a series with one value for each age, the oldest first.
func gauge(name, app string, value float64, at ...time.Time) meter.Series {
	s := meter.Series{Labels: map[string]string{"__name__": name, "app": app}}
	for _, t := range at {
		s.Points = append(s.Points, meter.Point{At: t, Value: value})
	}
	return s
}

func oneValue(ctx context.Context, h Harness) error {
	at := now()
	stored := at.Add(-time.Second)
	if err := h.Store(gauge("depth", "a", 1.25, stored), gauge("depth", "b", 7, stored)); err != nil {
		return err
	}
	series, err := h.Driver().Query(ctx, `depth{app="a"}`, at)
	if err != nil {
		return err
	}
	if len(series) != 1 || len(series[0].Points) != 1 {
		return fmt.Errorf("want one series with one point, have %v", series)
	}
	p := series[0].Points[0]
	if p.Value != 1.25 {
		return fmt.Errorf("want the value 1.25, have %v", p.Value)
	}
	if p.At.Before(stored) || p.At.After(at) {
		return fmt.Errorf("the point is from %s, which is not between the sample's time %s and the query's %s", p.At, stored, at)
	}
	return nil
}

func emptyIsNotZero(ctx context.Context, h Harness) error {
	if err := h.Store(gauge("depth", "a", 1, now())); err != nil {
		return err
	}
	series, err := h.Driver().Query(ctx, `depth{app="nobody"}`, now())
	if err != nil {
		return err
	}
	if len(series) != 0 {
		return fmt.Errorf("want no series, have %v", series)
	}
	return nil
}

func notNumbers(ctx context.Context, h Harness) error {
	at := now()
	values := map[string]float64{"nan": math.NaN(), "up": math.Inf(1), "down": math.Inf(-1)}
	for app, v := range values {
		if err := h.Store(gauge("ratio", app, v, at)); err != nil {
			return err
		}
	}
	for app, want := range values {
		series, err := h.Driver().Query(ctx, `ratio{app="`+app+`"}`, at)
		if err != nil {
			return err
		}
		if len(series) != 1 || len(series[0].Points) != 1 {
			return fmt.Errorf("%v: want one point, have %v", want, series)
		}
		have := series[0].Points[0].Value
		if have != want && !(math.IsNaN(want) && math.IsNaN(have)) {
			return fmt.Errorf("want %v, have %v", want, have)
		}
	}
	return nil
}

func everySeries(ctx context.Context, h Harness) error {
	at := now()
	if err := h.Store(gauge("depth", "a", 1, at), gauge("depth", "b", 2, at), gauge("width", "a", 3, at)); err != nil {
		return err
	}
	series, err := h.Driver().Query(ctx, `depth`, at)
	if err != nil {
		return err
	}
	have := map[string]float64{}
	for _, s := range series {
		if len(s.Points) != 1 || s.Labels["__name__"] != "depth" {
			return fmt.Errorf("want one point of depth in each series, have %v", s)
		}
		have[s.Labels["app"]] = s.Points[0].Value
	}
	return same(map[string]float64{"a": 1, "b": 2}, have)
}

func rawPoints(ctx context.Context, h Harness) error {
	at := now()
	s := meter.Series{Labels: map[string]string{"__name__": "served_total", "app": "a"}}
	for i := range 30 {
		s.Points = append(s.Points, meter.Point{At: at.Add(time.Duration(i-30) * time.Second), Value: float64(i * i)})
	}
	if err := h.Store(s); err != nil {
		return err
	}
	series, err := h.Driver().Query(ctx, `served_total{app=~"a|b"}[20001ms]`, at)
	if err != nil {
		return err
	}
	if len(series) != 1 {
		return fmt.Errorf("want one series, have %v", series)
	}
	want := s.Points[10:]
	have := series[0].Points
	if len(have) != len(want) {
		return fmt.Errorf("want %d points, have %d", len(want), len(have))
	}
	for i := range want {
		if !want[i].At.Equal(have[i].At) || want[i].Value != have[i].Value {
			return fmt.Errorf("point %d: want %v, have %v", i, want[i], have[i])
		}
	}
	return nil
}

func badQuery(ctx context.Context, h Harness) error {
	_, err := h.Driver().Query(ctx, `depth{app="a`, now())
	return wantKind(err, fault.Invalid)
}

func endedContext(ctx context.Context, h Harness) error {
	if err := h.Store(gauge("depth", "a", 1, now())); err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := h.Driver().Query(ended, `depth`, now())
	return wantKind(err, fault.Unavailable)
}

func manyCallers(ctx context.Context, h Harness) error {
	at := now()
	for i := range 10 {
		if err := h.Store(gauge("depth", fmt.Sprint("app", i), float64(i), at)); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := range 100 {
		g.Go(func() error {
			series, err := h.Driver().Query(ctx, fmt.Sprintf(`depth{app="app%d"}`, i%10), at)
			if err != nil {
				return err
			}
			if len(series) != 1 || len(series[0].Points) != 1 || series[0].Points[0].Value != float64(i%10) {
				return fmt.Errorf("app%d: have %v", i%10, series)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("one of 100 callers at once: %w", err)
	}
	return nil
}

// refusesRanges is the inverse of the laws that need ranges.
func refusesRanges(ctx context.Context, h Harness) error {
	_, err := h.Driver().Query(ctx, `served_total{app="a"}[20s]`, now())
	return wantKind(err, fault.Unsupported)
}

// hasNoNetwork is the inverse of the laws that need a remote source.
func hasNoNetwork(ctx context.Context, h Harness) error {
	if err := h.Store(gauge("depth", "a", 1, now())); err != nil {
		return err
	}
	if _, err := h.Driver().Query(ctx, `depth`, now()); err != nil {
		return fmt.Errorf("a source without a network failed: %w", err)
	}
	if len(h.Secrets()) != 0 {
		return errors.New("a source without a network has secrets")
	}
	return nil
}

func wantKind(err error, want fault.Kind) error {
	if err == nil {
		return fmt.Errorf("want an error of the kind %s, have none", want)
	}
	if kind := fault.KindOf(err); kind != want {
		return fmt.Errorf("want an error of the kind %s, have %q: %w", want, kind, err)
	}
	return nil
}

func same(want, have any) error {
	if diff := cmp.Diff(want, have); diff != "" {
		return fmt.Errorf("(-want +have):\n%s", diff)
	}
	return nil
}
