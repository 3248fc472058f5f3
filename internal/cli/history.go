package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/spelling"
)

// latest is the RUN that names the newest one.
const latest = "latest"

func (a *app) historyCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "history NAME [RUN]", Short: "Show the runs of a canary, or the record of one", Args: wants("NAME", "[RUN]"),
		Long: "History lists the runs of a canary, newest first. With the name of a run, or \"latest\", it shows its record: the steps,\n" +
			"the weights wanted and acknowledged, what each check saw, the verdict with its evidence, and who did what and why.",
		Example: "  serin history web\n  serin history web latest\n  serin history web 6f1c2a9b04-3 -o json",
	}
	output := outputFlag(cmd)
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, runs)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		key, err := s.key(args[0])
		if err != nil {
			return err
		}
		all, err := s.client.Runs(ctx, key)
		if err != nil {
			return s.missing(ctx, key, err)
		}
		if len(args) == 1 {
			return s.show(output, runList{all}, func(w io.Writer) { s.runs(w, all) })
		}
		run, err := s.runRecord(ctx, key, args[1], all)
		if err != nil {
			return err
		}
		return s.show(output, run, func(w io.Writer) { s.record(w, &run) })
	})
	return cmd
}

type runList struct {
	Runs []record.Run `json:"runs"`
}

func (s *session) runs(w io.Writer, all []record.Run) {
	if len(all) == 0 {
		fmt.Fprintln(w, "There was no run yet: one begins when the target changes.")
		return
	}
	p := s.paint(w)
	t := &table{heads: []string{"RUN", "REVISION", "OUTCOME", "TOOK", "BEGAN", "WHY"}}
	for i := range all {
		r := &all[i]
		took := none
		if !r.Ended.IsZero() {
			took = span(r.Ended.Sub(r.Started))
		}
		t.add(cell{r.Name, nil}, cell{short(r.Revision), nil}, cell{outcomeOf(r), toneOfOutcome(r.Outcome, p)},
			cell{took, nil}, cell{s.age(r.Started) + " ago", nil}, cell{r.Message, nil})
	}
	t.write(w, p)
}

// runRecord reads the record of a run; for one that does not exist the error names the one that was probably meant.
func (s *session) runRecord(ctx context.Context, key engine.Key, name string, all []record.Run) (record.Run, error) {
	if name == latest {
		if len(all) == 0 {
			return record.Run{}, exitf(NotFound, "canary %s has had no run yet", key)
		}
		name = all[0].Name
	}
	run, err := s.client.Run(ctx, key, name)
	if fault.KindOf(err) != fault.NotFound {
		return run, err
	}
	names := make([]string, 0, len(all)+1)
	for i := range all {
		names = append(names, all[i].Name)
	}
	if near := spelling.Nearest(name, append(names, latest)); near != "" {
		return run, exitf(NotFound, "canary %s has no run %s: did you mean %s?", key, name, near)
	}
	return run, exitf(NotFound, "canary %s has no run %s: \"serin history %s\" lists those that are kept", key, name, s.call(key))
}

// record writes what happened in a run.
func (s *session) record(w io.Writer, r *record.Run) {
	p := s.paint(w)
	t := &table{}
	field := func(name, text string, paint tone) { t.add(cell{name + ":", p.bold}, cell{text, paint}) }
	field("Run", r.Name, nil)
	field("Revision", r.Revision, nil)
	field("Began", s.age(r.Started)+" ago", nil)
	if !r.Ended.IsZero() {
		field("Took", span(r.Ended.Sub(r.Started)), nil)
	}
	field("Outcome", outcomeOf(r), toneOfOutcome(r.Outcome, p))
	if r.Message != "" {
		field("Verdict", r.Reason+": "+r.Message, nil)
	}
	t.write(w, p)
	if r.Lost > 0 {
		fmt.Fprintf(w, "\n%d events are missing: the oldest were dropped to keep the record small.\n", r.Lost)
	}
	if people := deeds(r); len(people.rows) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Who did what:"))
		people.write(w, p)
	}
	fmt.Fprintln(w, "\n"+p.bold("What happened:"))
	for i := range r.Events {
		writeEvent(w, r, &r.Events[i], p)
	}
}

// offset is when something happened, counted from the beginning of the run.
func offset(r *record.Run, e *rollout.Event) string { return "+" + span(e.At.Sub(r.Started)) }

// deeds lists what people did.
func deeds(r *record.Run) *table {
	t := &table{}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Type == rollout.CommandTaken || e.Type == rollout.CommandRefused {
			t.plain("  "+offset(r, e), e.Message)
		}
	}
	return t
}

// placeOf is the step and the weight at which something happened, where they matter.
func placeOf(e *rollout.Event) string {
	switch {
	case e.Type != rollout.Checked && e.Type != rollout.WeightWanted && e.Type != rollout.WeightAcked:
		return ""
	case e.Step < 0:
		return " [" + e.Weight.String() + "]"
	default:
		return " [step " + strconv.Itoa(e.Step+1) + ", " + e.Weight.String() + "]"
	}
}

// writeEvent writes one event of a record, with its step, weight and evidence.
func writeEvent(w io.Writer, r *record.Run, e *rollout.Event, p paint) {
	const column = 9
	at, kind := fmt.Sprintf("%-*s", column, offset(r, e)), fmt.Sprintf("%-*s", len(rollout.PrimaryRestored), e.Type)
	if t := toneOfSeverity(e.Severity, p); t != nil {
		kind = t(kind)
	}
	fmt.Fprintf(w, "  %s %s  %s%s\n", p.dim(at), kind, clean(e.Message), p.dim(placeOf(e)))
	if e.Type == rollout.RunEnded {
		return // The verdict has shown the same evidence.
	}
	for i := range e.Results {
		v := &e.Results[i]
		text := v.Metric + ": " + string(v.Outcome)
		if t := toneOfResult(v.Outcome, p); t != nil {
			text = v.Metric + ": " + t(string(v.Outcome))
		}
		if value := valueOf(v); value != none {
			text += ", " + value + " (" + limitsOf(v) + ")"
		}
		if v.Message != "" {
			text += ", " + clean(v.Message)
		}
		fmt.Fprintf(w, "  %*s%s\n", column+1+len(rollout.PrimaryRestored)+2, "", text)
	}
}
