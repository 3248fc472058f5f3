package manifest

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them") //nolint:gochecknoglobals // A flag of the test binary.

// section is one file of a script.
type section struct{ name, text string }

// sections takes a script apart: a comment, then files that begin with a line -- NAME --.
func sections(script string) (comment string, found []section) {
	var b strings.Builder
	for line := range strings.Lines(script) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		if name, ok2 := strings.CutSuffix(name, " --"); ok && ok2 {
			found = append(found, section{name: name})
			continue
		}
		if len(found) == 0 {
			b.WriteString(line)
			continue
		}
		found[len(found)-1].text += line
	}
	return b.String(), found
}

// write puts files into a new directory.
func write(t *testing.T, files ...section) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		put(t, filepath.Join(dir, f.name), f.text)
	}
	return dir
}

func put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// said is everything that Load says about a directory.
func said(t *testing.T, dir string) string {
	t.Helper()
	s, err := Load(dir)
	var lines []string
	var problems Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			lines = append(lines, "error: "+p.String())
		}
	case err != nil:
		t.Fatalf("Load returned an error of another type: %T", err)
	default:
		for _, w := range s.Warnings() {
			lines = append(lines, "warning: "+w.String())
		}
	}
	if len(lines) == 0 {
		return "good\n"
	}
	return strings.ReplaceAll(strings.Join(lines, "\n")+"\n", dir, "DIR")
}

// TestProblems plays the scripts in testdata/problems: each case is a directory with what Load says about it.
func TestProblems(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/problems/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, name := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			playScript(t, name)
		})
	}
}

func playScript(t *testing.T, name string) {
	t.Helper()
	script, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	comment, all := sections(string(script))
	cases := map[string][]section{}
	wanted := map[string]string{}
	var order []string
	for _, s := range all {
		dir, file, _ := strings.Cut(s.name, "/")
		if !slices.Contains(order, dir) {
			order = append(order, dir)
		}
		if file == "want" {
			wanted[dir] = s.text
			continue
		}
		cases[dir] = append(cases[dir], section{file, s.text})
	}
	for _, c := range order {
		got := said(t, write(t, cases[c]...))
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: a secret is in\n%s", c, got)
		}
		if *update {
			wanted[c] = got
		}
		if diff := cmp.Diff(wanted[c], got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c, diff)
		}
	}
	if !*update {
		return
	}
	var b strings.Builder
	b.WriteString(comment)
	for _, c := range order {
		for _, s := range cases[c] {
			b.WriteString("-- " + c + "/" + s.name + " --\n" + s.text)
		}
		b.WriteString("-- " + c + "/want --\n" + wanted[c])
	}
	put(t, name, b.String())
}
