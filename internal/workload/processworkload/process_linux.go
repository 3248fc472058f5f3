package processworkload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/serin-dev/serin/internal/fault"
)

// identity names one process for ever: a pid alone may belong to another program by the time it is used.
type identity struct {
	PID int `json:"pid"`
	// Started is when the process began, in the kernel's ticks since boot, and Boot is which boot.
	Started uint64 `json:"started"`
	Boot    string `json:"boot"`
}

// process is a running process that leads a group of its own. It need not be a child of ours.
type process struct {
	id identity
	// handle is the process's pidfd. It means this process and no other, however often its pid is reused.
	handle *os.File
	reaped sync.Once
	status string
}

// startProcess starts a command as the leader of a new group, with its output appended to a file. The output is not
// a pipe and the process gets no signal when Serin dies: it outlives us.
func startProcess(l *launch, output *os.File) (*process, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "open input: %w", err)
	}
	defer func() { _ = null.Close() }()
	child, err := os.StartProcess(l.path, l.argv, &os.ProcAttr{
		Dir: l.dir, Env: l.env, Files: []*os.File{null, output, output},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		// The error of the kernel alone: the path may hold what was put into it from a Secret.
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			err = errno
		}
		return nil, fault.Errorf(fault.Invalid, "cannot be started: %w", err)
	}
	p, err := openProcess(child.Pid)
	if err != nil {
		// It is our child and not reaped, so its pid is still its own.
		_ = syscall.Kill(-child.Pid, syscall.SIGKILL)
		_, waitErr := child.Wait()
		return nil, errors.Join(err, waitErr)
	}
	// We wait by the handle, which works for processes that are not our children too.
	if err := child.Release(); err != nil {
		return nil, fmt.Errorf("release process: %w", err)
	}
	return p, nil
}

// openProcess takes hold of a running process.
func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "open process %d: %w", pid, err)
	}
	handle := os.NewFile(uintptr(fd), "process "+strconv.Itoa(pid))
	// Read after the handle exists: what it says is then about the process that the handle means.
	stat, err := readStat(pid)
	if err == nil {
		var boot string
		if boot, err = bootID(); err == nil {
			return &process{id: identity{PID: pid, Started: stat.started, Boot: boot}, handle: handle}, nil
		}
	}
	_ = handle.Close()
	return nil, err
}

// adoptProcess takes hold of the process with an identity, if it still runs.
func adoptProcess(id identity) (*process, error) {
	p, err := openProcess(id.PID)
	if err != nil {
		return nil, err
	}
	if p.id != id || p.ended() {
		if p.id == id {
			p.reap()
		}
		p.close()
		return nil, fault.Errorf(fault.NotFound, "process %d is another one by now", id.PID)
	}
	return p, nil
}

// ended says whether the leader has exited, reaped or not.
func (p *process) ended() bool {
	ended := false
	conn, err := p.handle.SyscallConn()
	if err != nil {
		return true
	}
	err = conn.Control(func(fd uintptr) { ended = readable(fd, 0) })
	return err != nil || ended
}

// wait blocks until the leader has exited, or the context ends.
func (p *process) wait(ctx context.Context) error {
	conn, err := p.handle.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for process %d: %w", p.id.PID, err)
	}
	if err := p.handle.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("wait for process %d: %w", p.id.PID, err)
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = p.handle.SetReadDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	defer func() {
		if !stop() {
			// The deadline must not hit whoever waits next.
			<-interrupted
		}
	}()
	if err := conn.Read(func(fd uintptr) bool { return readable(fd, 0) }); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("wait for process %d: %w", p.id.PID, err)
	}
	return nil
}

