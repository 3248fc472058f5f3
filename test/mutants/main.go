// Command mutants breaks Serin on purpose, in one place at a time, and runs the test that has to notice. A mutant is
// caught when an assertion of the test that the table names fails; a panic, a time-out or a mutant that does not
// compile is no proof. The files of the tree are never changed: the mutant is given to the compiler as an overlay.
//
//	go run ./test/mutants              all mutants
//	go run ./test/mutants -run drain   those whose name matches
//	go run ./test/mutants -find -run drain   which tests of the package notice them
//	go run ./test/mutants -write       only write the page
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

//go:generate go run . -write

// pagePath is where the page is, from the root of the repository.
const pagePath = "docs/reference/mutants.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1) //nolint:forbidigo // main ends the process.
	}
}

func run(ctx context.Context, args []string, out, problems io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(problems)
	only := flags.String("run", "", "run only the mutants whose name matches the `expression`")
	parallel := flags.Int("parallel", 1, "how many mutants are tested at the same time")
	find := flags.Bool("find", false, "run all tests of the packages and list those that notice")
	write := flags.Bool("write", false, "write the page "+pagePath+" and run nothing")
	verbose := flags.Bool("v", false, "print what the tests of a mutant that was not caught said")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if *parallel < 1 {
		return fmt.Errorf("-parallel is %d: it must be at least 1", *parallel)
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	all, err := load(root)
	if err != nil {
		return err
	}
	if *write {
		return os.WriteFile(filepath.Join(root, pagePath), []byte(page(all)), 0o600)
	}
	var mutants []mutant
	for _, m := range all {
		if chosen.MatchString(m.Name) {
			mutants = append(mutants, m)
		}
	}
	if len(mutants) == 0 {
		return fmt.Errorf("no mutant has a name that matches %q", *only)
	}
	r := runner{root: root, find: *find, out: out, verbose: *verbose}
	began := time.Now()
	results := r.all(ctx, mutants, *parallel)
	return conclude(out, results, time.Since(began))
}

// conclude prints what came of it, and returns an error unless every mutant was caught.
func conclude(out io.Writer, results []result, took time.Duration) error {
	caught := 0
	for _, r := range results {
		if r.caught {
			caught++
		}
	}
	fmt.Fprintf(out, "%d of %d mutants caught in %s\n", caught, len(results), took.Round(time.Second))
	for _, r := range results {
		if !r.caught {
			fmt.Fprintf(out, "not caught: %s (%s): %s\n", r.mutant.Name, r.mutant.File, r.why)
		}
	}
	if caught < len(results) {
		return fmt.Errorf("%d mutants were not caught: a mutant that survives is a missing test", len(results)-caught)
	}
	return nil
}

// findRoot returns the directory of the module.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("there is no go.mod here or above: run this inside the repository")
		}
		dir = parent
	}
}
