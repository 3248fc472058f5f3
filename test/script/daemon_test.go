package script

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// daemon is a `serin up` of a story.
type daemon struct {
	cmd *exec.Cmd
	// done is closed once it has ended, as err says.
	done chan struct{}
	err  error
	// from is where its part of the log begins.
	from int
}

// log is what the daemon has written.
func (d *daemon) log(ts *testscript.TestScript) string { return ts.ReadFile("up.log")[d.from:] }

// up DIR [FLAG …] starts the daemon on free ports and waits until it works. `! up` expects that it gives up; its
// messages are the standard error then.
func up(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	if len(args) == 0 {
		ts.Fatalf("usage: up DIR [FLAG ...]")
	}
	if s.daemon != nil {
		ts.Fatalf("a daemon is up already")
	}
	log, err := os.OpenFile(ts.MkAbs("up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	info, err := log.Stat()
	ts.Check(err)
	defer func() { ts.Check(log.Close()) }()
	full := append([]string{"up", "--api", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--data-dir", ts.MkAbs(".serin")}, args...)
	cmd := exec.Command(filepath.Join(bin, "serin"), full...) //nolint:noctx // It is ended by name.
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), log, log
	cmd.Env = environ(ts)
	ts.Check(cmd.Start())
	d := &daemon{cmd: cmd, done: make(chan struct{}), from: int(info.Size())}
	go func() {
		defer close(d.done)
		d.err = cmd.Wait()
	}()
	s.daemon = d
	ready := d.wait(ts)
	if !ready {
		s.daemon = nil
		_, err := ts.Stderr().Write([]byte(d.log(ts)))
		ts.Check(err)
	}
	if at := banner.FindStringSubmatch(d.log(ts)); ready && at != nil {
		ts.Setenv("API", at[1])
		ts.Setenv("SHARED", at[2])
	}
	if ready == neg {
		ts.Fatalf("up: ready is %t\n%s", ready, d.log(ts))
	}
}

// wait returns true once the daemon works, and false once it has ended.
func (d *daemon) wait(ts *testscript.TestScript) bool {
	began := time.Now()
	for time.Since(began) < patience {
		select {
		case <-d.done:
			return false
		case <-time.After(50 * time.Millisecond):
		}
		if banner.MatchString(d.log(ts)) {
			return true
		}
	}
	ts.Fatalf("serin up is not ready after %s:\n%s", patience, d.log(ts))
	return false
}

// banner is what serin up prints once it works.
var banner = regexp.MustCompile(`(?s)API +(http\S+).*services +(http\S+?),`)

// kill9 kills the daemon where it stands. Its processes go on.
func kill9(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	if s.daemon == nil {
		ts.Fatalf("no daemon is up")
	}
	s.daemon.kill()
	s.daemon = nil
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

// end stops the daemon and everything that it started.
func (d *daemon) end() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(patience):
		d.kill()
	}
}

// down ends the daemon with the command that people use, and waits until its process is gone.
func down(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	if s.daemon == nil {
		ts.Fatalf("no daemon is up")
	}
	serin(ts, false, append([]string{"down"}, args...))
	select {
	case <-s.daemon.done:
		if err := s.daemon.err; err != nil {
			ts.Fatalf("serin up ended with %v\n%s", err, ts.ReadFile("up.log"))
		}
	case <-time.After(patience):
		ts.Fatalf("serin up did not end\n%s", ts.ReadFile("up.log"))
	}
	s.daemon = nil
}

// serin runs a command of the binary. With ! it has to fail; `code N` looks at its exit code.
func serin(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	stdout, stderr, exit := s.command(ts, args)
	_, err := ts.Stdout().Write(stdout)
	ts.Check(err)
	_, err = ts.Stderr().Write(stderr)
	ts.Check(err)
	if (exit != 0) != neg {
		ts.Fatalf("serin %s: exit code %d\n%s", strings.Join(args, " "), exit, s.log(ts))
	}
}

// log is what the daemons of the story have written.
func (s *story) log(ts *testscript.TestScript) string {
	text, err := os.ReadFile(ts.MkAbs("up.log"))
	if err != nil {
		return ""
	}
	return string(text)
}

func (s *story) command(ts *testscript.TestScript, args []string) (stdout, stderr []byte, exit int) {
	cmd := exec.Command(filepath.Join(bin, "serin"), args...) //nolint:noctx // It ends by itself.
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), environ(ts), &out, &errs
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		ts.Fatalf("serin %s: %v", strings.Join(args, " "), err)
	}
	s.exit = cmd.ProcessState.ExitCode()
	return out.Bytes(), errs.Bytes(), s.exit
}

