// Package prom is the Prometheus inside standalone mode: it scrapes the proxy and the apps every second, keeps
// some hours of points on disk, and answers PromQL without a server of its own.
package prom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/serin-dev/serin/internal/fault"
)

// Options bound what is scraped, kept and asked; the zero value is the default.
type Options struct {
	// Logger gets warnings and errors of the database and the scrapes. Default none.
	Logger *slog.Logger
	// Interval is the time between two scrapes of a target, and the longest that one may take. Default 1 s.
	Interval time.Duration
	// Retention is how long points are kept. Default 24 h.
	Retention time.Duration
	// DiskLimit is about how many bytes points take on disk. The oldest go first. Default 512 MiB.
	DiskLimit int64
	// MaxTargets, SampleLimit and BodyLimit bound the targets, the samples of one scrape and its bytes. A scrape
	// beyond them fails as a whole. Default 256, 20 000 and 8 MiB.
	MaxTargets  int
	SampleLimit int
	BodyLimit   int64
	// QueryTimeout, QuerySamples and Queries bound the time of a query, the samples that it holds in memory and
	// how many run at once. Default 10 s, 2 000 000 and 8.
	QueryTimeout time.Duration
	QuerySamples int
	Queries      int
	// Lookback is how old the newest point of a series may be for a query to see it. Default ten intervals.
	Lookback time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Interval = orElse(o.Interval, time.Second)
	o.Retention = orElse(o.Retention, 24*time.Hour)
	o.DiskLimit = orElse(o.DiskLimit, 512<<20)
	o.MaxTargets = orElse(o.MaxTargets, 256)
	o.SampleLimit = orElse(o.SampleLimit, 20_000)
	o.BodyLimit = orElse(o.BodyLimit, 8<<20)
	o.QueryTimeout = orElse(o.QueryTimeout, 10*time.Second)
	o.QuerySamples = orElse(o.QuerySamples, 2_000_000)
	o.Queries = orElse(o.Queries, 8)
	o.Lookback = orElse(o.Lookback, 10*o.Interval)
	return o
}

func orElse[T int | int64 | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// Prometheus is a metrics source that scrapes for itself. It is a meter.Driver.
type Prometheus struct {
	o      Options
	db     *tsdb.DB
	engine *promql.Engine
	slots  chan struct{}

	// open guards against queries on a closed database: each holds it while it reads.
	open   sync.RWMutex
	closed bool

	targets targets
}

// New opens the points that are kept in dir, which is created where it does not exist. Close them at the end.
func New(dir string, o Options) (*Prometheus, error) {
	o = o.withDefaults()
	if o.Interval < 10*time.Millisecond {
		return nil, fault.Errorf(fault.Invalid, "a scrape every %s is too often: take 10ms or more", o.Interval)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the directory for metrics: %w", err)
	}
	log := quiet(o.Logger)
	db, err := tsdb.Open(dir, log, prometheus.NewRegistry(), storageOptions(o), nil)
	if err != nil {
		return nil, openError(dir, err)
	}
	return &Prometheus{
		o:  o,
		db: db,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger:               log,
			MaxSamples:           o.QuerySamples,
			Timeout:              o.QueryTimeout,
			LookbackDelta:        o.Lookback,
			EnableAtModifier:     true,
			EnableNegativeOffset: true,
			Parser:               newParser(),
		}),
		slots:   make(chan struct{}, o.Queries),
		targets: targets{changed: make(chan struct{}, 1)},
	}, nil
}

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// storageOptions suit hours of points at a scrape per second instead of days at one per minute: blocks are cut
// every quarter of an hour, which bounds memory and the log that a restart has to read.
func storageOptions(o Options) *tsdb.Options {
	const block = 15 * time.Minute
	t := tsdb.DefaultOptions()
	t.RetentionDuration = o.Retention.Milliseconds()
	t.MaxBytes = o.DiskLimit
	t.MinBlockDuration = block.Milliseconds()
	t.MaxBlockDuration = (9 * block).Milliseconds()
	t.WALSegmentSize = 16 << 20
	t.StripeSize = 1 << 10
	t.HeadChunksWriteBufferSize = 256 << 10
	t.MaxBlockChunkSegmentSize = 64 << 20
	return t
}

// openError says what to do. The files are only measurements: a canary's state is kept elsewhere.
func openError(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return fault.Errorf(fault.Conflict, "the metrics in %s are in use by another process: end it or use another directory: %w", dir, err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS):
		return fault.Errorf(fault.Unavailable, "open the metrics in %s: %w", dir, err)
	default:
		return fault.Errorf(fault.Invalid,
			"the metrics in %s are damaged: move the directory away and start again; only past measurements are lost, no state of a canary: %w", dir, err)
	}
}

// Close waits for open queries and closes the points. Call it after Run has returned.
func (p *Prometheus) Close() error {
	p.open.Lock()
	defer p.open.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if err := errors.Join(p.engine.Close(), p.db.Close()); err != nil {
		return fmt.Errorf("close the metrics: %w", err)
	}
	return nil
}

// quiet keeps the database's and the scrapes' everyday messages out of the log.
func quiet(l *slog.Logger) *slog.Logger { return slog.New(warnings{l.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled reports whether a message of the level is worth the log.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the threshold.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the threshold.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
