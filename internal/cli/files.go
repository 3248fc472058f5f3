package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/standalone/manifest"
)

// planned is what a canary of a directory would do with a new revision.
type planned struct {
	Canary   string             `json:"canary"`
	Strategy rollout.Strategy   `json:"strategy"`
	Revision string             `json:"revision,omitempty"`
	Steps    []rollout.PlanStep `json:"steps,omitempty"`
	Interval string             `json:"interval"`
	// Shortest is how long a run takes when every check passes at once and pods need no time.
	Shortest string `json:"shortest"`
}

// directoryReport is what there is to say about a directory of manifests.
type directoryReport struct {
	Problems []manifest.Problem `json:"problems"`
	Warnings []manifest.Problem `json:"warnings"`
	Plans    []planned          `json:"plans"`

	set *manifest.Set
}

// check reads a directory and compiles the plans of its canaries.
func check(dir string) (directoryReport, error) {
	r := directoryReport{Problems: []manifest.Problem{}, Warnings: []manifest.Problem{}, Plans: []planned{}}
	dir, err := directory(dir)
	if err != nil {
		return r, err
	}
	set, err := manifest.Load(dir)
	var problems manifest.Problems
	switch {
	case errors.As(err, &problems):
		r.Problems = problems
		return r, nil
	case err != nil:
		return r, err
	}
	r.set = set
	r.Warnings = append(r.Warnings, set.Warnings()...)
	for _, c := range set.Canaries() {
		made, err := planOf(set, c)
		if err != nil {
			return r, err
		}
		r.Plans = append(r.Plans, made)
	}
	return r, nil
}

// planOf compiles the plan of a canary; Load has checked that there is one.
func planOf(set *manifest.Set, c *v1beta1.Canary) (planned, error) {
	key := engine.Key{Namespace: c.Namespace, Name: c.Name}
	spec, problems := canaryspec.Spec(c)
	if err := problems.Err(); err != nil {
		return planned{}, fmt.Errorf("canary %s: %w", key, err)
	}
	spec.Traffic = manifest.Capabilities(c)
	plan, _, err := rollout.Compile(spec)
	if err != nil {
		return planned{}, fmt.Errorf("canary %s: %w", key, err)
	}
	target, _ := set.Target(manifest.Key{Namespace: c.Namespace, Name: c.Spec.TargetRef.Name})
	return planned{
		Canary: key.String(), Strategy: plan.Strategy, Revision: target.Revision, Steps: plan.Steps,
		Interval: span(spec.Default().Interval), Shortest: span(plan.Shortest(spec)),
	}, nil
}

func (a *app) lintCommand() *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use: "lint DIR", Short: "Say what is wrong with a directory of manifests", Args: wants("DIR"),
		Long: "Lint reads a directory as \"serin up\" does, and says every mistake with file, line and field, and what was probably not\n" +
			"meant. It needs no daemon and starts nothing. Mistakes end with exit code 1, with --strict warnings too.",
		Example:           "  serin lint deploy\n  serin lint deploy --strict -o json",
		ValidArgsFunction: directories,
	}
	output := outputFlag(cmd)
	cmd.Flags().BoolVar(&strict, "strict", false, "take warnings for mistakes")
	cmd.RunE = a.run(func(_ *cobra.Command, args []string) error {
		r, err := check(args[0])
		if err != nil {
			return err
		}
		if err := a.show(output, r, func(w io.Writer) { a.lint(w, &r) }); err != nil {
			return err
		}
		if len(r.Problems) > 0 || strict && len(r.Warnings) > 0 {
			return &exitError{code: Failure} // What is wrong was said.
		}
		return nil
	})
	return cmd
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func (a *app) lint(w io.Writer, r *directoryReport) {
	p := a.paint(w)
	for _, problem := range r.Problems {
		fmt.Fprintln(w, p.bad("error: ")+problem.String())
	}
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, p.warn("warning: ")+warning.String())
	}
	for i := range r.Plans {
		writePlan(w, &r.Plans[i], p)
	}
	fmt.Fprintf(w, "%s, %s, %s.\n", count(len(r.Plans), "canary", "canaries"), count(len(r.Problems), "error", "errors"), count(len(r.Warnings), "warning", "warnings"))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// writePlan says which steps a run would go through, and how long that takes at least.
func writePlan(w io.Writer, plan *planned, p paint) {
	if len(plan.Steps) == 0 {
		fmt.Fprintf(w, "%s: %s, so a new revision is promoted as soon as its pods are ready.\n", p.bold(plan.Canary), plan.Strategy)
		return
	}
	fmt.Fprintf(w, "%s: %s, %s, one check every %s, at least %s until the promotion:\n",
		p.bold(plan.Canary), plan.Strategy, count(len(plan.Steps), "step", "steps"), plan.Interval, plan.Shortest)
	const most = 12 // The rest of a long plan goes on as it began.
	for i, step := range plan.Steps {
		if i == most && len(plan.Steps) > most+1 {
			fmt.Fprintf(w, "  … %d more, up to %s\n", len(plan.Steps)-most, stepText(plan.Steps[len(plan.Steps)-1]))
			break
		}
		fmt.Fprintf(w, "  %d. %s\n", i+1, stepText(step))
	}
}

// diffReport is what applying a directory would change.
type diffReport struct {
	manifest.Difference

	Warnings []manifest.Problem `json:"warnings,omitempty"`
}

func (a *app) diffCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "diff DIR", Short: "Show what applying a directory would change", Args: wants("DIR"),
		Long: "Diff compares a directory with what the running daemon works with, and shows the objects that differ, the runs that would\n" +
			"begin with their steps, and how long each takes at least. It changes nothing. Secrets are compared by fingerprint.",
		Example:           "  serin diff deploy\n  git worktree add ../next main && serin diff ../next/deploy",
		ValidArgsFunction: directories,
	}
	output := outputFlag(cmd)
	c.flags(cmd)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		r, err := check(args[0])
		if err != nil {
			return err
		}
		if len(r.Problems) > 0 {
			s.lint(s.Err, &r)
			return exitf(Failure, "%s cannot be applied", args[0])
		}
		running, err := s.client.Objects(ctx)
		if err != nil {
			return err
		}
		report := diffReport{Difference: manifest.Diff(running, r.set), Warnings: r.Warnings}
		return s.show(output, report, func(w io.Writer) { report.write(w, s.paint(w)) })
	})
	return cmd
}

func (r *diffReport) write(w io.Writer, p paint) {
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, p.warn("warning: ")+warning.String())
	}
	if r.Empty() {
		fmt.Fprintln(w, "Nothing would change.")
		return
	}
	t := &table{}
	list := func(word string, paint tone, changes []manifest.Change) {
		for _, c := range changes {
			t.add(cell{word, paint}, cell{c.Kind, nil}, cell{c.Namespace + "/" + c.Name, nil}, cell{c.File, nil})
		}
	}
	list("added", p.good, r.Added)
	list("changed", p.warn, r.Changed)
	list("removed", p.bad, r.Removed)
	t.write(w, p)
	for _, e := range append(slices.Clip(r.Canaries), r.Targets...) {
		fmt.Fprintf(w, "\n%s: %s\n", p.bold(e.Namespace+"/"+e.Name), sentence(e.Message))
		for _, reason := range e.Reasons {
			fmt.Fprintln(w, "  because of "+reason)
		}
		if len(e.Plan) > 0 {
			writePlan(w, &planned{
				Canary: "plan", Strategy: e.Strategy, Steps: e.Plan, Interval: e.Interval, Shortest: e.Shortest,
			}, p)
		}
	}
}
