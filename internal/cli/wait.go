package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
)

const longWait = `Wait returns when a canary is where --for says, and shows on stderr how it gets there:

  promoted     the wanted revision is the promoted one and no run is in progress
  ended        the run is over, however it ended
  deleted      there is no such canary any more
  Initialized  the primary serves: Initialized, or any phase after it
  PHASE        any other phase: Waiting, Progressing, WaitingPromotion, Promoting, Finalising, Succeeded, Failed

A run that ends otherwise than --for says ends the wait with the exit code that says how: 3 taken back by a metric, a hook or
a deadline, 4 by a person, 5 the time was over. "serin help exit-codes" has all of them.

In a script that edits a manifest and then waits, the daemon may not have read the edit yet. Give the name of the run
before the edit with --after: only a later run counts then.`

func (a *app) waitCommand() *cobra.Command {
	var c connection
	w := waiter{}
	cmd := &cobra.Command{
		Use: "wait NAME", Short: "Wait until a canary is where it should be", Long: longWait, Args: wants("NAME"),
		Example: "  serin wait web --for=promoted\n  serin wait web --for=Failed --timeout=5m\n  serin wait web --for=Initialized --connect=30s",
	}
	output := outputFlag(cmd)
	goal := &format{value: forPromoted, allowed: goals(), kind: "GOAL"}
	f := cmd.Flags()
	f.Var(goal, "for", "what to wait for")
	f.DurationVar(&w.timeout, "timeout", 10*time.Minute, "how long to wait at most; 0 means for ever")
	f.StringVar(&w.after, "after", "", "`RUN` that does not count any more: wait for a later one")
	f.DurationVar(&w.patience, "connect", 0, "how long to wait for a daemon that is still starting")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(goals(), cobra.ShellCompDirectiveNoFileComp)) // It fails for flags that do not exist.
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, nil)
	cmd.RunE = a.run(func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		s, err := a.patient(ctx, c, w.patience)
		if err != nil {
			return err
		}
		defer s.client.Close()
		w.session, w.goal, w.afterSet = s, goal.value, cmd.Flags().Changed("after")
		if w.key, err = s.key(args[0]); err != nil {
			return err
		}
		if err := s.hinted(w.run(ctx)); err != nil {
			return err
		}
		return s.show(output, w.seen, func(out io.Writer) { fmt.Fprintln(out, w.summary()) })
	})
	return cmd
}

func (a *app) patient(ctx context.Context, c connection, patience time.Duration) (*session, error) {
	if patience <= 0 {
		return a.connect(c)
	}
	return a.reachable(ctx, c, patience)
}

// The goals that are no phases.
const (
	forPromoted = "promoted"
	forEnded    = "ended"
	forDeleted  = "deleted"
)

func goals() []string {
	list := []string{forPromoted, forEnded, forDeleted}
	for _, phase := range []rollout.Phase{
		rollout.Initialized, rollout.Waiting, rollout.Progressing, rollout.WaitingPromotion, rollout.Promoting,
		rollout.Finalising, rollout.Succeeded, rollout.Failed,
	} {
		list = append(list, string(phase))
	}
	return list
}

// waiter waits for one canary.
type waiter struct {
	*session

	key               engine.Key
	goal, after       string
	afterSet          bool
	timeout, patience time.Duration
	seen              httpapi.Detail
	told              string
}

