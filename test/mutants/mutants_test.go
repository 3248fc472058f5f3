package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func loadAll(t *testing.T) []mutant {
	t.Helper()
	mutants, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	return mutants
}

// TestMutantsFitTheCode: every old text is in its file exactly once, every mutant names a test that is there, and a
// third of them were written without looking at the tests.
func TestMutantsFitTheCode(t *testing.T) {
	t.Parallel()
	mutants, blind := loadAll(t), 0
	for _, m := range mutants {
		if m.Blind {
			blind++
		}
		files, err := filepath.Glob(filepath.Join(root, m.Package, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			data, err := os.ReadFile(file)
			return err == nil && m.Test != "" && bytes.Contains(data, []byte("\nfunc "+strings.Split(m.Test, "/")[0]+"("))
		}) {
			t.Errorf("%s: %s has no test %q", m.Name, m.Package, m.Test)
		}
	}
	if len(mutants) < 40 || 3*blind < len(mutants) {
		t.Errorf("%d mutants, %d of them blind: want at least 40, a third of them blind", len(mutants), blind)
	}
}

// TestPage keeps the page what `go generate` writes.
func TestPage(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile(filepath.Join(root, pagePath))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page(loadAll(t)), string(have)); diff != "" {
		t.Errorf("%s is not what `go run ./test/mutants -write` writes (-want +have):\n%s", pagePath, diff)
	}
}

// TestMutantsAreCaught runs a few cheap mutants for real; `make mutants` runs all.
func TestMutantsAreCaught(t *testing.T) {
	t.Parallel()
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	cheap := regexp.MustCompile("^(nan-as-pass|no-answer-as-yes|capacity-lost-in-a-replacement)$")
	mutants := slices.DeleteFunc(loadAll(t), func(m mutant) bool { return !cheap.MatchString(m.Name) })
	var out bytes.Buffer
	r := runner{root: absolute, out: &out, verbose: true}
	if results := r.all(t.Context(), mutants, 1); len(results) != 3 {
		t.Errorf("%d of 3 mutants are there", len(results))
	} else if err := conclude(&out, results, 0); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestHarmlessMutantSurvives: a runner that calls everything caught proves nothing.
func TestHarmlessMutantSurvives(t *testing.T) {
	t.Parallel()
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	m := mutant{
		Name: "harmless", File: "internal/workload/rolling/rolling.go", Package: "internal/workload/rolling", Test: "Test.*",
		Old: "return want.Replicas - 0", New: "", Breaks: "Nothing.",
	}
	r := runner{root: absolute, out: &bytes.Buffer{}}
	if got := r.one(t.Context(), m); got.caught || !strings.Contains(got.why, "not in internal/workload/rolling/rolling.go any more") {
		t.Errorf("a mutant of text that is gone: %+v", got)
	}
	m.Old, m.New = "// room is how many pods may start now.", "// room is how many pods may start at once."
	if got := r.one(t.Context(), m); got.caught || got.why != "it survives" {
		t.Errorf("a mutant that changes nothing: %+v", got)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const assertion = "--- FAIL: TestX (0.00s)\n    x_test.go:12: got 1, want 2\n"
	for name, c := range map[string]struct {
		output, why string
		caught      bool
	}{
		"caught":                      {assertion + "FAIL\n", "TestX", true},
		"caught by a subtest":         {"--- FAIL: TestX (0.00s)\n    --- FAIL: TestX/y (0.00s)\n        x_test.go:12: no\nFAIL\n", "TestX/y", true},
		"survived":                    {"ok  \tpackage\t0.1s\n", "it survives", false},
		"another test":                {strings.ReplaceAll(assertion, "TestX", "TestY"), "not by TestX but by TestY", false},
		"does not compile":            {"# package\nx.go:1:2: undefined: y\nFAIL\tpackage [build failed]\n", "it does not compile: x.go:1:2: undefined: y", false},
		"no such test":                {"testing: warning: no tests to run\nok  \tpackage\t0.1s [no tests to run]\n", "there is no test TestX in ", false},
		"time-out":                    {assertion + "panic: test timed out after 2m0s\n", "its test ran into the time-out, which says nothing", false},
		"panic":                       {"--- FAIL: TestX (0.00s)\npanic: oh\n", "its test panicked, which is no assertion", false},
		"panic in another goroutine":  {"panic: oh\n\ngoroutine 1\nFAIL\n", "its test panicked, which is no assertion", false},
		"panic after the assertion":   {assertion + "panic: deadlock\n", "TestX", true},
		"failed without an assertion": {"--- FAIL: TestX (0.00s)\nFAIL\n", "its test failed without saying why", false},
	} {
		got := judge(mutant{Test: "TestX"}, []byte(c.output), false)
		if got.caught != c.caught || got.why != c.why {
			t.Errorf("%s: caught %t, %q; want %t, %q", name, got.caught, got.why, c.caught, c.why)
		}
	}
}

func TestMutantsAreChecked(t *testing.T) {
	t.Parallel()
	good := mutant{Name: "a-b", File: "internal/workload/rolling/rolling.go", Old: "package rolling\n", New: "package rolling", Breaks: "It."}
	if err := good.validate(root); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*mutant){
		"the name must be words":    func(m *mutant) { m.Name = "A b" },
		"breaks must be a sentence": func(m *mutant) { m.Breaks = "it" },
		"new another text":          func(m *mutant) { m.New = m.Old },
		"no such file":              func(m *mutant) { m.File = "internal/nothing.go" },
		"is not in internal":        func(m *mutant) { m.Old = "package roller" },
		"times: add what comes":     func(m *mutant) { m.Old = "return" },
	} {
		bad := good
		change(&bad)
		if err := bad.validate(root); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
