package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/client"
)

func (a *app) downCommand() *cobra.Command {
	var c connection
	var why httpapi.Because
	var timeout time.Duration
	var noWait bool
	cmd := &cobra.Command{
		Use: "down", Short: "Drain and end everything that serin up started", Args: wants(),
		Long: "Down asks the daemon to end in order: requests in flight are answered, then the processes end, then the daemon. It\n" +
			"returns when the daemon is gone. Runs in progress go on where they were with the next \"serin up\".",
		Example: "  serin down\n  serin down --dir deploy --reason \"the machine gets a new kernel\"",
	}
	f := cmd.Flags()
	f.StringVar(&why.Reason, "reason", "", "why; it is kept in the log of the daemon")
	f.StringVar(&why.By, "as", "", "`NAME` of the person; default: USER@HOST")
	f.DurationVar(&timeout, "timeout", 2*time.Minute, "how long to wait for the end")
	f.BoolVar(&noWait, "no-wait", false, "return when the daemon has begun to end")
	c.flags(cmd)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, _ []string) error {
		if why.By == "" {
			why.By = s.Person()
		}
		if err := s.client.Shutdown(ctx, why); err != nil {
			return err
		}
		if noWait {
			fmt.Fprintf(s.Out, "The daemon at %s is ending.\n", s.client.Address())
			return nil
		}
		fmt.Fprintf(s.Err, "The daemon at %s drains and ends everything …\n", s.client.Address())
		if err := s.gone(ctx, timeout); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "The daemon at %s has ended.\n", s.client.Address())
		return nil
	})
	return cmd
}

// gone waits until nobody answers any more and the daemon's process, if it is known, has ended.
func (s *session) gone(ctx context.Context, timeout time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	retry := newPause()
	for {
		_, err := s.client.Version(waiting)
		if errors.Is(err, client.ErrUnreachable) && !alive(s.pid) {
			return nil
		}
		if retry.wait(waiting) == nil {
			continue
		}
		if ctx.Err() != nil {
			return exitf(Failure, "interrupted: the daemon goes on ending")
		}
		return exitf(TimedOut, "the daemon at %s has not ended after %s: it goes on ending; its log says what it waits for", s.client.Address(), span(timeout))
	}
}

// alive says whether a process is known and still there.
func alive(pid int) bool {
	return pid > 0 && pid != os.Getpid() && syscall.Kill(pid, 0) == nil
}
