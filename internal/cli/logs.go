package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
)

func (a *app) logsCommand() *cobra.Command {
	var c connection
	var q httpapi.LogQuery
	side := &format{value: string(rollout.CanarySide), allowed: []string{string(rollout.PrimarySide), string(rollout.CanarySide)}}
	cmd := &cobra.Command{
		Use: "logs NAME", Short: "Show what the pods of a canary wrote", Args: wants("NAME"),
		Long: "Logs shows what the pods of one side of a canary wrote, those that have ended included, as long as they are kept.\n" +
			"NAME may be a Deployment without a canary, too.",
		Example: "  serin logs web\n  serin logs web --side primary --tail 20\n  serin logs web --pod web-canary-1 -f",
	}
	f := cmd.Flags()
	f.Var(side, "side", "which version's logs")
	f.StringVar(&q.Pod, "pod", "", "only this `POD`'s")
	f.IntVar(&q.Tail, "tail", 100, "number of lines to begin with; 0 means all that are kept")
	f.BoolVarP(&q.Follow, "follow", "f", false, "go on with what is written from now on")
	_ = cmd.RegisterFlagCompletionFunc("side", cobra.FixedCompletions(side.allowed, cobra.ShellCompDirectiveNoFileComp)) // It fails for flags that do not exist.
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, nil)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		if q.Tail < 0 || q.Tail > 100_000 {
			return usagef("--tail is %d: it must be from 0 to 100000", q.Tail)
		}
		var err error
		if q.Key, err = s.key(args[0]); err != nil {
			return err
		}
		q.Side = rollout.SideName(side.value)
		lines, err := s.client.Logs(ctx, q)
		if err != nil {
			return s.missing(ctx, q.Key, err)
		}
		defer func() { _ = lines.Close() }()
		if _, err := io.Copy(s.Out, lines); err != nil && ctx.Err() == nil {
			return fmt.Errorf("read the logs of %s: %w", q.Key, err)
		}
		return nil
	})
	return cmd
}
