// Package house lets tests live with the real binary: it builds it once, starts and kills daemons, finds their
// processes and sends them load.
package house

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	// What the binary is made of, so that a result that go test has kept is not taken for that of changed code.
	_ "github.com/serin-dev/serin/internal/cli"
	_ "github.com/serin-dev/serin/internal/standalone"
)

// Patience is how long a test waits for something that has to happen, on a busy machine too.
const Patience = 60 * time.Second

// bin is the directory of the binary under test.
var bin string //nolint:gochecknoglobals // Main hands it to the tests.

// Main builds the binary that people get, under the race detector if the tests are, and runs the tests. TestMain ends
// with its result.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "serin-house-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		bin, err = dir, build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := atOnce(32); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// atOnce says how many tests run at the same time, unless the command line does. They wait more than they work, and
// those that work hard take turns by themselves.
func atOnce(n int) error {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if told {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(n))
}

func build(ctx context.Context, dir string) error {
	args := []string{"build", "-o", filepath.Join(dir, "serin")}
	if raced {
		args = append(args, "-race")
	}
	args = append(args, "github.com/serin-dev/serin/cmd/serin")
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput() //nolint:gosec // G204: the arguments are ours.
	if err != nil {
		return fmt.Errorf("build serin: %w\n%s", err, out)
	}
	return nil
}

// Binary is the path of the binary under test.
func Binary() string { return filepath.Join(bin, "serin") }

// Environ is the environment of everything that a test starts: the binary is found, and nothing of whoever runs the
// tests gets in.
func Environ(home string, more ...string) []string {
	path := bin + string(os.PathListSeparator) + os.Getenv("PATH")
	return append([]string{"PATH=" + path, "HOME=" + home, "NO_COLOR=1", "USER=ann", "GORACE=halt_on_error=1"}, more...)
}

// Free returns an address on this machine that nobody listens on, for a daemon that has to be found there again after
// a restart. It lies below the ports that the system gives away by itself.
func Free(t *testing.T) string {
	t.Helper()
	for range 200 {
		port := 10000 + (os.Getpid()*97+int(ports.Add(1)))%20000
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("there is no free port")
	return ""
}

// Until waits until ok, and fails with what was seen last.
func Until(t *testing.T, what string, ok func() (seen string, done bool)) {
	t.Helper()
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	last := ""
	for began := time.Now(); time.Since(began) < Patience; <-ticker.C {
		seen, done := ok()
		if done {
			return
		}
		last = seen
	}
	t.Fatalf("%s did not happen within %s; last seen: %s", what, Patience, last)
}

// Put writes a file in one step, as editors do.
func Put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	draft := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".draft")
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, path); err != nil {
		t.Fatal(err)
	}
}

// Section is one file of a script.
type Section struct{ Name, Text string }

// Sections takes a script apart: files that begin with a line -- NAME --. What comes before the first is a comment.
func Sections(script string) (comment string, found []Section) {
	var b strings.Builder
	for line := range strings.Lines(script) {
		name, begins := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		name, ends := strings.CutSuffix(name, " --")
		switch {
		case begins && ends:
			found = append(found, Section{Name: name})
		case len(found) == 0:
			b.WriteString(line)
		default:
			found[len(found)-1].Text += line
		}
	}
	return b.String(), found
}
