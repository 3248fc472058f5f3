// Package script uses Serin as a person does: each file in testdata is a story told with the real binary, real
// processes and real requests. Run one with `go test ./test/script -run 'TestScripts/NAME'`.
package script

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a story waits for something that has to happen, on a busy machine too.
const patience = 90 * time.Second

// bin is the directory with the binary under test.
var bin string //nolint:gochecknoglobals // TestMain hands it to the test.

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "serin-script-") //nolint:usetesting // There is no test yet.
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		bin, err = dir, build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes the binary that people get. Under the race detector it has that too.
func build(ctx context.Context, dir string) error {
	args := []string{"build", "-o", filepath.Join(dir, "serin")}
	if raced {
		args = append(args, "-race")
	}
	out, err := exec.CommandContext(ctx, "go", append(args, "github.com/serin-dev/serin/cmd/serin")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build serin: %w\n%s", err, out)
	}
	return nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": up, "kill9": kill9, "down": down, "serin": serin, "code": code,
			"edit": edit, "until": until, "get": get,
			"hook": hook, "called": called, "asked": asked,
			"load": startLoad, "unload": stopLoad,
			"orphans": orphans, "address": address,
		},
	})
}

// setup gives a story its own world.
func setup(env *testscript.Env) error {
	s := &story{dir: env.WorkDir}
	env.Values[storyKey{}] = s
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("NO_COLOR", "1")
	env.Setenv("USER", "ann")
	s.hooks = newHooks()
	env.Setenv("HOOKS", s.hooks.server.URL)
	env.Defer(s.end)
	return nil
}

type storyKey struct{}

// story is what the commands of one script share.
type story struct {
	dir    string
	daemon *daemon
	hooks  *hooks
	load   *load
	// exit is the exit code of the last serin command.
	exit int
}

func storyOf(ts *testscript.TestScript) *story {
	s, ok := ts.Value(storyKey{}).(*story)
	if !ok {
		ts.Fatalf("the story has no world")
	}
	return s
}

// end leaves nothing behind, however the story ended.
func (s *story) end() {
	if s.load != nil {
		s.load.end()
	}
	if s.daemon != nil {
		s.daemon.end()
	}
	s.hooks.server.Close()
}
