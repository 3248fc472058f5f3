// Package processworkload runs the pods of a target as supervised processes on this machine. The processes belong to
// nobody's life but their own: when Serin ends, however it ends, they go on, and the next Serin adopts or ends them.
//
// On disk are DIR/id, which begins the mark that every process carries in its environment, and for each target
// DIR/targets/NAMESPACE/NAME with state.json (what is wanted and what runs), revisions (templates, with the secrets
// that they resolved to) and logs.
package processworkload

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// Options of a Supervisor; the zero value is the default.
type Options struct {
	Logger  *slog.Logger
	Backoff Backoff
	// LogLimit is how many bytes of one pod's log are kept before it is rotated. Default 8 MiB.
	LogLimit int64
	// KeepLogs is how many logs of ended pods are kept per side. Default 5.
	KeepLogs int
	// KeepRevisions is how many snapshots are kept beyond those in use. Default 5.
	KeepRevisions int
	// Changed is called, without a lock held, when pods, readiness or endpoints of a target changed. It must not block.
	Changed func(namespace, name string)
	// Drain returns once nothing is sent to the addresses any more and what was sent has been answered, or with ctx. It
	// is called in a goroutine of the pod, after the pod has left Endpoints and before it is told to end. Default none.
	Drain func(ctx context.Context, namespace, name string, addresses []string) error
	// DrainLimit bounds Drain. Default 30 s.
	DrainLimit time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.LogLimit < 0 || min(o.KeepLogs, o.KeepRevisions) < 0 ||
		min(o.DrainLimit, o.Backoff.Min, o.Backoff.Max, o.Backoff.Reset) < 0 {
		return o, fault.Errorf(fault.Invalid, "limits of a supervisor must not be negative")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LogLimit == 0 {
		o.LogLimit = 8 << 20
	}
	o.Backoff = o.Backoff.withDefaults()
	o.KeepLogs, o.KeepRevisions = orElse(o.KeepLogs, 5), orElse(o.KeepRevisions, 5)
	o.DrainLimit = orElse(o.DrainLimit, 30*time.Second)
	if o.Changed == nil {
		o.Changed = func(string, string) {}
	}
	return o, nil
}

// Supervisor runs the pods of many targets. Its methods may be called from several goroutines. Before Run, and after
// it, what is wanted is only written down: who applies all manifests first starts nothing that is out of date.
type Supervisor struct {
	dir     string
	options Options
	// instance begins the mark of every process that was started from dir.
	instance string
	ports    ports

	// pods are the goroutines of Run, one for each pod.
	pods    sync.WaitGroup
	closing atomic.Bool
	// kill is closed when pods must not be given time any more.
	kill   chan struct{}
	killed sync.Once

	mu     sync.Mutex
	units  map[Key]*unit
	phase  phase
	launch func(*pod)
}

// phase is the life of a Supervisor.
type phase int

const (
	idle phase = iota
	running
	stopped
)

// New reads what an earlier Supervisor left in dir, takes hold of the processes that still run and kills those that
// belong to no pod. Only one Supervisor may use dir at a time.
func New(dir string, o Options) (*Supervisor, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fault.Errorf(fault.Invalid, "find the directory of the processes: %w", err)
	}
	s := &Supervisor{dir: dir, options: o, kill: make(chan struct{}), units: map[Key]*unit{}}
	if err := s.identify(); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	stays := map[string]bool{}
	for _, u := range s.units {
		if err := u.adopt(stays); err != nil {
			s.abandon()
			return nil, err
		}
	}
	if err := sweepAll(s.instance+"/", func(mark string) bool { return stays[mark] }); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// abandon lets the processes go that a failed New has taken hold of.
func (s *Supervisor) abandon() {
	for _, u := range s.units {
		for _, p := range u.pods {
			if p.process != nil {
				p.process.close()
			}
		}
	}
}

// identify reads the name of this directory, or gives it one. The name stays with the directory when it is moved.
func (s *Supervisor) identify() error {
	path := filepath.Join(s.dir, "id")
	data, err := os.ReadFile(path) //nolint:gosec // G304: a path of our own directory.
	switch {
	case err == nil:
		s.instance = strings.TrimSpace(string(data))
		if s.instance == "" || strings.ContainsAny(s.instance, "/\x00") {
			return fault.Errorf(fault.Invalid, "%s is damaged: end the processes with %s in their environment and remove it", path, markName)
		}
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fault.Errorf(fault.Unavailable, "read the name of the directory: %w", err)
	}
	s.instance = rand.Text()
	if err := writeFile(path, []byte(s.instance+"\n"), true); err != nil {
		return fault.Errorf(fault.Unavailable, "name the directory: %w", err)
	}
	return nil
}

// load reads the records of all units.
func (s *Supervisor) load() error {
	root := filepath.Join(s.dir, "targets")
	namespaces, err := subdirs(root)
	if err != nil {
		return err
	}
	for _, namespace := range namespaces {
		names, err := subdirs(filepath.Join(root, namespace))
		if err != nil {
			return err
		}
		for _, name := range names {
			u := s.newUnit(Key{namespace, name})
			if u.rec, err = loadRecord(u.dir); err != nil {
				return err
			}
			s.units[u.key] = u
		}
	}
	return nil
}

func subdirs(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fault.Errorf(fault.Unavailable, "read what runs: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Run supervises until ctx ends. Then it lets go of the processes and leaves them running.
func (s *Supervisor) Run(ctx context.Context) error {
	launch := func(p *pod) { s.pods.Go(func() { p.run(ctx) }) }
	s.mu.Lock()
	if s.phase != idle {
		s.mu.Unlock()
		return fault.Errorf(fault.Invalid, "a supervisor runs once")
	}
	s.phase, s.launch = running, launch
	s.mu.Unlock()
	for _, u := range s.all() {
		u.follow(func() { u.launch = launch })
	}
	s.maintain(ctx)
	s.mu.Lock()
	s.phase, s.launch = stopped, nil
	s.mu.Unlock()
	for _, u := range s.all() {
		u.mu.Lock()
		u.launch = nil
		u.mu.Unlock()
	}
	s.pods.Wait()
	return nil
}

// upkeep is how often logs are looked at and records written again that could not be written.
const upkeep = time.Second

// maintain keeps logs bounded and repeats what a full disk, say, has kept from being written.
func (s *Supervisor) maintain(ctx context.Context) {
	ticker := time.NewTicker(upkeep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, u := range s.all() {
			u.maintain()
		}
	}
}

// all returns the units in the order of their keys.
func (s *Supervisor) all() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.units), func(a, b *unit) int {
		return strings.Compare(a.key.String(), b.key.String())
	})
}

