package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/demo/load"
)

// farewell is how long the daemon may take to end everything.
const farewell = time.Minute

// Run makes the releases against daemon and prints what happens to out. The manifests and the app's counts are
// written below dir; command starts one process of the sample app, which is app.Main. The report is complete when
// the error is nil; whether the demo succeeded is for Judge to say.
func Run(ctx context.Context, daemon Daemon, dir string, command []string, out io.Writer, options Options) (Report, error) {
	d := &story{daemon: daemon, out: out, options: options.withDefaults()}
	if err := d.prepare(dir, command); err != nil {
		return Report{}, err
	}
	report, err := d.tell(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if stopErr := daemon.Stop(last); stopErr != nil {
		err = errors.Join(err, fmt.Errorf("stop the daemon: %w", stopErr))
	}
	return report, err
}

// story is one run of the demo.
type story struct {
	daemon    Daemon
	out       io.Writer
	options   Options
	manifests manifests
	load      *load.Generator
}

// prepare writes the first manifests.
func (d *story) prepare(dir string, command []string) error {
	dir, err := filepath.Abs(dir) // The app's processes have working directories of their own.
	if err != nil {
		return fmt.Errorf("find the demo's directory: %w", err)
	}
	d.manifests = manifests{
		dir:       filepath.Join(dir, "manifests"),
		CountsDir: filepath.Join(dir, "counts"),
		Command:   command,
		Interval:  d.options.Interval,
		Blind:     d.options.Blind,
	}
	for _, path := range []string{d.manifests.dir, d.manifests.CountsDir} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fmt.Errorf("make a directory for the demo: %w", err)
		}
	}
	return errors.Join(d.manifests.writeCanary(), d.manifests.writeDeployment(Baseline()))
}

// tell brings the app up, makes every release under load, and prints the table.
func (d *story) tell(ctx context.Context) (Report, error) {
	d.sayf("Bringing up %s %s from the manifests in %s", Service, Baseline().Version, d.manifests.dir)
	address, err := d.bringUp(ctx)
	if err != nil {
		return Report{}, err
	}
	d.load, err = load.New(address.URL, d.options.Rate, load.Options{Host: address.Host})
	if err != nil {
		return Report{}, err
	}
	d.sayf("Sending %d requests per second to %s", d.options.Rate, address.URL)
	rows, err := d.underLoad(ctx, d.releaseAll)
	if err != nil {
		return Report{}, err
	}
	report, err := d.count(rows)
	if err != nil {
		return Report{}, err
	}
	fmt.Fprintln(d.out)
	if err := Print(d.out, report); err != nil {
		return report, err
	}
	if d.options.Keep {
		d.sayf("Everything keeps running, under load, until you end it with Ctrl-C")
		d.load.Run(ctx)
	}
	return report, nil
}

func (d *story) bringUp(ctx context.Context) (Address, error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.Limit)
	defer cancel()
	address, err := d.daemon.Start(ctx, d.manifests.dir, Service)
	if err != nil {
		return Address{}, fmt.Errorf("start the daemon: %w", err)
	}
	return address, nil
}

// underLoad runs do while the load is on, and returns once every answer has arrived.
func (d *story) underLoad(ctx context.Context, do func(context.Context) ([]Row, error)) ([]Row, error) {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var sender errgroup.Group
	sender.Go(func() error {
		d.load.Run(sending)
		return nil
	})
	rows, err := do(ctx)
	stop()
	return rows, errors.Join(err, sender.Wait())
}

func (d *story) releaseAll(ctx context.Context) ([]Row, error) {
	rows := make([]Row, 0, len(d.options.Releases))
	after := ""
	for _, release := range d.options.Releases {
		d.sayf("Releasing %s: %s", release.App.Version, release.Name)
		row, err := d.release(ctx, release, after)
		if err != nil {
			return rows, err
		}
		d.sayf("%s was %s: %s", release.App.Version, word(row.Ended.Outcome), why(row.Ended))
		rows = append(rows, row)
		if row.Ended.Outcome == "" {
			break // The canary is still busy with this release, so the next one would prove nothing.
		}
		after = row.Ended.Run
	}
	return rows, nil
}

// release edits the manifest and waits for what Serin makes of it.
func (d *story) release(ctx context.Context, release Release, after string) (Row, error) {
	before, begin := d.load.Snapshot(), time.Now()
	if err := d.manifests.writeDeployment(release.App); err != nil {
		return Row{}, err
	}
	ended, err := d.watched(ctx, after)
	switch {
	case ctx.Err() != nil:
		return Row{}, fmt.Errorf("release %s: %w", release.App.Version, ctx.Err())
	case err != nil: // The table says so: what was seen until then is worth more than an error alone.
		ended = Ended{Message: err.Error()}
	}
	now := d.load.Snapshot()
	served := now.Counts.Since(before.Counts)
	return Row{
		Release: release,
		Ended:   ended,
		Took:    time.Since(begin),
		Served:  served.Total(),
		Failed:  served.Failed(release.App.Version),
		Lost:    now.Lost - before.Lost,
	}, nil
}

// watched waits for the end of the run and shows its progress meanwhile.
func (d *story) watched(ctx context.Context, after string) (Ended, error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.Limit)
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var display errgroup.Group
	display.Go(func() error {
		l := &live{out: d.out, terminal: d.options.Terminal}
		l.watch(watching, func() (Progress, load.Snapshot) {
			p := d.daemon.Progress(Service)
			if p.Run == after {
				p = Progress{} // How the run before ended is not how this one goes.
			}
			return p, d.load.Snapshot()
		})
		return nil
	})
	ended, err := d.daemon.RunEnded(ctx, Service, after)
	stop()
	return ended, errors.Join(err, display.Wait())
}

// count compares what was received with what was sent. The load is off, so both counts are final.
func (d *story) count(rows []Row) (Report, error) {
	sent, err := app.ReadCounts(d.manifests.CountsDir)
	if err != nil {
		return Report{}, fmt.Errorf("read the app's own counts: %w", err)
	}
	seen := d.load.Snapshot()
	report := Report{Rows: rows, Load: seen.Counts, App: sent, Lost: seen.Lost}
	for _, a := range seen.Losses {
		report.Losses = append(report.Losses, a.At.Format(time.TimeOnly)+" "+a.Lost)
	}
	return report, nil
}

func (d *story) sayf(format string, args ...any) {
	fmt.Fprintf(d.out, format+"\n", args...)
}
