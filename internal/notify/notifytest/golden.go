package notifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-cmp/cmp"
)

// Golden compares bodies with files of a directory, DIR/SAMPLE.json, or with update writes them.
func Golden(dir string, update bool) func(sample string, body []byte) error {
	return func(sample string, body []byte) error {
		var have bytes.Buffer
		if err := json.Indent(&have, body, "", "  "); err != nil {
			return fmt.Errorf("the body is no JSON: %w", err)
		}
		have.WriteByte('\n')
		name := filepath.Join(dir, sample+".json")
		if update {
			if err := os.MkdirAll(dir, 0o750); err != nil {
				return fmt.Errorf("make a directory: %w", err)
			}
			if err := os.WriteFile(name, have.Bytes(), 0o600); err != nil {
				return fmt.Errorf("write a golden file: %w", err)
			}
			return nil
		}
		want, err := os.ReadFile(name) //nolint:gosec // G304: the directory is the test's own.
		if err != nil {
			return fmt.Errorf("read a golden file: %w", err)
		}
		if diff := cmp.Diff(string(want), have.String()); diff != "" {
			return fmt.Errorf("(-want +have):\n%s", diff)
		}
		return nil
	}
}
