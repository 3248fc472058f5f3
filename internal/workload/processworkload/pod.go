package processworkload

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// pod is one place for a process. Its goroutine starts, probes, restarts and ends one process after another.
type pod struct {
	unit     *unit
	name     string
	mark     string
	template Template
	secrets  []string
	log      *slog.Logger
	// stop is closed, under the unit's lock, when the pod is to end; done when its goroutine has returned.
	stop, done chan struct{}

	// process is the goroutine's own once it has been launched.
	process *process
	launch  *launch

	// The rest is guarded by the unit's lock.
	launched bool
	ready    bool
	// unsure means that nobody knows yet whether an adopted process is ready.
	unsure bool
	// exit is how the last process ended, until one gets ready; why is what keeps this one from being ready.
	exit, why string
	pid       int
	over      bool
}

func (u *unit) newPod(r *podRecord, t *Template) *pod {
	return &pod{
		unit: u, name: r.Name, mark: u.mark(r.Name), template: t.withDefaults(), secrets: t.secrets(),
		log:  u.log.With("pod", r.Name),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
}

func (u *unit) mark(pod string) string {
	return u.supervisor.instance + "/" + u.key.String() + "/" + pod
}

func (p *pod) stopping() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// ended says whether nothing of the pod is left.
func (p *pod) ended() bool {
	p.unit.mu.Lock()
	defer p.unit.mu.Unlock()
	return p.over
}

// adopt takes hold of the processes that the record names, and notes the marks of those that may go on.
func (u *unit) adopt(stays map[string]bool) error {
	for i := range u.rec.Pods {
		r := &u.rec.Pods[i]
		t, err := u.snapshot(r.Revision)
		if err != nil {
			return fault.Errorf(fault.Invalid, "%s cannot be taken over (%w): end its processes and remove %s", r.Name, err, u.dir)
		}
		p := u.newPod(r, t)
		u.pods[r.Name] = p
		if r.Process == nil {
			continue
		}
		if p.process, err = adoptProcess(*r.Process); err != nil {
			// It ended while nobody looked. Its pod starts another one.
			r.Process = nil
			p.exit = "ended while Serin did not run"
			continue
		}
		u.supervisor.ports.hold(r.Ports)
		p.launch, _ = launchOf(&p.template, r.Ports, p.mark)
		p.unsure, p.pid = true, r.Process.PID
		stays[p.mark] = true
		p.log.Info("Took over a pod", "pid", p.pid)
	}
	return nil
}

// run is the life of the pod.
func (p *pod) run(ctx context.Context) {
	defer close(p.done)
	var wait time.Duration
	for ctx.Err() == nil && !p.stopping() {
		began := time.Now()
		err := p.start()
		if err == nil {
			err = p.watch(ctx)
		}
		if err == nil {
			break
		}
		wait = p.unit.supervisor.options.Backoff.next(wait, time.Since(began))
		p.fell(err, wait)
		p.rest(ctx, wait)
	}
	if !p.finish(ctx) && p.process != nil {
		// Supervision ends, the process does not.
		p.process.close()
	}
}

// rest waits before the next start.
func (p *pod) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.stop:
	case <-ctx.Done():
	}
}

// start starts a process, unless an adopted one runs.
func (p *pod) start() error {
	if p.process != nil {
		return nil
	}
	numbers, err := p.unit.supervisor.ports.take(len(p.template.Ports))
	if err != nil {
		return err
	}
	if err := p.announce(numbers); err != nil {
		return err
	}
	if p.launch, err = launchOf(&p.template, numbers, p.mark); err != nil {
		return err
	}
	output, err := openLog(p.unit.dir, p.name)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	if p.process, err = startProcess(p.launch, output); err != nil {
		return err
	}
	p.log.Info("Started a pod", "pid", p.process.id.PID)
	p.unit.follow(func() {
		p.pid = p.process.id.PID
		p.unit.note(func(r *record) { r.pod(p.name).Process = &p.process.id })
	})
	return nil
}

// announce writes down that a process is about to be started.
func (p *pod) announce(numbers []int) error {
	u := p.unit
	u.mu.Lock()
	defer u.mu.Unlock()
	next := u.rec.clone()
	r := next.pod(p.name)
	u.supervisor.ports.free(r.Ports)
	if !r.Since.IsZero() {
		r.Restarts++
	}
	r.Ports, r.Since = numbers, time.Now()
	if err := writeJSON(recordFile(u.dir), next, false); err != nil {
		u.supervisor.ports.free(numbers)
		return fault.Errorf(fault.Unavailable, "write down what is started: %w", err)
	}
	u.rec, u.unsaved = next, false
	return nil
}

// watch probes the process until it exits, and then says how; or until the pod is to end.
func (p *pod) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	exited := make(chan error, 1)
	group.Go(func() { exited <- p.process.wait(ctx) })
	prober := p.prober()
	group.Go(func() { prober.run(ctx) })
	select {
	case <-p.stop:
		return nil
	case err := <-exited:
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			p.log.Warn("Cannot watch a pod, so it is ended", "error", err.Error())
		}
		return fault.Errorf(fault.Unavailable, "%s", p.bury())
	}
}

