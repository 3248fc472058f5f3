// Package script uses Serin as a person does: each file in testdata is a story told with the real binary, real
// processes and real requests. $HOOKS in its files is the address of its third party. Run one with `go test ./test/script -run 'TestScripts/NAME'`.
package script

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	// What the binary is made of, so that a result that go test has kept is not taken for that of changed code.
	_ "github.com/serin-dev/serin/internal/cli"
	_ "github.com/serin-dev/serin/internal/standalone"
)

// patience is how long a story waits for something that has to happen, on a busy machine too.
const patience = 60 * time.Second

// bin is the directory with the binary under test.
var bin string //nolint:gochecknoglobals // TestMain hands it to the test.

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "serin-script-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		bin, err = dir, build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	flag.Parse()
	if err := atOnce(4 * runtime.GOMAXPROCS(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// atOnce says how many stories are told at the same time, unless the command line does. They wait more than they work.
func atOnce(n int) error {
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if told {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(n))
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
			"edit": edit, "until": until, "capture": capture,
			"release": release, "address": address,
			"get": get, "burst": burst, "visit": visit, "load": startLoad, "unload": stopLoad,
			"hook": hook, "called": called, "asked": asked,
			"watch": watch, "unwatch": unwatch,
			"pods": pods, "orphans": orphans, "nowhere": nowhere, "example": example,
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
	env.Setenv("OCCUPIED", strings.TrimPrefix(s.hooks.server.URL, "http://"))
	env.Defer(s.end)
	return fillIn(env.WorkDir, "$HOOKS", s.hooks.server.URL)
}

// fillIn replaces a word in the story's files by what is only known now.
func fillIn(dir, word, value string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := root.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(word)) {
			return err
		}
		return root.WriteFile(path, bytes.ReplaceAll(text, []byte(word), []byte(value)), 0o600)
	})
}

type storyKey struct{}

// story is what the commands of one script share.
type story struct {
	dir    string
	daemon *daemon
	hooks  *hooks
	load   *load

	watching *watching
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
	if s.watching != nil {
		s.watching.end()
	}
	if s.daemon != nil {
		s.daemon.end()
	}
	s.hooks.server.Close()
}
