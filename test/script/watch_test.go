package script

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// watching is a serin command that goes on in the background.
type watching struct {
	cmd    *exec.Cmd
	output bytes.Buffer
}

// watch ARG … begins a serin command that goes on until `unwatch`, such as get --watch.
func watch(ts *testscript.TestScript, _ bool, args []string) {
	s := storyOf(ts)
	if len(args) == 0 || s.watching != nil {
		ts.Fatalf("usage: watch SERIN-ARG ..., once until unwatch")
	}
	w := &watching{}
	cmd := exec.Command(filepath.Join(bin, "serin"), args...) //nolint:noctx // It is ended by unwatch.
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), environ(ts), &w.output, &w.output
	ts.Check(cmd.Start())
	w.cmd, s.watching = cmd, w
}

// unwatch ends the command as Ctrl-C does and prints what it wrote.
func unwatch(ts *testscript.TestScript, _ bool, _ []string) {
	s := storyOf(ts)
	if s.watching == nil {
		ts.Fatalf("there is nothing to unwatch")
	}
	s.watching.end()
	_, err := ts.Stdout().Write(s.watching.output.Bytes())
	ts.Check(err)
	s.watching = nil
}

func (w *watching) end() {
	_ = w.cmd.Process.Signal(syscall.SIGINT)
	_ = w.cmd.Wait()
}
