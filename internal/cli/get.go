package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
)

const longGet = `Get shows one canary, or all of them: the phase, the canary's share of the requests as it is wanted (and, while the
data plane has not taken it, as it is acknowledged), the step, the failed checks out of those that take the run back,
the promoted and the wanted revision, and where the service is reached. In parentheses are the ports that reach one
version only; "serin help addresses" explains them.

With --watch it goes on: as a live table on a terminal, otherwise as one line per change.`

func (a *app) getCommand() *cobra.Command {
	var c connection
	var watch bool
	cmd := &cobra.Command{
		Use: "get [NAME]", Short: "Show canaries in one line each", Long: longGet, Args: wants("[NAME]"),
		Example: "  serin get\n  serin get web\n  serin get --watch\n  serin get web -o json\n  serin get -o name | xargs -n1 serin explain",
	}
	output := outputFlag(cmd, asName)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on and show each change")
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, nil)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		switch {
		case watch:
			return s.watch(ctx, output, args)
		case len(args) == 1:
			return s.getOne(ctx, output, args[0])
		default:
			return s.getAll(ctx, output, false)
		}
	})
	return cmd
}

func (a *app) listCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "Show all canaries with every column", Args: wants(),
		Long:    "List shows what \"serin get\" shows, with the strategy, the ready pods of both sides, the age of the phase and what each\ncanary waits for.",
		Example: "  serin list\n  serin list -n shop -o yaml",
	}
	output := outputFlag(cmd, asName)
	c.scoped(cmd)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, _ []string) error { return s.getAll(ctx, output, true) })
	return cmd
}

// canaryList is how lists are written for machines: as the API answers.
type canaryList struct {
	Canaries []httpapi.Canary `json:"canaries"`
}

// wanted is the namespace whose canaries are listed, or empty for all.
func (s *session) wanted() string {
	if s.scoped {
		return s.namespace
	}
	return ""
}

func (s *session) getAll(ctx context.Context, output *format, wide bool) error {
	all, err := s.client.Canaries(ctx, s.wanted())
	if err != nil {
		return err
	}
	if output.value == asName {
		for i := range all {
			fmt.Fprintln(s.Out, keyOf(&all[i]))
		}
		return nil
	}
	return s.show(output, canaryList{all}, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(w, "There are no canaries: put a Deployment and a Canary into the directory of the daemon.")
			return
		}
		t := s.table(all, s.paint(w), wide)
		t.write(w, s.paint(w))
	})
}

func (s *session) getOne(ctx context.Context, output *format, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	d, err := s.canary(ctx, key)
	if err != nil {
		return err
	}
	if output.value == asName {
		fmt.Fprintln(s.Out, key)
		return nil
	}
	return s.show(output, d, func(w io.Writer) {
		t := s.table([]httpapi.Canary{d.Canary}, s.paint(w), false)
		t.write(w, s.paint(w))
	})
}

// table is the table of canaries.
func (s *session) table(all []httpapi.Canary, p paint, wide bool) *table {
	t := &table{heads: []string{"NAME", "PHASE", "WEIGHT", "STEP", "FAILED", "PROMOTED", "WANTED", "ADDRESS"}}
	if wide {
		t.heads = append(t.heads, "STRATEGY", "PRIMARY", "CANARY", "SINCE", "WAITS FOR")
	}
	for i := range all {
		c := &all[i]
		row := []cell{
			{s.call(keyOf(c)), nil}, {phaseOf(c), toneOf(c, p)}, {weightOf(c), nil}, {stepOf(c), nil},
			{failedOf(c), failedTone(c, p)}, {short(c.Revisions.Promoted), nil}, {short(c.Revisions.Wanted), nil}, {addressOf(c), nil},
		}
		if wide {
			row = append(row, cell{string(c.Strategy), nil}, podsCell(c.PrimaryPods, p), podsCell(c.CanaryPods, p),
				cell{s.age(c.Since), nil}, cell{waitOf(c), nil})
		}
		t.add(row...)
	}
	return t
}

func failedTone(c *httpapi.Canary, p paint) tone {
	if c.FailedChecks > 0 {
		return p.warn
	}
	return nil
}

func podsCell(pods httpapi.Pods, p paint) cell {
	text := strconv.Itoa(pods.Ready) + "/" + strconv.Itoa(pods.Wanted)
	if pods.Ready < pods.Wanted {
		return cell{text, p.warn}
	}
	return cell{text, nil}
}

// waitOf is what a canary waits for, or what is wrong with it, in a few words.
func waitOf(c *httpapi.Canary) string {
	switch {
	case c.Problem != "":
		return c.Problem
	case c.Wait != nil:
		return c.Wait.Message
	default:
		return none
	}
}
