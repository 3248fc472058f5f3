package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// person names who runs this program.
func person() string {
	name := "somebody"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		name += "@" + host
	}
	return name
}

// verb is one thing that a person can tell a canary.
type verb struct {
	verb        rollout.Verb
	short, long string
	// all is what the verb does to all canaries at once, or nil.
	all func(v *order, ctx context.Context) error
}

func verbs() []verb {
	return []verb{
		{verb: rollout.Promote, short: "Promote the version under test now", long: "Promote ends the analysis in favour of the version under test: the rest of its steps, checks and gates is left out.\n" +
			"Readiness is still waited for. The record of the run keeps who promoted and why."},
		{verb: rollout.Abort, short: "Take the version under test back now", long: "Abort ends the run: all requests go back to the primary at once. The revision is not tried again by itself."},
		{verb: rollout.Pause, short: "Hold a canary where it is, or all of them", long: "Pause keeps a canary where it is: nothing is raised and nothing is promoted. Checks go on, and a failing version is\n" +
			"still taken back. With --all it holds every canary of the daemon until \"serin resume --all\".", all: (*order).pauseAll},
		{verb: rollout.Resume, short: "Let a canary go on, or all of them", long: "Resume ends a pause. A pause of all canaries ends with --all only; what was paused by its own name stays paused.",
			all: (*order).resumeAll},
		{verb: rollout.Retry, short: "Try the revision that failed once more", long: "Retry starts a new run of the revision whose last run failed or was aborted."},
		{verb: rollout.Skip, short: "Go on without waiting for this step", long: "Skip counts the current step as passed, its gate included, and goes on with the next one."},
	}
}

func (a *app) verbCommands() []*cobra.Command {
	list := verbs()
	commands := make([]*cobra.Command, 0, len(list))
	for i := range list {
		commands = append(commands, a.verbCommand(list[i]))
	}
	return commands
}

// order is one command line that tells something.
type order struct {
	*session

	verb    verb
	order   httpapi.Order
	output  *format
	noWait  bool
	timeout time.Duration
}

const longOrder = `

The command is recorded with who gave it and why (--reason). Serin answers whether it obeyed; what it refused ends with
exit code 7 and says why.`

func (a *app) verbCommand(v verb) *cobra.Command {
	var c connection
	var all bool
	o := &order{verb: v}
	cmd := &cobra.Command{
		Use: string(v.verb) + " NAME", Short: v.short, Long: v.long + longOrder, Args: wants("NAME"),
		Example: fmt.Sprintf("  serin %[1]s web\n  serin %[1]s shop/web --reason \"asked for by the shop team\"", v.verb),
	}
	o.output = outputFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.order.Reason, "reason", "", "why; it is kept in the record")
	f.StringVar(&o.order.By, "as", "", "`NAME` of the person; default: USER@HOST")
	f.BoolVar(&o.noWait, "no-wait", false, "hand the command in and do not wait for the answer")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for the answer")
	if v.all == nil {
		f.StringVar(&o.order.Run, "run", "", "the `RUN` that is meant: refuse if another one is current")
	} else {
		f.BoolVar(&all, "all", false, "all canaries of the daemon")
		cmd.Use = string(v.verb) + " (NAME | --all)"
		cmd.Example += fmt.Sprintf("\n  serin %s --all --reason \"the database is being moved\"", v.verb)
		cmd.Args = nameOrAll(&all)
	}
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, nil)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		o.session, o.order.Verb = s, v.verb
		if o.order.By == "" {
			o.order.By = s.Person()
		}
		if all {
			return v.all(o, ctx)
		}
		return o.give(ctx, args[0])
	})
	return cmd
}

func nameOrAll(all *bool) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case *all && len(args) > 0:
			return fmt.Errorf("--all and the name %s were given: leave out one of the two", args[0])
		case !*all && len(args) != 1:
			return fmt.Errorf("write the NAME of one canary, or --all; %d names were given", len(args))
		default:
			return nil
		}
	}
}

