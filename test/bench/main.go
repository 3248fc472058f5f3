// Command bench runs the benchmarks behind Serin's numbers, prints what they print, which benchstat understands, and
// holds the numbers against their goals. With -write it makes the page docs/reference/performance.md of them.
//
//	go run ./test/bench -write
//	go run ./test/bench -run Proxies
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
)

// pagePath is where the page is, from the root of the repository.
const pagePath = "docs/reference/performance.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // main ends the process.
	}
}

func run(ctx context.Context, args []string, out, problems io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(problems)
	write := flags.Bool("write", false, "write the page "+pagePath)
	from := flags.String("from", "", "take the numbers from a `file` with the output of an earlier run")
	only := flags.String("run", "", "run only the benchmarks whose name matches the `expression`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	m := machineHere(ctx)
	var text []byte
	if *from != "" {
		text, err = os.ReadFile(*from)
	} else {
		text, err = measure(ctx, root, chosen, out, problems)
	}
	if err != nil {
		return err
	}
	results := parse(text)
	m.load = loadOf(text)
	fmt.Fprint(out, "\n", verdicts(results))
	if !*write {
		return nil
	}
	return os.WriteFile(filepath.Join(root, pagePath), []byte(page(m, results)), 0o600)
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
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("run it inside the repository")
		}
		dir = up
	}
}

// suite is one call of go test.
type suite struct {
	name, pkg, bench, time string
	count                  int
}

// suites lists what is run: what is short several times, of which the median counts.
func suites() []suite {
	const short, here = "0.5s", "./test/bench"
	return []suite{
		{"Step", "./internal/rollout", "^Benchmark(Step|StepInPhase|StepThatTellsMost|Save)$", short, 3},
		{"Judge", "./internal/analysis", ".", short, 3},
		{"Table", "./internal/xds/table", ".", short, 3},
		{"PutInForce", "./internal/proxy", "^BenchmarkSwap10000$", short, 3},
		{"Pass", here, "^BenchmarkPass$", short, 3},
		{"Idle", here, "^BenchmarkIdle$", "2x", 1},
		{"Swap", here, "^BenchmarkSwap$", "1000x", 3},
		{"Rollback", here, "^BenchmarkRollback$", "8x", 1},
		{"Proxies", here, "^BenchmarkProxies$", "40x", 1},
	}
}

func measure(ctx context.Context, root string, chosen *regexp.Regexp, out, problems io.Writer) ([]byte, error) {
	var text bytes.Buffer
	fmt.Fprintln(io.MultiWriter(out, &text), loadLine+loadNow())
	for _, s := range suites() {
		if !chosen.MatchString(s.name) {
			continue
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", s.bench, "-benchmem", //nolint:gosec // G204: the arguments are those of the list.
			"-benchtime", s.time, "-count", strconv.Itoa(s.count), "-timeout", "20m", s.pkg)
		cmd.Dir, cmd.Stdout, cmd.Stderr = root, io.MultiWriter(out, &text), problems
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("benchmarks of %s: %w", s.pkg, err)
		}
	}
	return text.Bytes(), nil
}
