package script

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// pods prints the processes that the story's daemons started and that are there now, each with its process id.
func pods(ts *testscript.TestScript, _ bool, _ []string) {
	for _, p := range processes(ts) {
		_, err := fmt.Fprintln(ts.Stdout(), p)
		ts.Check(err)
	}
}

// orphans fails if a process of the story is still there.
func orphans(ts *testscript.TestScript, _ bool, _ []string) {
	if left := processes(ts); len(left) > 0 {
		ts.Fatalf("processes are left: %s", strings.Join(left, ", "))
	}
}

// processes lists the pods of the story as the kernel knows them. They carry a mark in their environment.
func processes(ts *testscript.TestScript) []string {
	mark := []byte("SERIN_POD=" + strings.TrimSpace(ts.ReadFile(".serin/workloads/id")) + "/")
	proc := os.DirFS("/proc")
	dirs, err := fs.ReadDir(proc, ".")
	ts.Check(err)
	var found []string
	for _, d := range dirs {
		env, err := fs.ReadFile(proc, d.Name()+"/environ")
		if err != nil {
			continue
		}
		_, name, ok := bytes.Cut(env, mark)
		command, err := fs.ReadFile(proc, d.Name()+"/cmdline")
		if !ok || err != nil || len(command) == 0 {
			continue
		}
		pod, _, _ := bytes.Cut(name, []byte{0})
		found = append(found, fmt.Sprintf("%s %s", pod, d.Name()))
	}
	slices.Sort(found)
	return found
}

// example NAME DIR copies a directory of the repository's examples.
func example(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: example NAME DIR")
	}
	root, err := filepath.Abs("../../examples")
	ts.Check(err)
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(filepath.Join(root, args[0]))))
}

// nowhere WORD fails if a word is in a file of the data directory, or in what the daemon wrote. Snapshots of revisions
// have to hold what the pods get, for their owner alone.
func nowhere(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: nowhere WORD")
	}
	word := []byte(args[0])
	if strings.Contains(ts.ReadFile("up.log"), args[0]) {
		ts.Fatalf("%s is in the log of the daemon", args[0])
	}
	snapshots := 0
	data := os.DirFS(ts.MkAbs(".serin"))
	ts.Check(fs.WalkDir(data, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(data, file)
		if err != nil || !bytes.Contains(text, word) {
			return err
		}
		if path.Base(path.Dir(file)) != "revisions" || info.Mode().Perm() != 0o600 {
			return fmt.Errorf("%s is in %s, with mode %v", word, file, info.Mode())
		}
		snapshots++
		return nil
	}))
	if snapshots == 0 {
		ts.Fatalf("%s is in no snapshot of a revision either: the story proves nothing", args[0])
	}
}
