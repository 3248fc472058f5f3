package prom

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"go.uber.org/goleak"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/metertest"
)

func TestMain(m *testing.M) {
	// A database that cannot be opened leaves the goroutine of its log behind: it considers itself closed already.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/prometheus/prometheus/tsdb/wlog.(*WL).run"))
}

func open(t *testing.T, dir string, o Options) *Prometheus {
	t.Helper()
	p, err := New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// store appends points as a scrape would.
func (p *Prometheus) store(series ...meter.Series) error {
	app := p.db.Appender(context.Background())
	for _, s := range series {
		for _, point := range s.Points {
			if _, err := app.Append(0, labels.FromMap(s.Labels), point.At.UnixMilli(), point.Value); err != nil {
				return fmt.Errorf("append: %w", err)
			}
		}
	}
	return app.Commit()
}

func series(name string, points ...meter.Point) meter.Series {
	return meter.Series{Labels: map[string]string{"__name__": name}, Points: points}
}

type direct struct{ *Prometheus }

func (h direct) Driver() meter.Driver          { return h.Prometheus }
func (h direct) Caps() metertest.Caps          { return metertest.Caps{Ranges: true} }
func (h direct) Store(s ...meter.Series) error { return h.store(s...) }
func (h direct) Disturb(metertest.Trouble)     {}
func (h direct) Secrets() []string             { return nil }

func TestConformance(t *testing.T) {
	t.Parallel()
	metertest.Run(t, func(t *testing.T) metertest.Harness {
		t.Helper()
		return direct{open(t, t.TempDir(), Options{})}
	})
}

func TestRestartKeepsPoints(t *testing.T) {
	t.Parallel()
	dir, at := t.TempDir(), time.Now().Truncate(time.Millisecond)
	first := open(t, dir, Options{})
	if err := first.store(series("kept", meter.Point{At: at.Add(-time.Second), Value: 7})); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	// A killed process leaves half a record at the end of the log.
	logs, err := filepath.Glob(filepath.Join(dir, "wal", "0*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("want a log, have %v, %v", logs, err)
	}
	f, err := os.OpenFile(logs[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\x01\x00\x10half"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir, Options{})
	have, err := second.Query(t.Context(), `kept`, at)
	if err != nil {
		t.Fatal(err)
	}
	if len(have) != 1 || have[0].Points[0].Value != 7 {
		t.Errorf("want the value 7 after a restart, have %v", have)
	}
}

// blockIndex fills dir with points, so that at least one block is cut, and returns the path of its index.
func blockIndex(t *testing.T, dir string) string {
	t.Helper()
	p := open(t, dir, Options{})
	now := time.Now()
	for at := now.Add(-time.Hour); at.Before(now); at = at.Add(30 * time.Second) {
		if err := p.store(series("old", meter.Point{At: at, Value: 1})); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(p.db.Compact(t.Context()), p.Close()); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "index"))
	if err != nil || len(found) == 0 {
		t.Fatalf("want a block, have %v, %v", found, err)
	}
	return found[0]
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		index := blockIndex(t, dir)
		if err := os.Truncate(index, 20); err != nil {
			t.Fatal(err)
		}
		_, err := New(dir, Options{})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "move the directory away") || !strings.Contains(err.Error(), dir) {
			t.Errorf("want to be told what to do with %s, have %v", dir, err)
		}
		if _, err := os.Stat(index); err != nil {
			t.Errorf("a refused directory must stay as it is: %v", err)
		}
	})
	t.Run("in use", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		open(t, dir, Options{})
		if _, err := New(dir, Options{}); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "another process") {
			t.Errorf("want a conflict with another process, have %v", err)
		}
	})
	t.Run("not a directory", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("want an error that names %s, have %v", file, err)
		}
	})
}

func TestDiskIsBounded(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		o      Options
		oldest time.Duration
	}{
		"everything fits": {Options{}, 3 * time.Hour},
		"too many bytes":  {Options{DiskLimit: 1}, time.Hour},
		"too long ago":    {Options{Retention: time.Hour}, 2 * time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, t.TempDir(), c.o)
			now := time.Now().Truncate(time.Millisecond)
			for at := now.Add(-3 * time.Hour); at.Before(now); at = at.Add(5 * time.Second) {
				if err := p.store(series("old", meter.Point{At: at, Value: 1})); err != nil {
					t.Fatal(err)
				}
			}
			// A second pass applies the limits to what the first has cut from the head.
			for range 2 {
				if err := p.db.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			have, err := p.Query(t.Context(), `old[4h]`, now)
			if err != nil {
				t.Fatal(err)
			}
			age := now.Sub(have[0].Points[0].At)
			if name == "everything fits" && age < c.oldest-time.Minute {
				t.Errorf("want points of the last %s, the oldest is %s old", c.oldest, age)
			}
			if name != "everything fits" && age > c.oldest {
				t.Errorf("want no points older than %s, have one of %s", c.oldest, age)
			}
		})
	}
}

func TestQueryLimits(t *testing.T) {
	t.Parallel()
	at := time.Now().Truncate(time.Millisecond)
	cases := map[string]struct {
		o    Options
		text string
		kind fault.Kind
	}{
		"too many samples":  {Options{QuerySamples: 5}, `many[1m]`, fault.Invalid},
		"too much time":     {Options{QueryTimeout: time.Nanosecond}, `sum(many)`, fault.Unavailable},
		"a string":          {Options{}, `"text"`, fault.Invalid},
		"ambiguous vectors": {Options{}, `many + on() {__name__=~"many|other"}`, fault.Invalid},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, t.TempDir(), c.o)
			var points []meter.Point
			for i := range 20 {
				points = append(points, meter.Point{At: at.Add(time.Duration(i-20) * time.Second), Value: 1})
			}
			if err := p.store(series("many", points...), series("other", points...)); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Query(t.Context(), c.text, at); fault.KindOf(err) != c.kind {
				t.Errorf("want %s, have %q: %v", c.kind, fault.KindOf(err), err)
			}
		})
	}
}

func TestQueriesWaitForASlot(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{Queries: 1})
	p.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Query(ctx, `up`, time.Now()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "turn") {
		t.Errorf("want a query without a slot to end with its context, have %v", err)
	}
	<-p.slots
	if _, err := p.Query(t.Context(), `up`, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestScalarsAreValues(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{})
	at := time.UnixMilli(1_700_000_000_123)
	have, err := p.Query(t.Context(), `1 + 1`, at)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]meter.Series{{Points: []meter.Point{{At: at, Value: 2}}}}, have); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{})
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Query(t.Context(), `up`, time.Now()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("want Unavailable, have %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := Check(`sum(rate(x{a="b"}[1m]))`); err != nil {
		t.Error(err)
	}
	if err := Check(`sum(rate(x{a="b"}[1m])`); fault.KindOf(err) != fault.Invalid {
		t.Errorf("want Invalid, have %v", err)
	}
}

func TestNewRefusesAnIntervalThatIsTooShort(t *testing.T) {
	t.Parallel()
	if _, err := New(t.TempDir(), Options{Interval: time.Microsecond}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("want Invalid, have %v", err)
	}
}