func (p *pod) prober() *prober {
	u := p.unit
	u.mu.Lock()
	defer u.mu.Unlock()
	return &prober{
		probe: p.template.Readiness, ports: p.template.Ports, numbers: u.rec.pod(p.name).Ports,
		launch: p.launch, adopted: p.unsure, found: p.found,
	}
}

// found takes what a probe found.
func (p *pod) found(err error) {
	u := p.unit
	u.follow(func() {
		why := ""
		if err != nil {
			why = redact(err.Error(), p.secrets)
		}
		if p.ready == (err == nil) && p.why == why && !p.unsure {
			return
		}
		u.changed = u.changed || p.unsure || p.ready != (err == nil)
		p.ready, p.why, p.unsure = err == nil, why, false
		if !p.ready {
			return
		}
		p.exit = ""
		if r := u.rec.pod(p.name); !r.Served {
			u.note(func(*record) { r.Served = true })
		}
	})
}

// bury takes away what is left of a process that has exited, and says how it did.
func (p *pod) bury() string {
	process := p.process
	p.process = nil
	process.signal(syscall.SIGKILL)
	status := process.reap()
	process.close()
	if err := sweep(p.mark); err != nil {
		p.log.Warn("Cannot look for what a pod left behind", "error", err.Error())
	}
	return status
}

// fell notes that the process ended by itself, or did not start.
func (p *pod) fell(err error, wait time.Duration) {
	why := redact(err.Error(), p.secrets)
	if last := lastLine(p.unit.dir, p.name, p.secrets); last != "" && p.pid != 0 {
		why = fmt.Sprintf("%s, its last line was: %s", why, last)
	}
	p.log.Warn("A pod ended by itself and is started again", "why", why, "after", wait.String())
	p.unit.follow(func() {
		p.ready, p.unsure, p.exit, p.why, p.pid = false, false, why, "", 0
		p.unit.note(func(r *record) { r.pod(p.name).Process = nil })
	})
}

// finish ends the pod. It returns false when supervision ended first; the pod then goes on ending in the next life.
func (p *pod) finish(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	if p.process != nil {
		p.drain(ctx)
		if ctx.Err() != nil || !p.terminate(ctx) {
			return false
		}
		p.log.Info("Ended a pod", "status", p.bury())
	} else if err := sweep(p.mark); err != nil {
		p.log.Warn("Cannot look for what a pod left behind", "error", err.Error())
	}
	p.unit.bury(p)
	return true
}

// drain waits until nothing is sent to the pod any more.
func (p *pod) drain(ctx context.Context) {
	u := p.unit
	o := &u.supervisor.options
	// Whoever has to send nothing to it any more hears of it before it is asked.
	o.Changed(u.key.Namespace, u.key.Name)
	u.mu.Lock()
	r := *u.rec.pod(p.name)
	u.mu.Unlock()
	if o.Drain == nil || !r.Served {
		return
	}
	limited, cancel := context.WithTimeout(ctx, o.DrainLimit)
	defer cancel()
	stop := p.endEarly(limited, cancel)
	defer stop()
	var addresses []string
	for _, n := range r.Ports {
		addresses = append(addresses, loopback(n))
	}
	if err := o.Drain(limited, u.key.Namespace, u.key.Name, addresses); err != nil && ctx.Err() == nil && !p.process.ended() {
		p.log.Warn("Ending a pod that was not drained", "error", err.Error())
	}
}

// endEarly cancels a wait when the process has exited or time is up for all. The function that it returns has to be
// called, after the wait.
func (p *pod) endEarly(ctx context.Context, cancel func()) (stop func()) {
	var group sync.WaitGroup
	process := p.process
	group.Go(func() {
		if process.wait(ctx) == nil {
			cancel()
		}
	})
	group.Go(func() {
		select {
		case <-p.unit.supervisor.kill:
			cancel()
		case <-ctx.Done():
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// terminate tells the process to end, and ends it when its grace is over. It returns false when supervision ended
// first.
func (p *pod) terminate(ctx context.Context) bool {
	p.process.signal(syscall.SIGTERM)
	limited, cancel := context.WithTimeout(ctx, p.template.Grace)
	defer cancel()
	stop := p.endEarly(limited, cancel)
	<-limited.Done()
	stop()
	switch {
	case p.process.ended():
		return true
	case ctx.Err() != nil:
		return false
	}
	p.log.Warn("Killing a pod that did not end within its grace", "grace", p.template.Grace.String())
	p.process.signal(syscall.SIGKILL)
	return p.process.wait(ctx) == nil
}

// bury forgets a pod that is gone.
func (u *unit) bury(p *pod) {
	u.follow(func() {
		p.ready, p.over, p.pid = false, true, 0
		delete(u.pods, p.name)
		u.note(func(r *record) {
			for i := range r.Pods {
				if r.Pods[i].Name == p.name {
					u.supervisor.ports.free(r.Pods[i].Ports)
					r.Pods = append(r.Pods[:i], r.Pods[i+1:]...)
					return
				}
			}
		})
		u.forget()
	})
}
