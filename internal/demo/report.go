package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/serin-dev/serin/internal/demo/tally"
	"github.com/serin-dev/serin/internal/rollout"
)

// Row is what became of one release.
type Row struct {
	Release Release
	Ended   Ended
	// Took is the time from the edit of the manifest to the end of the run.
	Took time.Duration
	// Served counts the app's answers in that time, Failed the canary's server errors as the load saw them, Lost
	// the requests without an answer of the app.
	Served, Failed, Lost uint64
}

// Report is what the demo found.
type Report struct {
	Rows []Row
	// Load and App are the two counts of the same answers: as received, and as sent.
	Load, App tally.Counts
	// Lost is the number of requests of the whole demo that the app's answer did not reach, and Losses explains the
	// first of them.
	Lost   uint64
	Losses []string
}

// Judge says in one sentence each what is not as it must be. No sentence means that the demo succeeded.
func Judge(r Report) []string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if len(r.Rows) == 0 {
		add("no release was made")
	}
	for _, row := range r.Rows {
		version := row.Release.App.Version
		switch {
		case row.Ended.Outcome != row.Release.Expect:
			add("%s must be %s and was %s", version, word(row.Release.Expect), word(row.Ended.Outcome))
		case row.Release.Because != "" && !slices.Contains(row.Ended.Failing, row.Release.Because):
			add("%s must be %s because of %s and was because of %q",
				version, word(row.Release.Expect), row.Release.Because, row.Ended.Message)
		}
		if row.Served == 0 {
			add("nothing was served while %s was released", version)
		}
	}
	for _, sentence := range tally.Diff(r.Load, r.App) {
		add("the two counts disagree: %s", sentence)
	}
	if r.Lost > 0 {
		add("requests lost on the way: %d (%s)", r.Lost, strings.Join(r.Losses, "; "))
	}
	return problems
}

// word is how the table names an outcome.
func word(o rollout.Outcome) string {
	switch o {
	case rollout.OutcomeSucceeded:
		return "promoted"
	case rollout.OutcomeFailed:
		return "rolled back"
	case rollout.OutcomeAborted:
		return "aborted"
	case rollout.OutcomeSuperseded:
		return "superseded"
	case rollout.OutcomeReverted:
		return "reverted"
	default:
		return "not finished"
	}
}

// Print writes the table, the agreement of the two counts, and the problems.
func Print(w io.Writer, r Report) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RELEASE\tOUTCOME\tTIME\tSERVED\tFAILED\tLOST\tWHY")
	for _, row := range r.Rows {
		fmt.Fprintf(table, "%s: %s\t%s\t%s\t%d\t%d\t%d\t%s\n",
			row.Release.App.Version, row.Release.Name, word(row.Ended.Outcome),
			row.Took.Round(100*time.Millisecond), row.Served, row.Failed, row.Lost, why(row.Ended))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("lay out the table: %w", err)
	}
	fmt.Fprintln(&b)
	fmt.Fprintln(&b, "FAILED: answered with a server error by the new version. LOST: no answer of the app arrived.")
	fmt.Fprintf(&b, "Counted by the load: %d answers. Counted by the app: %d.\n", r.Load.Total(), r.App.Total())
	problems := Judge(r)
	for _, p := range problems {
		fmt.Fprintf(&b, "WRONG: %s.\n", p)
	}
	if len(problems) == 0 {
		fmt.Fprintf(&b, "All %d releases ended as they must; no request was lost.\n", len(r.Rows))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

func why(e Ended) string {
	switch {
	case e.Message != "":
		return e.Message
	case e.Reason != "":
		return e.Reason
	default:
		return "-"
	}
}
