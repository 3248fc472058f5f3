package standalone

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/proxy"
	"github.com/serin-dev/serin/internal/standalone/manifest"
	"github.com/serin-dev/serin/internal/standalone/prom"
	"github.com/serin-dev/serin/internal/standalone/store"
	"github.com/serin-dev/serin/internal/workload/processworkload"
	"github.com/serin-dev/serin/internal/xds/table"
)

// daemon is a running `serin up`: the parts, and what they were last told.
type daemon struct {
	o   Options
	log *slog.Logger

	store   *store.Store
	pods    *processworkload.Supervisor
	table   *table.Store
	proxy   *proxy.Proxy
	metrics *prom.Prometheus // nil with an external server
	// source answers the queries of canaries that name no other server.
	source meter.Driver
	ports  *ports
	// pool bounds the calls to each third party's host, whichever canary they are for.
	pool    *courier.Pool
	wanted  *source
	engine  *engine.Engine
	server  *httpapi.Server
	api     net.Listener
	scraped net.Listener

	// applying orders the changes of what is wanted; world is the latest.
	applying sync.Mutex
	// reloading keeps a set that was loaded earlier from being applied later.
	reloading sync.Mutex
	world     atomic.Pointer[world]
	// endpoints orders the updates of endpoints: what is read last is written last.
	endpoints sync.Mutex
	// problem is why the directory's latest content is not in force, or nil.
	problem atomic.Pointer[error]
	ready   atomic.Bool
	// end begins the end of everything.
	end context.CancelCauseFunc
}

// open prepares every part and takes what belongs to this daemon alone: the data directory and the addresses. Nothing
// works yet, except for the processes that an earlier daemon left.
func open(ctx context.Context, o Options) (d *daemon, err error) {
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "make the data directory: %w: choose another with --data-dir", err)
	}
	d = &daemon{o: o, log: o.Logger, pool: courier.NewPool(courier.PoolOptions{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.store, err = store.Open(ctx, filepath.Join(o.DataDir, "serin.db"), store.Options{Logger: o.Logger}); err != nil {
		return d, err
	}
	if err := d.listen(ctx); err != nil {
		return d, err
	}
	if err := d.openTraffic(ctx); err != nil {
		return d, err
	}
	if err := d.openMetrics(); err != nil {
		return d, err
	}
	d.pods, err = processworkload.New(filepath.Join(o.DataDir, "workloads"), processworkload.Options{
		Logger: o.Logger, Changed: d.podsChanged, Drain: d.drain,
	})
	if err != nil {
		return d, err
	}
	d.wanted = &source{gone: d.gone}
	d.engine, err = engine.New(d.wanted, d.store, engine.Options{
		Journal: d.store, Inbox: d.store, Logger: o.Logger, Observe: d.observed(),
	})
	if err != nil {
		return d, err
	}
	err = d.openAPI()
	return d, err
}

// listen takes the addresses of the API and of our own metrics.
func (d *daemon) listen(ctx context.Context) error {
	var lc net.ListenConfig
	var err error
	if d.api, err = lc.Listen(ctx, "tcp", d.o.API); err != nil {
		return fault.Errorf(fault.Unavailable, "the API cannot listen on %s: %w: choose another address with --api", d.o.API, err)
	}
	if d.scraped, err = lc.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return fault.Errorf(fault.Unavailable, "the metrics cannot be served: %w", err)
	}
	return nil
}

func (d *daemon) openTraffic(ctx context.Context) error {
	shared, err := settled(ctx, d.o.Listen)
	if err != nil {
		return err
	}
	d.o.Listen = shared
	if d.table, err = table.NewStore(table.Options{Shared: shared, Reported: d.reported}); err != nil {
		return err
	}
	if d.ports, err = newPorts(ctx, d.store, crc32.ChecksumIEEE([]byte(d.o.DataDir))); err != nil {
		return err
	}
	d.proxy, err = proxy.New(d.table, proxy.Options{Logger: d.log})
	return err
}

// settled replaces port 0 by a free one, since the routing table knows addresses and not wishes. An address that another
// program has is refused before anything is started; what else is wrong with it, the data plane says.
func settled(ctx context.Context, address string) (string, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, nil //nolint:nilerr // Whoever uses the address says what is wrong with it.
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "", fault.Errorf(fault.Unavailable,
			"the services cannot listen on %s: another program uses it: end that one, or choose another address with --listen", address)
	case err != nil && port != "0":
		return address, nil
	case err != nil:
		return "", fault.Errorf(fault.Unavailable, "the services cannot listen on %s: %w: choose another address with --listen", address, err)
	}
	found := ln.Addr().String()
	if port != "0" {
		found = address
	}
	return found, ln.Close()
}

func (d *daemon) openMetrics() error {
	if d.o.Prometheus != "" {
		external, err := externalMetrics(d.o.Prometheus)
		d.source = external
		return err
	}
	var err error
	d.metrics, err = prom.New(filepath.Join(d.o.DataDir, "metrics"), prom.Options{Logger: d.log})
	d.source = d.metrics
	return err
}

func (d *daemon) openAPI() error {
	var err error
	d.server, err = httpapi.New(httpapi.Backend{
		Canaries: d, History: d.store, Desk: desk{d}, Daemon: d, Feed: d.store.Feed(),
	}, httpapi.Options{Token: d.o.Token, Version: d.o.Version, Logger: d.log})
	if err == nil {
		err = d.server.Admits(d.api.Addr())
	}
	if err != nil {
		return err
	}
	d.server.Handle("GET /metrics", d.proxy.Metrics())
	if d.metrics != nil {
		d.server.Handle("/prometheus/", http.StripPrefix("/prometheus", d.metrics.Handler()))
	}
	return nil
}

