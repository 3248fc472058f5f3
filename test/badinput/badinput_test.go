// Package badinput gives Serin what it cannot work with: manifests, calls of the API, flags, data directories, programs,
// metrics and hooks that are wrong, hostile or too large. Each has the exact message that a person gets in testdata,
// and after each of them what ran before still runs. Write the messages anew with -update, and read what changes.
package badinput

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/test/house"
)

var update = flag.Bool("update", false, "write the messages instead of comparing with them") //nolint:gochecknoglobals // A flag of the test binary.

func TestMain(m *testing.M) { os.Exit(tested(m)) }

// tested counts what was tested, once everything was.
func tested(m *testing.M) int {
	code := house.Main(m)
	if code == 0 {
		code = tallies.check()
	}
	return code
}

// tally counts the cases and the different messages of all areas.
type tally struct {
	mu       sync.Mutex
	areas    map[string]int
	messages map[string]bool
}

var tallies = &tally{areas: map[string]int{}, messages: map[string]bool{}} //nolint:gochecknoglobals // The areas are tests of their own.

// note counts a case with its message, whose places and names do not make another message of it.
func (y *tally) note(area, message string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.areas[area]++
	for line := range strings.Lines(message) {
		if line = strings.TrimSpace(line); line != "" {
			y.messages[withoutPlace(line)] = true
		}
	}
}

// withoutPlace drops what stands before the message itself: file, line, object and field.
func withoutPlace(line string) string {
	parts := strings.Split(line, ": ")
	for len(parts) > 1 && !strings.Contains(parts[0], " ") {
		parts = parts[1:]
	}
	return strings.Join(parts, ": ")
}

// check asserts that there is enough of everything; a run of some of the tests has less, and is not asked.
func (y *tally) check() int {
	cases := 0
	for _, n := range y.areas {
		cases += n
	}
	if flag.Lookup("test.v").Value.String() == "true" {
		_, _ = os.Stdout.WriteString(summary(y.areas, cases, len(y.messages)))
	}
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if whole && (cases < 150 || len(y.messages) < 100) {
		_, _ = os.Stderr.WriteString("too little is tested: " + summary(y.areas, cases, len(y.messages)))
		return 1
	}
	return 0
}

// example is one case of an area: its files, and what a person is told.
type example struct {
	name  string
	files []house.Section
	want  string
}

// read reads the cases of a file: sections named CASE/FILE, and CASE/want.
func read(t *testing.T, path string) (comment string, examples []example) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	comment, sections := house.Sections(string(text))
	for _, s := range sections {
		name, file, _ := strings.Cut(s.Name, "/")
		i := slices.IndexFunc(examples, func(e example) bool { return e.name == name })
		if i < 0 {
			i = len(examples)
			examples = append(examples, example{name: name})
		}
		if file == "want" {
			examples[i].want = strings.TrimSpace(s.Text)
			continue
		}
		examples[i].files = append(examples[i].files, house.Section{Name: file, Text: s.Text})
	}
	if len(examples) == 0 {
		t.Fatalf("%s has no cases", path)
	}
	return comment, examples
}

// write writes the cases of a file with the messages that they got.
func write(t *testing.T, path, comment string, examples []example) {
	t.Helper()
	var b strings.Builder
	b.WriteString(comment)
	for _, e := range examples {
		for _, f := range e.files {
			b.WriteString("-- " + e.name + "/" + f.Name + " --\n" + f.Text)
		}
		b.WriteString("-- " + e.name + "/want --\n" + e.want + "\n")
	}
	house.Put(t, path, b.String())
}

// compare compares a message with the one that is wanted.
func (e example) compare(t *testing.T, area, got string) {
	t.Helper()
	tallies.note(area, got)
	if *update {
		return
	}
	if diff := cmp.Diff(e.want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", e.name, diff)
	}
	if len(got) > 64<<10 {
		t.Errorf("%s: a message of %d bytes is none that a person reads", e.name, len(got))
	}
}

func paths(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("there is nothing at %s: %v", pattern, err)
	}
	return found
}