// code N compares the exit code of the last serin command.
func code(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 || args[0] != strconv.Itoa(storyOf(ts).exit) {
		ts.Fatalf("the exit code is %d, not %v", storyOf(ts).exit, args)
	}
}

// until PATTERN ARG … runs a serin command again and again until its standard output matches.
func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until PATTERN SERIN-ARG ...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	var stdout, stderr []byte
	for began := time.Now(); time.Since(began) < patience; <-ticker.C {
		stdout, stderr, _ = storyOf(ts).command(ts, args[1:])
		if pattern.Match(stdout) {
			_, err := ts.Stdout().Write(stdout)
			ts.Check(err)
			return
		}
	}
	ts.Fatalf("serin %s never printed %q; last:\n%s%s\n%s", strings.Join(args[1:], " "), args[0], stdout, stderr, ts.ReadFile("up.log"))
}

// capture VAR PATTERN puts what the first group of a pattern matches in the latest standard output into a variable.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: capture VAR PATTERN")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("the output does not match %q with a group", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// edit FILE OLD NEW replaces a text of a file in one step, as editors do.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	path := ts.MkAbs(args[0])
	next := filepath.Join(filepath.Dir(path), ".next")
	ts.Check(os.WriteFile(next, []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
	ts.Check(os.Rename(next, path))
}

// release CANARY FILE OLD NEW edits a file and waits until a run has begun because of it.
func release(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: release CANARY FILE OLD NEW")
	}
	s := storyOf(ts)
	before := s.latestRun(ts, args[0])
	edit(ts, false, args[1:])
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < patience; <-ticker.C {
		if s.latestRun(ts, args[0]) != before {
			return
		}
	}
	ts.Fatalf("no run of canary %s began\n%s", args[0], ts.ReadFile("up.log"))
}

// latestRun returns the name of the current run of a canary, or of the last one.
func (s *story) latestRun(ts *testscript.TestScript, canary string) string {
	stdout, stderr, exit := s.command(ts, []string{"status", canary, "-o", "json"})
	var view struct {
		Run struct{ Name string }
	}
	if err := json.Unmarshal(stdout, &view); exit != 0 || err != nil {
		ts.Fatalf("serin status %s: %v\n%s%s", canary, err, stdout, stderr)
	}
	return view.Run.Name
}

// address VAR CANARY SERVICE puts the URL of a service's own port into a variable.
func address(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: address VAR CANARY SERVICE")
	}
	stdout, stderr, exit := storyOf(ts).command(ts, []string{"status", args[1], "-o", "json"})
	var canary struct {
		Addresses []struct{ Service, URL string }
	}
	if err := json.Unmarshal(stdout, &canary); exit != 0 || err != nil {
		ts.Fatalf("serin status %s: %v\n%s%s", args[1], err, stdout, stderr)
	}
	for _, a := range canary.Addresses {
		if a.Service == args[2] {
			ts.Setenv(args[0], a.URL)
			return
		}
	}
	ts.Fatalf("canary %s has no service %s: %v", args[1], args[2], canary.Addresses)
}

// environ is the environment of a story's commands. The story's name in it tells its processes from others'.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "NO_COLOR", "USER", "WORK"} {
		env = append(env, fmt.Sprintf("%s=%s", name, ts.Getenv(name)))
	}
	return env
}