func (w *waiter) run(ctx context.Context) error {
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if w.timeout > 0 {
		waiting, cancel = context.WithTimeout(ctx, w.timeout)
	}
	defer cancel()
	err := w.follow(waiting, w.notice(), func(c feed.Change) error {
		if c.Name != "" && (c.Name != w.key.Name || c.Namespace != w.key.Namespace) {
			return nil
		}
		return w.look(waiting)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return exitf(Failure, "interrupted while waiting for %s to be %s", w.key, w.goal)
	case waiting.Err() != nil:
		return exitf(TimedOut, "%s is not %s after %s: it is %s; \"serin explain %s\" says why",
			w.key, w.goal, span(w.timeout), orNew(phaseOf(&w.seen.Canary), w.seen.Name), w.call(w.key))
	default:
		return err
	}
}

func orNew(phase, name string) string {
	if name == "" {
		return "unknown"
	}
	return phase
}

// look reads the canary and decides whether the wait is over.
func (w *waiter) look(ctx context.Context) error {
	d, err := w.client.Canary(ctx, w.key)
	if fault.KindOf(err) == fault.NotFound {
		if w.goal == forDeleted {
			return errEnough
		}
		return w.unknown(ctx, w.key)
	}
	if err != nil {
		return err
	}
	w.seen = d
	if line := w.lineOf(&d.Canary); line != w.told {
		w.told = line
		fmt.Fprintln(w.Err, line)
	}
	switch {
	case w.reached(&d.Canary):
		return errEnough
	case w.goal == forDeleted || w.goal == string(rollout.Initialized):
		return nil // How a run ends says nothing about these.
	default:
		return w.missed(&d.Canary)
	}
}

// counts says whether the run that is shown is one that the wait is about.
func (w *waiter) counts(c *httpapi.Canary) bool {
	return !w.afterSet || (c.Run != nil && c.Run.Name != w.after)
}

func (w *waiter) reached(c *httpapi.Canary) bool {
	switch {
	case w.goal == string(rollout.Initialized):
		return c.Phase != "" && c.Phase != rollout.Initializing
	case w.goal == forDeleted || !w.counts(c):
		return false
	case w.goal == forPromoted:
		return promoted(c)
	case w.goal == forEnded:
		return c.Run != nil && !busy(c)
	case w.goal == string(rollout.Failed):
		return c.Phase == rollout.Failed && !busy(c)
	default:
		return string(c.Phase) == w.goal
	}
}

// promoted says whether what is wanted is what the primary serves, and at rest.
func promoted(c *httpapi.Canary) bool {
	rests := c.Phase == rollout.Succeeded || c.Phase == rollout.Initialized
	return rests && !busy(c) && c.Revisions.Promoted != "" && c.Revisions.Promoted == c.Revisions.Wanted
}

// missed is the error for a run that ended otherwise.
func (w *waiter) missed(c *httpapi.Canary) error {
	if c.Run == nil || busy(c) || !w.counts(c) {
		return nil
	}
	switch c.Run.Outcome {
	case rollout.OutcomeSucceeded:
		if w.goal == string(rollout.Failed) && w.afterSet {
			return exitf(Failure, "run %s of %s succeeded: %s", c.Run.Name, w.key, c.Run.Message)
		}
		return nil
	case rollout.OutcomeFailed, rollout.OutcomeAborted:
		// A person may still retry it, and another revision may come: both are other runs than the one waited for.
		if c.Phase != rollout.Failed {
			return nil
		}
		return exitf(codeOfOutcome(c.Run.Outcome), "run %s of %s ended as %s: %s", c.Run.Name, w.key, c.Run.Outcome, c.Run.Message)
	case rollout.OutcomeSuperseded, rollout.OutcomeReverted:
		return nil
	default:
		return nil
	}
}

// summary says what the wait ended with.
func (w *waiter) summary() string {
	c := &w.seen.Canary
	if w.goal == forDeleted {
		return w.key.String() + " is deleted"
	}
	text := w.key.String() + " is " + strings.ToLower(w.goal[:1]) + w.goal[1:]
	if w.goal == string(c.Phase) || w.goal == string(rollout.Initialized) {
		text = w.key.String() + " is " + w.goal
	}
	if c.Run != nil && c.Run.Message != "" {
		text += ": " + clean(c.Run.Message)
	}
	return text
}

// interrupted says whether err is how a command ends that a person has seen enough of.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || fault.KindOf(err) == fault.Unavailable)
}
