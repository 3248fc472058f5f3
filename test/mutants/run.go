package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// testLimit ends a test that a mutant keeps from ending, which is no proof: the test has to say what is wrong.
	testLimit = 2 * time.Minute
	// runLimit bounds the compiler as well.
	runLimit = 10 * time.Minute
)

// runner tests mutants.
type runner struct {
	root string
	// find runs all tests of a package instead of the named one.
	find    bool
	verbose bool

	mu  sync.Mutex
	out io.Writer
}

// result is what came of one mutant.
type result struct {
	mutant mutant
	caught bool
	// why says why it was not caught, or which tests failed.
	why string
}

// all tests mutants, some at the same time, and returns the results in their order.
func (r *runner) all(ctx context.Context, mutants []mutant, parallel int) []result {
	results := make([]result, len(mutants))
	next := make(chan int)
	var group sync.WaitGroup
	for range parallel {
		group.Go(func() {
			for i := range next {
				results[i] = r.one(ctx, mutants[i])
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	group.Wait()
	return results
}

// one tests one mutant and prints what came of it.
func (r *runner) one(ctx context.Context, m mutant) result {
	began := time.Now()
	output, err := r.test(ctx, m)
	res := result{mutant: m}
	switch {
	case ctx.Err() != nil:
		res.why = "interrupted"
		return res
	case err != nil:
		res.why = err.Error()
	default:
		res = judge(m, output, r.find)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	word := "caught"
	if !res.caught {
		word = "NOT CAUGHT"
	}
	fmt.Fprintf(r.out, "%-10s %-36s %6.1fs  %s\n", word, m.Name, time.Since(began).Seconds(), res.why)
	if !res.caught && r.verbose {
		_, _ = r.out.Write(output)
	}
	return res
}

// test runs the tests over a mutant and returns what they said. That tests fail is no error.
func (r *runner) test(ctx context.Context, m mutant) ([]byte, error) {
	text, err := m.apply(r.root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	mutated, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(r.root, m.File): mutated}})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(mutated, text, 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	args := []string{"test", "-overlay", overlay, "-count=1", "-vet=off", "-timeout", testLimit.String()}
	if !r.find {
		args = append(args, "-run", "^"+strings.ReplaceAll(m.Test, "/", "$/^")+"$")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+m.Package)...) //nolint:gosec // G204: the names are in our own table.
	cmd.Dir = r.root
	// The tests belong to the same group, so that none outlives an interrupted run.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	output, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && (ctx.Err() != nil || !errors.As(err, &failed)) {
		return output, fmt.Errorf("go test: %w", err)
	}
	return output, nil
}

// judge says whether tests that said this have caught a mutant.
func judge(m mutant, output []byte, find bool) result {
	said, panicked := beforePanic(output)
	failed := failedTests(said)
	asserted := regexp.MustCompile(`(?m)^\s+\w+\.go:\d+: `).Match(said)
	res := result{mutant: m, why: noProof(output)}
	switch {
	case res.why != "":
	case panicked && (!asserted || len(failed) == 0):
		res.why = "its test panicked, which is no assertion"
	case bytes.Contains(output, []byte("[no tests to run]")):
		res.why = "there is no test " + m.Test + " in " + m.Package
	case len(failed) == 0:
		res.why = "it survives"
	case !asserted:
		res.why = "its test failed without saying why"
	case find:
		res.caught, res.why = true, strings.Join(failed, " ")
	case !slices.Contains(failed, m.Test):
		res.why = "not by " + m.Test + " but by " + strings.Join(failed, " ")
	default:
		res.caught, res.why = true, failed[len(failed)-1]
	}
	return res
}

// noProof says why an output says nothing about a mutant, whatever failed, or nothing.
func noProof(output []byte) string {
	switch {
	case bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")):
		return "it does not compile: " + firstLine(output)
	case bytes.Contains(output, []byte("panic: test timed out")):
		return "its test ran into the time-out, which says nothing"
	default:
		return ""
	}
}

// beforePanic returns what the tests said before the process died, if it did: an assertion that failed before counts.
func beforePanic(output []byte) (said []byte, panicked bool) {
	if at := regexp.MustCompile(`(?m)^(panic: |fatal error: )`).FindIndex(output); at != nil {
		return output[:at[0]], true
	}
	return output, false
}

// failedTests lists the tests that failed, each once, each before its subtests.
func failedTests(output []byte) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`).FindAllSubmatch(output, -1) {
		if name := string(match[1]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func firstLine(output []byte) string {
	for line := range strings.Lines(string(output)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return "no reason given"
}
