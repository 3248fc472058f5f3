package processworkload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// LogQuery says which logs to read.
type LogQuery struct {
	Namespace, Name string
	// Side and Pod choose; empty means all.
	Side rollout.SideName
	Pod  string
	// Tail is how many of the last lines of each pod come first. 0 means all that are kept, -1 none.
	Tail int
	// Follow goes on with what is written from now on, by pods that start later too, until the reader is closed or the
	// context ends.
	Follow bool
}

const (
	// followPause is how often a log that is followed is looked at.
	followPause = 200 * time.Millisecond
	// chunk is how much of one log is read at a time. A longer line is cut there.
	chunk = 64 << 10
)

// Logs returns the output of pods, those that are gone included as far as it is kept. Lines of several pods begin
// with the name of theirs. Values of Secrets are cut out. The reader is for one goroutine; Close may come from
// another one.
func (s *Supervisor) Logs(ctx context.Context, q LogQuery) (io.ReadCloser, error) {
	u := s.unit(Key{q.Namespace, q.Name})
	if u == nil {
		return nil, fault.Errorf(fault.NotFound, "there is no target %s/%s", q.Namespace, q.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &follower{ctx: ctx, cancel: cancel, unit: u, query: q, at: map[string]int64{}}
	var err error
	f.pending, err = f.pods()
	if err == nil && q.Pod != "" && len(f.pending) == 0 && !u.has(q.Pod) {
		err = fault.Errorf(fault.NotFound, "there is no pod %s of %s, and no log of one", q.Pod, u.key)
	}
	for q.Tail < 0 && len(f.pending) > 0 && err == nil {
		// Nothing of it comes out, but where it goes on is decided now.
		err = f.begin()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return f, nil
}

func (u *unit) isGone() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.gone
}

func (u *unit) has(pod string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rec.pod(pod) != nil
}

// secrets are the values that no log may show: of every revision that is kept, for the pod may be gone.
func (u *unit) secrets() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := Template{}
	for _, revision := range u.rec.Kept {
		if t, err := u.snapshot(revision); err == nil {
			all.Env = append(all.Env, t.Env...)
		}
	}
	return all.secrets()
}

// follower reads the logs of the pods of one unit.
type follower struct {
	ctx    context.Context //nolint:containedctx // It is the life of the reader, which io.Reader has no other place for.
	cancel context.CancelFunc
	unit   *unit
	query  LogQuery

	mu sync.Mutex
	// pending are the pods whose last lines are still to come. Each is read when its turn comes, so that the memory for
	// one is enough.
	pending []string
	// at is where reading goes on in each log, counted from the pod's first byte.
	at  map[string]int64
	out bytes.Buffer
}

// Close ends the reader.
func (f *follower) Close() error {
	f.cancel()
	return nil
}

// Read returns what there is, and waits for more if that is asked for.
func (f *follower) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.out.Len() == 0 {
		// Asked before looking: what the last pod wrote before the target was gone is still read.
		last := !f.query.Follow || f.unit.isGone()
		begun := len(f.pending) > 0
		var err error
		switch {
		case f.ctx.Err() != nil:
			return 0, io.EOF
		case begun:
			err = f.begin()
		case f.query.Follow:
			err = f.advance()
		}
		switch {
		case err != nil:
			return 0, err
		case begun || f.out.Len() > 0:
		case last || !pause(f.ctx, followPause):
			return 0, io.EOF
		}
	}
	return f.out.Read(p) //nolint:wrapcheck // It never fails: there is something.
}

// pods lists the logs that are asked for.
func (f *follower) pods() ([]string, error) {
	all, err := logged(f.unit.dir, f.unit.key.Name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range all {
		if (f.query.Side == "" || p.side == f.query.Side) && (f.query.Pod == "" || p.name == f.query.Pod) {
			names = append(names, p.name)
		}
	}
	return names, nil
}

// begin puts out the last lines of the next pod that is pending.
func (f *follower) begin() error {
	pod := f.pending[0]
	f.pending = f.pending[1:]
	n := f.query.Tail
	if n == 0 {
		n = math.MaxInt
	}
	lines, end, err := f.unit.tail(pod, n, 2*f.unit.supervisor.options.LogLimit, f.query.Follow)
	if err != nil {
		return err
	}
	f.at[pod] = end
	secrets := f.unit.secrets()
	for _, line := range lines {
		f.put(pod, line, secrets)
	}
	return nil
}

func (f *follower) put(pod, line string, secrets []string) {
	if f.query.Pod == "" {
		f.out.WriteString(pod + " ")
	}
	f.out.WriteString(redact(line, secrets))
	f.out.WriteByte('\n')
}

// advance reads on in each log.
func (f *follower) advance() error {
	pods, err := f.pods()
	if err != nil {
		return err
	}
	secrets := f.unit.secrets()
	for _, pod := range pods {
		if err := f.read(pod, secrets); err != nil {
			return err
		}
	}
	// A pod whose log is gone does not come back.
	for pod := range f.at {
		if !slices.Contains(pods, pod) {
			delete(f.at, pod)
		}
	}
	return nil
}

// read puts out the next whole lines of one log.
func (f *follower) read(pod string, secrets []string) error {
	cuts := &f.unit.cuts
	cuts.mu.Lock()
	defer cuts.mu.Unlock()
	path, begin := logFile(f.unit.dir, pod), cuts.total[pod]
	if f.at[pod] < begin {
		// It was cut before all was read: the rest is in the old part.
		path, begin = path+oldSuffix, begin-cuts.kept[pod]
		f.at[pod] = max(f.at[pod], begin)
	}
	data, size, err := readAt(path, f.at[pod]-begin)
	if err != nil {
		return err
	}
	rest := size - (f.at[pod] - begin) - int64(len(data))
	end := bytes.LastIndexByte(data, '\n') + 1
	if old := begin < cuts.total[pod] && rest == 0; old || end == 0 && len(data) == chunk {
		// What is not finished here is not going to be.
		end = len(data)
	}
	f.at[pod] += int64(end)
	for line := range strings.Lines(string(data[:end])) {
		f.put(pod, strings.TrimSuffix(line, "\n"), secrets)
	}
	return nil
}

// readAt reads the next chunk of a log, and says how long the log is.
func readAt(path string, from int64) (data []byte, size int64, err error) {
	file, err := os.Open(path) //nolint:gosec // G304: a path of our own directory.
	if errors.Is(err, fs.ErrNotExist) {
		return nil, from, nil
	}
	if err != nil {
		return nil, 0, fault.Errorf(fault.Unavailable, "read log: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, fault.Errorf(fault.Unavailable, "read log: %w", err)
	}
	data = make([]byte, max(0, min(chunk, info.Size()-from)))
	n, err := file.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fault.Errorf(fault.Unavailable, "read log: %w", err)
	}
	return data[:n], info.Size(), nil
}
