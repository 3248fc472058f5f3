package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/demo"
	sample "github.com/serin-dev/serin/internal/demo/app"
)

// appCommand is the hidden command that is one process of the demo's sample app.
const appCommand = "demo-app"

const longDemo = `Demo shows on this machine what Serin does. It starts the daemon that "serin up" starts on free loopback ports, with a
small sample app, sends requests at a constant rate, and makes three releases: a good one, one that fails 5 % of its
requests, and one whose slowest requests take three times as long. The first must be promoted and the others taken back,
without a single request lost on the way. The exit code is 0 only if all of that happened.

With --keep everything goes on running, under load, for a look around; Ctrl-C ends it.`

func (a *app) demoCommand() *cobra.Command {
	var o demo.Options
	var dir string
	cmd := &cobra.Command{
		Use: "demo", Short: "See three releases: a good one, a failing one, a slow one", Long: longDemo, Args: wants(),
		Example: "  serin demo\n  serin demo --keep\n  serin demo --rate 500 --interval 5s",
	}
	f := cmd.Flags()
	f.IntVar(&o.Rate, "rate", 200, "requests per second")
	f.DurationVar(&o.Interval, "interval", 0, "length of one analysis step, at least 1s (default 2s)")
	f.BoolVar(&o.Keep, "keep", false, "leave everything running afterwards")
	f.StringVar(&dir, "dir", "", "`DIR` for the manifests and what the demo writes; it is left there (default: one that is removed)")
	f.BoolVar(&o.Blind, "blind", false, "take the metrics out of the analysis, so that the demo has to fail")
	_ = f.MarkHidden("blind") // It fails for flags that do not exist.
	cmd.RunE = a.run(func(cmd *cobra.Command, _ []string) error {
		switch {
		case o.Rate < 1:
			return usagef("--rate is %d: at least one request per second is needed", o.Rate)
		case o.Interval != 0 && o.Interval < minInterval:
			return usagef("--interval is %s: the shortest is %s", o.Interval, minInterval)
		}
		return a.demo(cmd.Context(), dir, o)
	})
	return cmd
}

// demo plays the demo in dir, or in a directory that is removed afterwards.
func (a *app) demo(ctx context.Context, dir string, o demo.Options) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("make the directory of the demo: %w", err)
		}
		return a.play(ctx, dir, o, true)
	}
	dir, err := os.MkdirTemp("", "serin-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	err = a.play(ctx, dir, o, o.Keep)
	if o.Keep {
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func (a *app) play(ctx context.Context, dir string, o demo.Options, kept bool) error {
	self, err := a.Executable()
	if err != nil {
		return fmt.Errorf("find this program, which is the sample app too: %w", err)
	}
	log, closeLog, err := demoLog(dir)
	if err != nil {
		return err
	}
	defer closeLog()
	o.Terminal = a.Terminal(a.Out)
	if kept {
		fmt.Fprintf(a.Out, "To look around meanwhile: serin get --watch --dir %s\n", filepath.Join(dir, "manifests"))
	}
	report, err := demo.Run(ctx, newDemoDaemon(a, log), dir, []string{self, appCommand}, a.Out, o)
	switch {
	case ctx.Err() != nil && o.Keep && len(report.Rows) > 0:
		fmt.Fprintf(a.Out, "What the demo wrote is in %s.\n", dir)
	case ctx.Err() != nil:
		return exitf(Failure, "the demo was interrupted")
	case err != nil:
		return fmt.Errorf("the demo could not be played: %w", err)
	}
	if len(demo.Judge(report)) > 0 {
		return &exitError{code: Failure} // The report has said what is wrong.
	}
	return nil
}

// demoLog is the log of the demo's daemon: a file next to the manifests, for those who keep them.
func demoLog(dir string) (*slog.Logger, func(), error) {
	file, err := os.OpenFile(filepath.Join(dir, "daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // G304: the user names the directory.
	if err != nil {
		return nil, nil, fmt.Errorf("open the log of the demo's daemon: %w", err)
	}
	return slog.New(slog.NewTextHandler(io.Writer(file), nil)), func() { _ = file.Close() }, nil
}

func (a *app) demoAppCommand() *cobra.Command {
	return &cobra.Command{
		Use: appCommand, Short: "Run one process of the demo's sample app", Hidden: true, Args: wants(),
		RunE: a.run(func(cmd *cobra.Command, _ []string) error {
			return sample.Main(cmd.Context(), a.Env, slog.New(slog.NewTextHandler(a.Err, nil)))
		}),
	}
}
