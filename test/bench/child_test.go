package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// roleVariable says in the environment of a child what it is to be, backendVariable where it forwards to.
	roleVariable    = "SERIN_BENCH_ROLE"
	backendVariable = "SERIN_BENCH_BACKEND"
)

// TestMain makes this binary its own children: what is compared runs in processes of its own, which are measured from
// outside.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

// play is a child's life: it says where it listens and ends when its parent closes its standard input.
func play(role string) error {
	backend := os.Getenv(backendVariable)
	switch role {
	case "backend":
		return serveBackend()
	case "plain":
		return servePlain(backend)
	case "serin":
		return serveSerin(backend, false)
	case "serin-features":
		return serveSerin(backend, true)
	case "idle":
		return serveIdle()
	default:
		return errors.New("unknown role")
	}
}

// ready tells the parent, and waits for it to have enough.
func ready(address string) error {
	if _, err := fmt.Fprintln(os.Stdout, "ready", address); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// child is a process that is measured.
type child struct {
	address string
	pid     int
	program string
}

// startRole starts this binary as a child on one core, or on any if core is negative.
func startRole(b *testing.B, role, backend string, core int) child {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0]) //nolint:gosec // G702: It is this program.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, backendVariable+"="+backend)
	if core >= 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := onCore(core, cmd.Start); err != nil {
		b.Fatalf("start %s: %v", role, err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "ready")
	if err != nil || !found {
		b.Fatalf("%s said %q: %v", role, line, err)
	}
	return child{address: strings.TrimSpace(address), pid: cmd.Process.Pid, program: role}
}

// startProgram starts another proxy on one core. The address is where it will listen.
func startProgram(b *testing.B, core int, address, program string, args ...string) child {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	if err := onCore(core, cmd.Start); err != nil {
		b.Fatalf("start %s: %v", program, err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
			return child{address: address, pid: cmd.Process.Pid, program: program}
		}
		<-tick.C
	}
	b.Fatalf("%s does not listen on %s", program, address)
	return child{}
}

// clockTicks is the unit of /proc/PID/stat: 100 a second on every architecture that Go supports.
const clockTicks = 100

// cpu is the time that a process has used.
func (c child) cpu(b *testing.B) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name of the program, in parentheses, may hold anything.
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		b.Fatalf("/proc/%d/stat is %q", c.pid, data)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// resident is the memory that a process occupies, in MiB.
func (c child) resident(b *testing.B) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatalf("/proc/%d/status has no VmRSS", c.pid)
	return 0
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
