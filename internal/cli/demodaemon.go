package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/demo"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/client"
	"github.com/serin-dev/serin/internal/rollout"
)

// minInterval is the shortest analysis step.
const minInterval = time.Second

var _ demo.Daemon = (*demoDaemon)(nil)

// demoDaemon is the daemon of `serin up` as the demo uses it: it runs in this process and is looked at over its API,
// like any other.
type demoDaemon struct {
	app *app
	log *slog.Logger

	cancel context.CancelFunc
	// ended has the daemon's last word; followed is closed when nobody follows its changes any more.
	ended    chan error
	followed chan struct{}
	client   *client.Client

	mu   sync.Mutex
	seen httpapi.Detail
	// failed is why the canary cannot be seen any more.
	failed error
	// news is closed and replaced when there is something new.
	news chan struct{}
}

func newDemoDaemon(a *app, log *slog.Logger) *demoDaemon {
	return &demoDaemon{app: a, log: log, ended: make(chan error, 1), news: make(chan struct{})}
}

// Start runs the daemon on dir and returns once the canary is Initialized.
func (d *demoDaemon) Start(ctx context.Context, dir, canary string) (demo.Address, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	ready := make(chan Addresses, 1)
	go func() {
		d.ended <- d.app.Up(life, UpOptions{
			Dir: dir, Listen: "127.0.0.1:0", API: "127.0.0.1:0", Version: d.app.Version, Logger: d.log,
			Ready: func(at Addresses) { ready <- at },
		})
	}()
	select {
	case at := <-ready:
		if err := d.look(life, at.API, canary); err != nil {
			return demo.Address{}, err
		}
	case err := <-d.ended:
		d.ended <- err
		return demo.Address{}, fmt.Errorf("the daemon ended: %w", orEnded(err))
	case <-ctx.Done():
		return demo.Address{}, fmt.Errorf("wait for the daemon: %w", ctx.Err())
	}
	var address demo.Address
	err := d.until(ctx, func(c *httpapi.Detail) (bool, error) {
		if c.Problem != "" {
			return false, errors.New(c.Problem)
		}
		if c.Phase != rollout.Initialized {
			return false, nil
		}
		for _, a := range c.Addresses {
			if a.Service == canary {
				address.URL = a.URL
				return true, nil
			}
		}
		return false, fmt.Errorf("service %s has no address", canary)
	})
	return address, err
}

func orEnded(err error) error {
	if err == nil {
		return errors.New("without a word")
	}
	return err
}

// look begins to follow what happens to the canary.
func (d *demoDaemon) look(life context.Context, api, canary string) error {
	connected, err := client.New(api, client.Options{})
	if err != nil {
		return err
	}
	d.client, d.followed = connected, make(chan struct{})
	s := &session{app: d.app, client: connected, namespace: defaultNamespace}
	key := engine.Key{Namespace: defaultNamespace, Name: canary}
	go func() {
		defer close(d.followed)
		err := s.follow(life, func(error) {}, func(c feed.Change) error {
			if c.Name != "" && (c.Name != key.Name || c.Namespace != key.Namespace) {
				return nil
			}
			seen, err := connected.Canary(life, key)
			if fault.KindOf(err) == fault.NotFound {
				return nil // Its manifest is being read.
			}
			if err != nil {
				return err
			}
			d.note(seen, nil)
			return nil
		})
		d.note(httpapi.Detail{}, fmt.Errorf("follow the canary: %w", err))
	}()
	return nil
}

// note keeps what was seen, or why nothing will be seen any more.
func (d *demoDaemon) note(seen httpapi.Detail, failed error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failed == nil {
		d.seen = seen
	}
	d.failed = failed
	close(d.news)
	d.news = make(chan struct{})
}

func (d *demoDaemon) now() (httpapi.Detail, <-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen, d.news, d.failed
}

// until waits until what is seen of the canary is enough.
func (d *demoDaemon) until(ctx context.Context, enough func(*httpapi.Detail) (bool, error)) error {
	for {
		seen, news, failed := d.now()
		if seen.Name != "" {
			if done, err := enough(&seen); done || err != nil {
				return err
			}
		}
		if failed != nil {
			return failed
		}
		select {
		case <-news:
		case err := <-d.ended:
			d.ended <- err
			return fmt.Errorf("the daemon ended: %w", orEnded(err))
		case <-ctx.Done():
			return fmt.Errorf("the canary is %s: %w", phaseOf(&seen.Canary), ctx.Err())
		}
	}
}

// RunEnded waits for the end of the run after the one named after.
func (d *demoDaemon) RunEnded(ctx context.Context, _, after string) (demo.Ended, error) {
	var ended demo.Ended
	err := d.until(ctx, func(c *httpapi.Detail) (bool, error) {
		if c.Run == nil || c.Run.Name == after || busy(&c.Canary) {
			return false, nil
		}
		ended = demo.Ended{Run: c.Run.Name, Outcome: c.Run.Outcome, Reason: c.Run.Reason, Message: c.Run.Message}
		for _, r := range c.Metrics {
			if r.Outcome == analysis.Failing {
				ended.Failing = append(ended.Failing, r.Metric)
			}
		}
		return true, nil
	})
	return ended, err
}

// Progress says where the canary stands now.
func (d *demoDaemon) Progress(string) demo.Progress {
	c, _, _ := d.now()
	p := demo.Progress{
		Phase: c.Phase, Wanted: c.Weight.Wanted, Acknowledged: c.Weight.Acked, Step: c.Step.At, Steps: c.Step.Of,
		Threshold: c.Threshold,
	}
	if c.Run != nil {
		p.Run, p.Stage = c.Run.Name, c.Run.Stage
	}
	if busy(&c.Canary) { // What the run before saw is history.
		p.FailedChecks, p.Results = c.FailedChecks, c.Metrics
	}
	if c.Wait != nil {
		p.Wait = c.Wait.Message
	}
	return p
}

// Stop ends the daemon and waits for it.
func (d *demoDaemon) Stop(ctx context.Context) error {
	if d.cancel == nil {
		return nil
	}
	d.cancel()
	var err error
	select {
	case err = <-d.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.client != nil {
		<-d.followed
		d.client.Close()
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
