package kill

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/test/house"
)

// TestAFullDisk fills the disk with the data directory in the middle of a release. Nothing is performed that could not
// be saved, the canary says why it stands still, and goes on by itself once there is room.
//
// The disk is a small tmpfs that only the daemon and its pods see, in namespaces of their own. That needs no rights,
// but a system that gives unprivileged namespaces away.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	w := quiet(t, bySomebody)
	mountable(t, w.data)
	mount := `mount -t tmpfs -o size=24m,mode=0700 tmpfs "$0" && exec "$@"`
	w.o.Wrap = []string{"unshare", "-Urm", "sh", "-c", mount, w.data}
	w.d = house.Start(t, w.o)
	inside := filepath.Join(fmt.Sprintf("/proc/%d/root", w.d.PID()), w.data)
	w.initialized()
	// The mark of the processes, for those who look for them from outside.
	id, err := os.ReadFile(filepath.Join(inside, "workloads", "id"))
	if err != nil {
		t.Fatal(err)
	}
	house.Put(t, filepath.Join(w.data, "workloads", "id"), string(id))
	w.traffic = house.Send(t, w.d.Shared, "web", 20)
	filler := fill(t, inside)
	lines := len(w.d.Log())
	w.write("v2", false)
	d := w.until("the canary says that the disk is full", full)
	if d.Phase != rollout.Initialized || d.Run != nil {
		t.Errorf("a run began that could not be saved: %+v", d.Canary)
	}
	if since := w.d.Log()[lines:]; strings.Contains(since, "Performing an action") || strings.Contains(since, "Started a pod") {
		t.Errorf("something was performed that was not saved:\n%s", since)
	}
	w.serves("v1")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.until("half of the requests once there is room", func(d httpapi.Detail) bool { return d.Weight.Acked == 50*rollout.Percent })
	filler = fill(t, inside)
	d = w.until("the canary says that the disk is full again", full)
	if d.Revisions.Promoted == d.Revisions.Wanted || d.Run.Outcome != "" {
		t.Errorf("a run ended that could not be saved: %+v", d.Canary)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.until("the promotion once there is room again", atRest(rollout.Succeeded))
	for _, a := range w.traffic.End() {
		if a.Lost != "" {
			t.Errorf("a full disk cost a request: %+v", a)
		}
	}
	w.serves("v2")
	w.leavesNothing()
}

// full says whether the canary tells why it stands still.
func full(d httpapi.Detail) bool {
	return strings.Contains(d.Problem+strings.Join(d.Warnings, " "), "no space left on device")
}

// mountable fails where no tmpfs can be mounted: a fault that was not injected proves nothing.
func mountable(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("this machine lets nobody mount a tmpfs in a namespace of one's own (%v: %s): allow unprivileged user "+
			"namespaces (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), or run the test as root", err, out)
	}
}

// fill writes until nothing more fits, and returns the file that is in the way.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 1 << 20; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return path
}
