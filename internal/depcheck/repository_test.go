package depcheck_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/serin-dev/serin/internal/depcheck"
)

const root = "../.."

// TestRepository applies every rule to the repository.
func TestRepository(t *testing.T) {
	t.Parallel()
	files, err := depcheck.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	architecture, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]func([]depcheck.File) []string{
		"imports":     depcheck.Imports,
		"clocks":      depcheck.Clocks,
		"sizes":       depcheck.Sizes,
		"sleeps":      depcheck.Sleeps,
		"conformance": depcheck.Conformance,
		"inits":       depcheck.Inits,
		"ARCHITECTURE.md": func(files []depcheck.File) []string {
			return depcheck.Documented(string(architecture), files)
		},
	}
	for name, check := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range check(files) {
				t.Error(problem)
			}
		})
	}
}
