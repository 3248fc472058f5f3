package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzLoad reads arbitrary text as YAML and as JSON: there is a Set or there are problems, and never a panic or an
// endless loop.
func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("testdata/[ep]*/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, files := sections(string(data))
		if filepath.Ext(name) != ".txt" {
			files = []section{{name: name, text: string(data)}}
		}
		for _, s := range files {
			if !strings.HasSuffix(s.name, "/want") {
				f.Add([]byte(s.text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		began := time.Now()
		for _, name := range []string{"a.yaml", "a.json"} {
			r := newReader("/dir", defaultLimits())
			r.file(name, data)
			s, err := r.set()
			if (s == nil) == (err == nil) {
				t.Fatalf("%s: both or none of set and error: %v", name, err)
			}
			if err != nil {
				checkProblems(t, err, data)
				continue
			}
			for _, target := range s.Targets() {
				if err := target.Validate(); err != nil {
					t.Errorf("the supervisor refuses a target that was loaded: %v", err)
				}
			}
			if d := Diff(s.Objects(), s); !d.Empty() {
				t.Errorf("a set differs from itself: %v", d)
			}
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("it took %s", d)
		}
	})
}

func checkProblems(t *testing.T, err error, data []byte) {
	t.Helper()
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("the error is no list of problems: %v", err)
	}
	lines := len(data) + 1 // YAML ends lines with more than one character.
	for _, p := range problems {
		if p.Message == "" || p.Line < 0 || p.Line > lines || strings.Contains(p.String(), "\n") {
			t.Errorf("bad problem: %q in line %d of %d", p.String(), p.Line, lines)
		}
	}
}