// Keys lists the targets that have something here, those without a manifest included.
func (s *Supervisor) Keys() []Key {
	var keys []Key
	for _, u := range s.all() {
		keys = append(keys, u.key)
	}
	return keys
}

// Apply makes a target what its manifest says now.
func (s *Supervisor) Apply(t Target) error {
	if err := t.Validate(); err != nil {
		return err
	}
	for {
		s.mu.Lock()
		u := s.units[t.key()]
		if u == nil {
			u = s.newUnit(t.key())
			u.launch = s.launch
			s.units[u.key] = u
		}
		s.mu.Unlock()
		err := u.apply(t)
		if errors.Is(err, errGone) {
			continue
		}
		return err
	}
}

// Remove says that the manifest of a target is gone.
func (s *Supervisor) Remove(namespace, name string) error {
	u := s.unit(Key{namespace, name})
	if u == nil {
		return nil
	}
	return ignoreGone(u.remove())
}

// Driver returns the driver for one target, which need not exist.
func (s *Supervisor) Driver(namespace, name string) *Driver {
	return &Driver{supervisor: s, key: Key{namespace, name}}
}

func (s *Supervisor) unit(k Key) *unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.units[k]
}

// drop forgets a unit that has nothing left.
func (s *Supervisor) drop(u *unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.emptyLocked() || s.units[u.key] != u {
		return
	}
	if err := os.RemoveAll(u.dir); err != nil {
		s.options.Logger.Warn("Cannot remove the directory of a target", "target", u.key.String(), "error", err.Error())
	}
	u.gone = true
	delete(s.units, u.key)
	// The last target of a namespace takes its directory along.
	_ = os.Remove(filepath.Dir(u.dir))
}

// reapLimit is how long a killed process may take to be gone.
const reapLimit = 5 * time.Second

// Shutdown drains and ends every pod of every target and returns once all are gone. What is wanted stays written
// down. When ctx ends it kills what is left. Run has to go on meanwhile.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	phase := s.phase
	s.mu.Unlock()
	if phase != running {
		return fault.Errorf(fault.Invalid, "end the pods: the supervisor does not run")
	}
	s.closing.Store(true)
	var pods []*pod
	for _, u := range s.all() {
		u.follow(nil)
		u.mu.Lock()
		pods = slices.AppendSeq(pods, maps.Values(u.pods))
		u.mu.Unlock()
	}
	err := await(ctx, pods)
	if err != nil {
		s.killed.Do(func() { close(s.kill) })
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), reapLimit)
		defer cancel()
		if late := await(limited, pods); late != nil {
			return fault.Errorf(fault.Unavailable, "end the pods: some could not be killed within %s", reapLimit)
		}
	}
	for _, p := range pods {
		if !p.ended() {
			return fault.Errorf(fault.Unavailable, "end the pods: %s was left running, because the supervisor stopped", p.name)
		}
	}
	if err != nil {
		return fault.Errorf(fault.Unavailable, "end the pods: the time was too short, so some were killed: %w", err)
	}
	return nil
}

// await waits until the goroutines of pods have returned.
func await(ctx context.Context, pods []*pod) error {
	for _, p := range pods {
		select {
		case <-p.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", p.name, ctx.Err())
		}
	}
	return nil
}