// readable says whether a pidfd reports the end of its process within a time.
func readable(fd uintptr, within time.Duration) bool {
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // G115: a descriptor fits.
	for {
		n, err := unix.Poll(polled, int(within.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// signal sends a signal to the whole group, of a leader that has ended too.
func (p *process) signal(s syscall.Signal) {
	conn, err := p.handle.SyscallConn()
	if err != nil {
		return
	}
	var sent error
	err = conn.Control(func(fd uintptr) {
		const processGroup = 1 << 2 // PIDFD_SIGNAL_PROCESS_GROUP
		sent = unix.PidfdSendSignal(int(fd), s, nil, processGroup)
	})
	if err == nil && errors.Is(sent, unix.EINVAL) && !p.ended() {
		// A kernel before 6.9. The leader lives, so the number of its group is still its own.
		_ = syscall.Kill(-p.id.PID, s)
	}
}

// reap takes the exit status of a leader that has exited, if it is our child, and says how it ended.
func (p *process) reap() string {
	p.reaped.Do(func() {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(p.id.PID, &status, syscall.WNOHANG, nil)
		for errors.Is(err, syscall.EINTR) {
			pid, err = syscall.Wait4(p.id.PID, &status, syscall.WNOHANG, nil)
		}
		switch {
		case err != nil || pid != p.id.PID:
			p.status = "exited"
		case status.Signaled():
			p.status = "was ended by " + unix.SignalName(status.Signal())
		default:
			p.status = "exited with code " + strconv.Itoa(status.ExitStatus())
		}
	})
	return p.status
}

func (p *process) close() { _ = p.handle.Close() }

// stat is what the kernel says of a process.
type stat struct {
	group   int
	state   string
	started uint64
}

func procFile(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }

// readStat reads /proc/PID/stat. The second field is the program's name, which may hold anything.
func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return stat{}, fault.Errorf(fault.NotFound, "look at process %d: %w", pid, err)
	}
	_, rest, _ := bytes.Cut(data[bytes.LastIndexByte(data, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	const state, group, started = 0, 2, 19
	if len(fields) <= started {
		return stat{}, fault.Errorf(fault.Unavailable, "look at process %d: its description is cut off", pid)
	}
	s := stat{state: fields[state]}
	var errGroup, errStarted error
	s.group, errGroup = strconv.Atoi(fields[group])
	s.started, errStarted = strconv.ParseUint(fields[started], 10, 64)
	if err := errors.Join(errGroup, errStarted); err != nil {
		return stat{}, fault.Errorf(fault.Unavailable, "look at process %d: %w", pid, err)
	}
	return s, nil
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fault.Errorf(fault.Unavailable, "read the id of this boot: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// marked is a process that carries a mark of ours in its environment.
type marked struct {
	pid  int
	mark string
}

// findMarked lists the living processes whose mark begins with prefix.
func findMarked(prefix string) ([]marked, error) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "list processes: %w", err)
	}
	var found []marked
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		mark := markOf(pid)
		if !strings.HasPrefix(mark, prefix) {
			continue
		}
		if s, err := readStat(pid); err == nil && s.state != "Z" && s.state != "X" {
			found = append(found, marked{pid: pid, mark: mark})
		}
	}
	return found, nil
}

// markOf returns the mark of a process, or nothing. Other users' processes cannot be read and are not ours.
func markOf(pid int) string {
	data, err := os.ReadFile(procFile(pid, "environ"))
	if err != nil {
		return ""
	}
	for v := range bytes.SplitSeq(data, []byte{0}) {
		if value, ok := bytes.CutPrefix(v, []byte(markName+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// deathLimit bounds the wait for a process that was killed. Only one that hangs in the kernel takes so long.
const deathLimit = time.Second

// endMarked kills one process, if it still carries the mark once it is held fast, and waits for its end.
func endMarked(m marked) {
	fd, err := unix.PidfdOpen(m.pid, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	if markOf(m.pid) == m.mark && unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0) == nil {
		readable(uintptr(fd), deathLimit)
	}
}

// sweep kills everything that carries a mark: what a program forked and left behind, out of its group too.
func sweep(mark string) error {
	return sweepAll(mark, func(found string) bool { return found != mark })
}

// sweepAll kills everything whose mark begins with prefix, except what is to stay.
func sweepAll(prefix string, stays func(mark string) bool) error {
	// What forks while it is being ended shows up in the next look. Ten looks bound a program that outruns us.
	for range 10 {
		left, err := findMarked(prefix)
		if err != nil {
			return err
		}
		ended := 0
		for _, m := range left {
			if !stays(m.mark) {
				endMarked(m)
				ended++
			}
		}
		if ended == 0 {
			return nil
		}
	}
	return nil
}
