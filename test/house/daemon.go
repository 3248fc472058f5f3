package house

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/httpapi/client"
)

// ports makes the addresses of one test program differ.
var ports atomic.Int64 //nolint:gochecknoglobals // Ports are the machine's.

// Options say how a daemon is started. Dir and Data are required.
type Options struct {
	// Dir holds the manifests and Data what survives.
	Dir, Data string
	// Shared is the address of its services, API that of its API; empty means one that is free.
	Shared, API string
	// Flags are further flags of serin up, Wrap is a command that is to start it, and Env adds to its environment.
	Flags, Wrap, Env []string
	// Line is told of each line that the daemon writes, before the next one is read.
	Line func(string)
}

// Daemon is a running `serin up`.
type Daemon struct {
	// Client talks to its API, once it is ready.
	Client *client.Client
	// API and Shared are its addresses, as URLs.
	API, Shared string

	cmd   *exec.Cmd
	ended chan struct{}
	ready chan struct{}
	err   error
	line  func(string)

	mu  sync.Mutex
	log strings.Builder
}

// Begin starts a daemon and does not wait. Whatever happens, nothing of it is left when the test is over.
func Begin(t *testing.T, o Options) *Daemon {
	t.Helper()
	if o.Shared == "" {
		o.Shared = Free(t)
	}
	if o.API == "" {
		o.API = Free(t)
	}
	args := append(append([]string(nil), o.Wrap...), Binary(), "up", o.Dir, "--data-dir", o.Data, "--listen", o.Shared, "--api", o.API)
	args = append(args, o.Flags...)
	d := &Daemon{ended: make(chan struct{}), ready: make(chan struct{}), line: o.Line}
	d.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), args[0], args[1:]...) //nolint:gosec // G204: the arguments are ours.
	d.cmd.Dir, d.cmd.Env = o.Dir, Environ(o.Dir, o.Env...)
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = d.cmd.Stdout
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go d.follow(out)
	t.Cleanup(func() {
		d.End(t)
		for _, p := range Pods(t, o.Data) {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	})
	return d
}

// Start starts a daemon and waits until it works.
func Start(t *testing.T, o Options) *Daemon {
	t.Helper()
	d := Begin(t, o)
	if !d.Ready(t) {
		t.Fatalf("serin up has ended:\n%s", d.Log())
	}
	return d
}

// follow reads what the daemon writes until it ends.
func (d *Daemon) follow(out io.Reader) {
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		d.note(scanner.Text())
	}
	_, _ = io.Copy(io.Discard, out)
	d.err = d.cmd.Wait()
	close(d.ended)
}

func (d *Daemon) note(line string) {
	d.mu.Lock()
	d.log.WriteString(line + "\n")
	at := banner.FindStringSubmatch(d.log.String())
	if at != nil && d.API == "" {
		d.API, d.Shared = at[1], at[2]
		close(d.ready)
	}
	d.mu.Unlock()
	if d.line != nil {
		d.line(line)
	}
}

// banner is what serin up prints once it works.
var banner = regexp.MustCompile(`(?s)API +(http\S+).*services +(http\S+?),`)

// Ready waits until the daemon works. It is false when the daemon has ended instead.
func (d *Daemon) Ready(t *testing.T) bool {
	t.Helper()
	select {
	case <-d.ready:
	case <-d.ended:
		return false
	case <-time.After(Patience):
		t.Fatalf("serin up is not ready after %s:\n%s", Patience, d.Log())
	}
	var err error
	if d.Client, err = client.New(d.API, client.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Client.Close)
	return true
}

// Log returns what the daemon wrote so far.
func (d *Daemon) Log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// PID is the process that was started.
func (d *Daemon) PID() int { return d.cmd.Process.Pid }

// Kill kills the daemon where it stands and does not wait. Its processes go on.
func (d *Daemon) Kill() { _ = d.cmd.Process.Kill() }

// Ended is closed once the daemon's process is gone and all it wrote has been read.
func (d *Daemon) Ended() <-chan struct{} { return d.ended }

// Wait waits until the daemon has ended, and returns how.
func (d *Daemon) Wait(t *testing.T) error {
	t.Helper()
	select {
	case <-d.ended:
		return d.err
	case <-time.After(Patience):
		t.Fatalf("serin up does not end:\n%s", d.Log())
		return nil
	}
}

// End ends the daemon and everything that it started, in order. One that has ended is left alone.
func (d *Daemon) End(t *testing.T) {
	t.Helper()
	select {
	case <-d.ended:
		return
	default:
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
		if _, failed := errors.AsType[*exec.ExitError](d.err); failed {
			t.Errorf("serin up ended with %v\n%s", d.err, d.Log())
		}
	case <-time.After(Patience):
		d.Kill()
		<-d.ended
		t.Errorf("serin up does not end\n%s", d.Log())
	}
}

// Answer is what came back for a request.
type Answer struct {
	Status int
	// Version is the one of the sample app that answered.
	Version string
	Body    string
}

// Get asks a URL once with a Host.
func Get(ctx context.Context, url, host string) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return Answer{}, err
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return Answer{Status: resp.StatusCode, Version: resp.Header.Get(app.VersionHeader), Body: string(body)}, err
}
