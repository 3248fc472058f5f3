package processworkload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The pace of probes of a pod that is not ready yet: it is to be found ready soon, whatever the period.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
	// settled is how long a program without a probe has to run to count as ready. One that ends at once must not
	// replace one that works.
	settled = 500 * time.Millisecond
)

// prober asks one pod, again and again, whether it is ready.
type prober struct {
	probe Probe
	ports []Port
	// numbers are the real ports, in the order of ports.
	numbers []int
	launch  *launch
	// adopted means that the program has been running for a while: nothing is waited for before the first answer.
	adopted bool
	// found is told each time that what is known changes: nil for ready, else why not.
	found func(why error)
}

// run probes until the context ends.
func (p *prober) run(ctx context.Context) {
	delay := p.probe.InitialDelay
	if p.probe.running {
		delay = settled
	}
	if !p.adopted && !pause(ctx, delay) {
		return
	}
	if p.probe.running {
		p.found(nil)
		return
	}
	s := streak{success: p.probe.SuccessThreshold, failure: p.probe.FailureThreshold}
	next := firstPause
	for {
		err := p.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		if s.add(err == nil) {
			p.found(err)
		} else if !s.ready && err != nil {
			p.found(err)
		}
		wait := p.probe.Period
		if !s.ready {
			wait = min(wait, next)
			next = min(next*3/2, lastPause)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// streak counts answers in a row.
type streak struct {
	success, failure int
	ready            bool
	count            int
}

// add takes one answer and says whether it changed what is known.
func (s *streak) add(ok bool) bool {
	if ok == s.ready {
		s.count = 0
		return false
	}
	s.count++
	need := s.success
	if s.ready {
		need = s.failure
	}
	if s.count < need {
		return false
	}
	s.ready, s.count = ok, 0
	return true
}

// ask makes one probe.
func (p *prober) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.probe.Timeout)
	defer cancel()
	var what string
	var err error
	switch {
	case p.probe.HTTP != nil:
		what = "GET /" + strings.TrimPrefix(p.probe.HTTP.Path, "/")
		err = askHTTP(ctx, p.address(p.probe.HTTP.Port), p.probe.HTTP.Path)
	case len(p.probe.Exec) > 0:
		what = p.probe.Exec[0]
		err = p.askProgram(ctx)
	case p.probe.TCP != nil:
		what = "port " + p.probe.TCP.Port.String()
		err = askTCP(ctx, p.address(p.probe.TCP.Port))
	default:
		what = "$PORT"
		err = askTCP(ctx, p.address(Port{}))
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("readiness probe %s: %w", what, reason(err, p.probe.Timeout))
}

func (p *prober) address(port Port) string { return loopback(p.numbers[portIndex(p.ports, port)]) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func askHTTP(ctx context.Context, address, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/"+strings.TrimPrefix(path, "/"), http.NoBody)
	if err != nil {
		return errors.New("its path is not one")
	}
	// A connection of its own for each probe: a pod that takes no new connections is not ready.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err //nolint:wrapcheck // The caller says what was asked.
	}
	_ = answer.Body.Close()
	if answer.StatusCode < http.StatusOK || answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("answered %d", answer.StatusCode)
	}
	return nil
}

func askTCP(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err //nolint:wrapcheck // The caller says what was asked.
	}
	return conn.Close() //nolint:wrapcheck // The caller says what was asked.
}

// askProgram runs the probe's own program in the environment of the pod. It and what it starts end with the probe.
func (p *prober) askProgram(ctx context.Context) error {
	path, err := lookPath(p.probe.Exec[0], p.launch.searchPath(), p.launch.dir)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, p.probe.Exec[1:]...) //nolint:gosec // G204: the user's own probe.
	cmd.Env, cmd.Dir = p.launch.env, p.launch.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd.Run() //nolint:wrapcheck // The caller says what was asked.
}

// reason makes the short sentence that people read out of an error of the network or of a program.
func reason(err error, timeout time.Duration) error {
	var exit *exec.ExitError
	var errno syscall.Errno
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", timeout)
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return fmt.Errorf("exited with code %d", exit.ExitCode())
	case errors.As(err, &exit):
		return fmt.Errorf("no answer within %s", timeout)
	case errors.As(err, &errno):
		return errno
	default:
		return err
	}
}

// pause waits and says whether the context is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
