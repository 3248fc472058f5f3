package standalone_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/standalone"
)

// FuzzDaemonFile reads arbitrary bytes as what a daemon says about itself: a file, or an error that says what to do.
func FuzzDaemonFile(f *testing.F) {
	for _, seed := range []string{
		`{"pid":1,"api":"http://127.0.0.1:7070","token":"t","dir":"/d"}`, `{}`, `{"pid":"1"}`, `{"pid":1e99}`, `[]`, `null`, ``, "\x00", `{"api":`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "daemon.json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := standalone.ReadFile(dir)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("the error is %s: %v", fault.KindOf(err), err)
		}
		again, err2 := standalone.ReadFile(dir)
		if diff := cmp.Diff(file, again); diff != "" || (err == nil) != (err2 == nil) {
			t.Errorf("read twice: %s %v %v", diff, err, err2)
		}
	})
}