// give hands the command in and says what became of it.
func (o *order) give(ctx context.Context, arg string) error {
	key, err := o.key(arg)
	if err != nil {
		return err
	}
	if o.order.UID, err = uid(); err != nil {
		return err
	}
	ticket, err := o.client.Give(ctx, key, o.order)
	if err != nil {
		return o.missing(ctx, key, err)
	}
	if o.noWait {
		return o.show(o.output, ticket, func(w io.Writer) {
			fmt.Fprintf(w, "%s is told to %s; nobody waits for its answer.\n", key, o.verb.verb)
		})
	}
	if ticket, err = o.answer(ctx, key, ticket); err != nil {
		return err
	}
	if ticket.Status == record.Refused {
		if o.output.value != asText {
			if err := o.show(o.output, ticket, nil); err != nil {
				return err
			}
		}
		return exitf(Refused, "%s: %s", key, ticket.Message)
	}
	return o.show(o.output, ticket, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", key, clean(ticket.Message)) })
}

// answer waits until the command was obeyed or refused.
func (o *order) answer(ctx context.Context, key engine.Key, ticket record.Ticket) (record.Ticket, error) {
	waiting, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	retry := newPause()
	for !ticket.Final() {
		if retry.wait(waiting) != nil {
			return ticket, o.unanswered(ctx, key)
		}
		next, err := o.client.Ticket(waiting, key, ticket.Command.UID)
		switch {
		case waiting.Err() != nil:
			return ticket, o.unanswered(ctx, key)
		case err != nil && !passing(err):
			return ticket, err
		case err == nil:
			ticket = next
		}
	}
	return ticket, nil
}

func (o *order) unanswered(ctx context.Context, key engine.Key) error {
	if ctx.Err() != nil {
		return exitf(Failure, "interrupted: the command was handed in, and %s has not answered it yet", key)
	}
	return exitf(TimedOut, "%s has not answered within %s: the command is handed in and will be obeyed or refused later; \"serin events %s\" will say which",
		key, span(o.timeout), o.call(key))
}

// uid names a command, so that one that is sent twice is done once.
func uid() (string, error) {
	data := make([]byte, 12)
	if _, err := rand.Read(data); err != nil {
		return "", fmt.Errorf("name the command: %w", err)
	}
	return hex.EncodeToString(data), nil
}

// pauseAll holds every canary.
func (o *order) pauseAll(ctx context.Context) error {
	now, err := o.client.Brake(ctx)
	if err != nil {
		return err
	}
	if now != nil {
		return exitf(Refused, "pause of all canaries is refused: already paused by %s%s", by(now), because(now))
	}
	intent := httpapi.Because{Reason: o.order.Reason, By: o.order.By}
	if err := o.client.SetBrake(ctx, intent); err != nil {
		return err
	}
	return o.brake(ctx, func(w io.Writer) {
		fmt.Fprintln(w, sentence("all canaries are paused by "+o.order.By+because(&rollout.Intent{Reason: o.order.Reason})))
		fmt.Fprintln(w, "They go on with: serin resume --all")
	})
}

// resumeAll lets every canary go on.
func (o *order) resumeAll(ctx context.Context) error {
	now, err := o.client.Brake(ctx)
	if err != nil {
		return err
	}
	if now == nil {
		return exitf(Refused, "resume of all canaries is refused: they are not paused as a whole; a single one goes on with: serin resume NAME")
	}
	if err := o.client.ClearBrake(ctx, httpapi.Because{Reason: o.order.Reason, By: o.order.By}); err != nil {
		return err
	}
	return o.brake(ctx, func(w io.Writer) {
		fmt.Fprintln(w, sentence("all canaries go on; they were paused by "+by(now)+because(now)))
	})
}

func (o *order) brake(ctx context.Context, human func(io.Writer)) error {
	if o.output.value == asText {
		human(o.Out)
		return nil
	}
	now, err := o.client.Brake(ctx)
	if err != nil {
		return err
	}
	return o.show(o.output, httpapi.BrakeView{Brake: now}, nil)
}
