package house

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Pod is a process that a daemon started, as the kernel knows it.
type Pod struct {
	Name string
	PID  int
	// Port is where it was told to listen.
	Port string
}

// Pods lists the processes that the daemons of a data directory started and that are there now. They carry a mark in
// their environment, which their own children inherit.
func Pods(t *testing.T, data string) []Pod {
	t.Helper()
	id, err := os.ReadFile(filepath.Join(data, "workloads", "id")) //nolint:gosec // G304: it is the test's own directory.
	if err != nil {
		return nil // No daemon has come that far.
	}
	mark := "SERIN_POD=" + strings.TrimSpace(string(id)) + "/"
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []Pod
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if p, ok := pod(pid, mark); ok {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b Pod) int { return a.PID - b.PID })
	return found
}

// pod looks at one process. A zombie has no command any more.
func pod(pid int, mark string) (Pod, bool) {
	dir := fmt.Sprintf("/proc/%d", pid)
	environ, err := os.ReadFile(filepath.Join(dir, "environ")) //nolint:gosec // G304: it is /proc.
	if err != nil {
		return Pod{}, false
	}
	command, err := os.ReadFile(filepath.Join(dir, "cmdline")) //nolint:gosec // G304: it is /proc.
	if err != nil || len(command) == 0 {
		return Pod{}, false
	}
	p := Pod{PID: pid}
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if name, ok := strings.CutPrefix(string(entry), mark); ok {
			p.Name = name
		}
		if port, ok := strings.CutPrefix(string(entry), "PORT="); ok {
			p.Port = port
		}
	}
	return p, p.Name != ""
}

// Version asks a process itself which version it is. It is empty where the process does not answer.
func (p Pod) Version(t *testing.T) string {
	t.Helper()
	a, err := Get(t.Context(), "http://"+net.JoinHostPort("127.0.0.1", p.Port)+"/", "")
	if err != nil {
		return ""
	}
	return a.Version
}

// Alive says whether the process is still the one that was seen.
func (p Pod) Alive(t *testing.T, data string) bool {
	t.Helper()
	return slices.Contains(Pods(t, data), p)
}
