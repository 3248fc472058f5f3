package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
)

const longExplain = `Explain says in sentences where a canary stands, what it waits for, since when, what ends the wait, and who must do what.
It is the command for the question "why does nothing happen?".`

func (a *app) explainCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "explain NAME", Short: "Say what a canary waits for, and who must do what", Long: longExplain, Args: wants("NAME"),
		Example: "  serin explain web\n  serin explain web -o json",
	}
	output := outputFlag(cmd)
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, nil)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		key, err := s.key(args[0])
		if err != nil {
			return err
		}
		d, err := s.canary(ctx, key)
		if err != nil {
			return err
		}
		e := s.explain(&d)
		return s.show(output, e, func(w io.Writer) { e.write(w, s.paint(w)) })
	})
	return cmd
}

// explanation is what there is to say about a canary, part by part.
type explanation struct {
	Canary string `json:"canary"`
	// Stands says where the canary stands, Waits what it waits for, Seen what the latest check saw.
	Stands []string `json:"stands"`
	Waits  []string `json:"waits,omitempty"`
	Seen   []string `json:"seen,omitempty"`
	Pods   []string `json:"pods,omitempty"`
	// Do says who must do what.
	Do       []string `json:"do"`
	Warnings []string `json:"warnings,omitempty"`
}

func (s *session) explain(d *httpapi.Detail) explanation {
	c := &d.Canary
	e := explanation{Canary: keyOf(c).String(), Stands: s.stands(d), Pods: podSentences(c), Warnings: c.Warnings}
	if c.Wait != nil {
		e.Waits = s.waits(c.Wait)
	}
	if c.Run != nil && !c.Run.NextCheck.IsZero() {
		e.Waits = append(e.Waits, "The next check is due "+s.left(c.Run.NextCheck)+".")
	}
	e.Seen = seen(d)
	e.Do = advice(c, s.call(keyOf(c)))
	return e
}

func (e *explanation) write(w io.Writer, p paint) {
	block := func(head string, lines []string) {
		if len(lines) == 0 {
			return
		}
		if head != "" {
			fmt.Fprintln(w, "\n"+p.bold(head))
		}
		for _, line := range lines {
			if head != "" {
				line = "  " + line
			}
			fmt.Fprintln(w, clean(line))
		}
	}
	block("", e.Stands)
	block("It waits:", e.Waits)
	block("The latest check:", e.Seen)
	block("Pods:", e.Pods)
	block("Who must do what:", e.Do)
	block("Warnings:", e.Warnings)
}

// stands says where the canary stands.
func (s *session) stands(d *httpapi.Detail) []string {
	c := &d.Canary
	lines := []string{keyOf(c).String() + " is " + phaseOf(c) + s.sinceOf(c) + "."}
	if c.Problem != "" {
		lines = append(lines, sentence("it cannot act: "+c.Problem))
	}
	switch {
	case c.Phase == "":
		lines = append(lines, "The daemon has not looked at it yet.")
	case busy(c) && c.Run.Outcome != "":
		lines = append(lines, sentence("run "+c.Run.Name+" has its verdict, "+string(c.Run.Outcome)+": "+c.Run.Message),
			"It is cleaning up. Stage: "+string(c.Run.Stage)+".")
	case busy(c):
		lines = append(lines, s.inRun(d)...)
	case c.Run != nil:
		lines = append(lines, sentence("run "+c.Run.Name+" ended "+s.age(c.Run.Ended)+" ago, "+string(c.Run.Outcome)+": "+c.Run.Message))
	}
	if c.Revisions.Promoted != "" && !busy(c) {
		lines = append(lines, "The primary serves revision "+short(c.Revisions.Promoted)+" to everybody.")
	}
	if who := s.holder(c); who != "" {
		lines = append(lines, sentence("it is paused "+who))
	}
	return lines
}

// inRun says how far a run has come.
func (s *session) inRun(d *httpapi.Detail) []string {
	c := &d.Canary
	text := "Run " + c.Run.Name + " tries revision " + short(c.Run.Revision) + " in place of " + short(c.Revisions.Promoted) +
		"; it began " + s.age(c.Run.Started) + " ago. Stage: " + string(c.Run.Stage)
	if c.Step.At > 0 {
		text += fmt.Sprintf(", step %d of %d", c.Step.At, c.Step.Of)
	}
	lines := []string{text + "."}
	weight := "The canary gets " + c.Weight.Acked.String() + " of the requests"
	if c.Weight.Wanted != c.Weight.Acked {
		weight += "; " + c.Weight.Wanted.String() + " is wanted and not acknowledged by the data plane yet"
	}
	return append(lines, weight+".", fmt.Sprintf("%d of %d allowed checks failed; one check is made every %s.", c.FailedChecks, c.Threshold, d.Interval))
}

// waits says what the canary waits for.
func (s *session) waits(wait *rollout.Wait) []string {
	lines := []string{sentence(wait.Message + " (" + wait.Reason + ", for " + s.age(wait.Since) + ")")}
	if wait.Ends != "" {
		lines = append(lines, sentence("what ends it: "+wait.Ends))
	}
	switch {
	case wait.Reason == analysing:
		return lines
	case wait.Until.IsZero():
		return append(lines, "There is no deadline.")
	case wait.Until.Before(s.Now().Add(time.Second)):
		return append(lines, "Its time is over.")
	default:
		return append(lines, "It ends "+s.left(wait.Until)+" at the latest.")
	}
}

// analysing is the reason of a wait for the next check, whose time is told anyway.
const analysing = "Analysing"

// seen says what the latest check saw, each value with its limit.
func seen(d *httpapi.Detail) []string {
	lines := make([]string, 0, len(d.Metrics))
	for i := range d.Metrics {
		r := &d.Metrics[i]
		text := r.Metric + ": " + string(r.Outcome)
		if value := valueOf(r); value != none {
			text += ", " + value
		}
		if limit := limitsOf(r); limit != none {
			text += " (" + limit + ")"
		}
		if r.Message != "" {
			text += ": " + r.Message
		}
		lines = append(lines, strings.TrimSuffix(text, ".")+".")
	}
	return lines
}

// podSentences says which pods are missing and why.
func podSentences(c *httpapi.Canary) []string {
	var lines []string
	for _, side := range []struct {
		name string
		pods httpapi.Pods
	}{{"primary", c.PrimaryPods}, {"canary", c.CanaryPods}} {
		if side.pods.Ready < side.pods.Wanted || side.pods.Why != "" {
			lines = append(lines, strings.ToUpper(side.name[:1])+side.name[1:]+": "+podsOf(side.pods)+".")
		}
	}
	return lines
}
