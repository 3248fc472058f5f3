package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/httpapi"
)

func (a *app) statusCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "status NAME", Short: "Show all about one canary", Args: wants("NAME"),
		Long: "Status shows all that the daemon knows of a canary now: its run, weights, pods, metrics, plan and addresses.\n" +
			"What it waits for, and who must do what, is said by \"serin explain NAME\".",
		Example: "  serin status web\n  serin status shop/web -o yaml",
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
		return s.show(output, d, func(w io.Writer) { s.status(w, &d) })
	})
	return cmd
}

// status writes all about a canary.
func (s *session) status(w io.Writer, d *httpapi.Detail) {
	p := s.paint(w)
	t := &table{}
	field := func(name, text string, paint tone) {
		if text != "" {
			t.add(cell{name + ":", p.bold}, cell{text, paint})
		}
	}
	c := &d.Canary
	field("Name", keyOf(c).String(), nil)
	field("Phase", phaseOf(c)+s.sinceOf(c), toneOf(c, p))
	field("Problem", c.Problem, p.bad)
	field("Paused", s.holder(c), p.warn)
	field("Waits for", strings.TrimPrefix(waitOf(c), none), nil)
	field("Run", s.runOf(c), nil)
	field("Revisions", "promoted "+short(c.Revisions.Promoted)+", wanted "+short(c.Revisions.Wanted)+", tried "+short(c.Revisions.Tried), nil)
	field("Weight", "wanted "+c.Weight.Wanted.String()+", acknowledged "+c.Weight.Acked.String(), nil)
	field("Data plane", trafficOf(d), p.bad)
	field("Strategy", string(c.Strategy)+", one check every "+d.Interval, nil)
	field("Step", stepOf(c), nil)
	field("Failed", failedOf(c), failedTone(c, p))
	field("Primary", podsOf(c.PrimaryPods), nil)
	field("Canary", podsOf(c.CanaryPods), nil)
	t.write(w, p)
	s.statusTables(w, d, p)
}

func (s *session) statusTables(w io.Writer, d *httpapi.Detail, p paint) {
	if len(d.Metrics) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Latest check:"))
		resultTable(d.Metrics, p).write(w, p)
	}
	if len(d.Plan) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Plan:"))
		for i, step := range d.Plan {
			mark := "  "
			if i+1 == d.Step.At {
				mark = "> "
			}
			fmt.Fprintf(w, "%s%d. %s\n", mark, i+1, stepText(step))
		}
	}
	if len(d.Addresses) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Addresses:"))
		t := &table{}
		for _, a := range d.Addresses {
			t.plain("  "+a.Service, a.URL, a.Port)
		}
		t.write(w, p)
	}
	if len(d.Warnings) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Warnings:"))
		for _, text := range d.Warnings {
			fmt.Fprintln(w, "  "+p.warn(clean(text)))
		}
	}
}

func (s *session) sinceOf(c *httpapi.Canary) string {
	if c.Since.IsZero() {
		return ""
	}
	return ", for " + s.age(c.Since)
}

// holder names who keeps the canary from going on.
func (s *session) holder(c *httpapi.Canary) string {
	switch {
	case c.Brake != nil:
		return "with all canaries, by " + by(c.Brake) + because(c.Brake)
	case c.Paused != nil:
		return "by " + by(c.Paused) + because(c.Paused)
	case c.Suspended:
		return "by suspend: true in the manifest"
	default:
		return ""
	}
}

func (s *session) runOf(c *httpapi.Canary) string {
	r := c.Run
	switch {
	case r == nil:
		return "none yet"
	case r.Ended.IsZero() && r.Outcome != "":
		return r.Name + ", " + string(r.Stage) + " after its verdict: " + r.Message
	case r.Ended.IsZero():
		return r.Name + ", " + string(r.Stage) + ", began " + s.age(r.Started) + " ago"
	default:
		return r.Name + ", " + string(r.Outcome) + " " + s.age(r.Ended) + " ago: " + r.Message
	}
}

func trafficOf(d *httpapi.Detail) string {
	switch {
	case d.Traffic.Problem != "":
		return "cannot be read: " + d.Traffic.Problem
	case d.Traffic.Rejected != "":
		return "refuses what is written: " + d.Traffic.Rejected
	default:
		return ""
	}
}

func podsOf(pods httpapi.Pods) string {
	text := fmt.Sprintf("%d of %d pods ready", pods.Ready, pods.Wanted)
	if pods.Why != "" {
		text += ": " + pods.Why
	}
	return text
}

// resultTable shows what metrics said, with their limits.
func resultTable(results []analysis.Result, p paint) *table {
	t := &table{heads: []string{"  METRIC", "RESULT", "VALUE", "LIMIT", "REQUESTS", "MESSAGE"}}
	for i := range results {
		r := &results[i]
		requests := none
		if r.Requests > 0 {
			requests = strconv.FormatUint(r.Requests, 10)
		}
		t.add(cell{"  " + r.Metric, nil}, cell{string(r.Outcome), toneOfResult(r.Outcome, p)}, cell{valueOf(r), nil},
			cell{limitsOf(r), nil}, cell{requests, nil}, cell{r.Message, nil})
	}
	return t
}