// close gives back what open took. The processes go on.
func (d *daemon) close() error {
	var errs []error
	for _, ln := range []net.Listener{d.api, d.scraped} {
		if ln == nil {
			continue
		}
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if d.metrics != nil {
		errs = append(errs, d.metrics.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// errAsked is why the daemon ends when somebody asked it to.
var errAsked = errors.New("somebody asked for the end")

// run works until ctx ends, or somebody asks for the end, or a part fails; then it ends everything in order.
func (d *daemon) run(ctx context.Context) error {
	ctx, d.end = context.WithCancelCause(ctx)
	defer d.end(nil)
	if err := d.begin(ctx); err != nil {
		return errors.Join(err, d.close())
	}
	// The parts end one after the other, the deciding ones first, so none of them ends with ctx.
	life := context.WithoutCancel(ctx)
	running := d.start(life, d.lasting())
	d.recognize(ctx)
	deciding := d.start(life, map[string]part{
		"engine": d.engine.Run, "manifests": d.watch,
	})
	carrying := d.start(life, map[string]part{"data plane": d.proxy.Run})
	go d.announce(ctx)

	<-ctx.Done()
	d.ready.Store(false)
	d.log.Info("Ending everything", "reason", context.Cause(ctx).Error())
	err := d.finish(life, deciding, carrying, running)
	if cause := context.Cause(ctx); !errors.Is(cause, errAsked) && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// begin puts the manifests of the directory in force. Where they cannot be used and an earlier daemon has left canaries,
// those go on serving: a mistake in a file must not turn a restart into an outage.
func (d *daemon) begin(ctx context.Context) error {
	set, err := manifest.Load(d.o.Dir)
	if err == nil {
		err = d.apply(ctx, set)
	}
	if err != nil {
		err = fmt.Errorf("the manifests in %s cannot be used:\n%w", d.o.Dir, err)
		if serving, resumeErr := d.resume(ctx, err); !serving {
			return errors.Join(err, resumeErr)
		}
		d.log.Error("The manifests cannot be used, so the canaries of before serve what is promoted and nothing is released", "error", err.Error())
	}
	return File{PID: os.Getpid(), API: d.addresses().API, Token: d.o.Token, Dir: d.o.Dir}.write(d.o.DataDir)
}

// lasting are the parts that are needed until the last process has ended.
func (d *daemon) lasting() map[string]part {
	parts := map[string]part{
		"processes": d.pods.Run,
		"API":       func(ctx context.Context) error { return d.server.Serve(ctx, d.api) },
		"metrics":   d.serveMetrics,
	}
	if d.metrics != nil {
		parts["scraping"] = d.metrics.Run
	}
	return parts
}

// recognizing bounds how long requests are kept waiting for the pods of an earlier daemon.
const recognizing = 5 * time.Second

// recognize waits until the pods that an earlier daemon left have been probed, and routes to those that are ready: a
// request that comes as soon as there is a listener must not be told that nobody serves it.
func (d *daemon) recognize(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recognizing)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for _, key := range d.pods.Keys() {
		driver := d.pods.Driver(key.Namespace, key.Name)
		for ctx.Err() == nil {
			if _, err := driver.Observe(ctx); fault.KindOf(err) != fault.Unavailable {
				break
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
		if w := d.world.Load(); w != nil {
			d.refresh(w, targetKey(key))
		}
	}
}

// finish ends the parts: first what decides, then what carries requests, then the processes, then the rest.
func (d *daemon) finish(life context.Context, deciding, carrying, running *stage) error {
	errs := []error{deciding.stop(), carrying.stop()}
	farewell, cancel := context.WithTimeout(life, d.o.Farewell)
	defer cancel()
	if err := d.pods.Shutdown(farewell); err != nil {
		errs = append(errs, fmt.Errorf("end the processes: %w", err))
	}
	errs = append(errs, running.stop(), removeFile(d.o.DataDir), d.close())
	return errors.Join(errs...)
}

// part is something that works until its context ends.
type part func(ctx context.Context) error

// stage is a group of parts that end together.
type stage struct {
	cancel context.CancelFunc
	group  errgroup.Group
}

// start runs parts. One that ends by itself ends the daemon.
func (d *daemon) start(life context.Context, parts map[string]part) *stage {
	ctx, cancel := context.WithCancel(life)
	s := &stage{cancel: cancel}
	for name, run := range parts {
		s.group.Go(func() error {
			err := run(ctx)
			if ctx.Err() == nil {
				if err == nil {
					err = errors.New("there was no reason to")
				}
				err = fmt.Errorf("the part %q of the daemon ended by itself: %w", name, err)
				d.log.Error("A part of the daemon ended by itself", "part", name, "error", err.Error())
				d.end(err)
				return nil
			}
			return err
		})
	}
	return s
}

// stop ends the parts and waits for them. That a context has ended is no failure then.
func (s *stage) stop() error {
	s.cancel()
	if err := s.group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// announce says that the daemon works, once the data plane answers.
func (d *daemon) announce(ctx context.Context) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", reachable(d.o.Listen))
		if err == nil {
			_ = conn.Close()
			d.ready.Store(true)
			d.log.Info("Working", "dir", d.o.Dir, "api", d.addresses().API, "services", d.addresses().Shared)
			d.o.Ready(d.addresses())
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *daemon) addresses() Addresses {
	return Addresses{API: "http://" + reachable(d.api.Addr().String()), Shared: "http://" + reachable(d.o.Listen)}
}

// serveMetrics shows the data plane's counters to the embedded Prometheus.
func (d *daemon) serveMetrics(ctx context.Context) error {
	server := &http.Server{Handler: d.proxy.Metrics(), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(d.scraped); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return ctx.Err()
}
