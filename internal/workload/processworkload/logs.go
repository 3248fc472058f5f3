package processworkload

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// A pod writes its log itself, appending, so that it goes on when Serin does not run. Serin bounds it from outside:
// a file that is too long is copied to its .old name and cut to nothing. A program that writes between the two loses
// what it wrote then; that is the price of a log that needs no Serin.

const (
	logSuffix = ".log"
	oldSuffix = ".old"
	// maxLine is the longest line that a sentence of ours quotes, and maxTail what is read for it.
	maxLine = 200
	maxTail = 16 << 10
)

func openLog(dir, pod string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "open log: %w", err)
	}
	f, err := os.OpenFile(logFile(dir, pod), os.O_CREATE|os.O_APPEND|os.O_WRONLY, private)
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "open log: %w", err)
	}
	return f, nil
}

func logFile(dir, pod string) string { return filepath.Join(dir, "logs", pod+logSuffix) }

// cuts remembers how much of each log was cut off, so that whoever follows it finds its place again.
type cuts struct {
	// mu keeps a log from being cut while it is read.
	mu sync.Mutex
	// total is how many bytes are gone from the beginning of a log, kept how many of them the old part holds.
	total, kept map[string]int64
}

func (c *cuts) forget(pod string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.total, pod)
	delete(c.kept, pod)
}

// rotate bounds the log of a pod.
func (u *unit) rotate(pod string) error {
	u.cuts.mu.Lock()
	defer u.cuts.mu.Unlock()
	cut, kept, err := rotate(logFile(u.dir, pod), u.supervisor.options.LogLimit)
	if err == nil && cut > 0 {
		if u.cuts.total == nil {
			u.cuts.total, u.cuts.kept = map[string]int64{}, map[string]int64{}
		}
		u.cuts.total[pod] += cut
		u.cuts.kept[pod] = kept
	}
	return err
}

// tail is tail for a pod; where it stopped is counted from the pod's first byte.
func (u *unit) tail(pod string, n int, limit int64, whole bool) (lines []string, end int64, err error) {
	u.cuts.mu.Lock()
	defer u.cuts.mu.Unlock()
	lines, end, err = tail(u.dir, pod, n, limit, whole)
	return lines, end + u.cuts.total[pod], err
}

// rotate cuts a log that is longer than limit and keeps its last part, of at most that length, as the old one. It
// returns how much it cut and how much of that it kept.
func rotate(path string, limit int64) (cut, kept int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, private) //nolint:gosec // G304: a path of our own directory.
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fault.Errorf(fault.Unavailable, "rotate log: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.Size() <= limit {
		return 0, 0, err //nolint:wrapcheck // It names the path.
	}
	old, err := os.OpenFile(path+oldSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, private) //nolint:gosec // G304: a path of our own directory.
	if err != nil {
		return 0, 0, fault.Errorf(fault.Unavailable, "rotate log: %w", err)
	}
	kept, err = io.Copy(old, io.NewSectionReader(f, info.Size()-limit, limit))
	if err = errors.Join(err, old.Close(), f.Truncate(0)); err != nil {
		return 0, 0, fault.Errorf(fault.Unavailable, "rotate log: %w", err)
	}
	return info.Size(), kept, nil
}

// tail returns the last n lines of a pod's log, the old part included, and where in the log it stopped. With whole it
// stops before a last line that is not finished.
func tail(dir, pod string, n int, limit int64, whole bool) (lines []string, end int64, err error) {
	lines, end, err = lastLines(logFile(dir, pod), n, limit, whole)
	if err != nil || len(lines) >= n {
		return lines, end, err
	}
	older, _, err := lastLines(logFile(dir, pod)+oldSuffix, n-len(lines), limit, false)
	return slices.Concat(older, lines), end, err
}

// lastLines reads at most limit bytes from the end of a file. A first line that is cut off is left out: half a secret
// would not be recognised as one.
func lastLines(path string, n int, limit int64, whole bool) (lines []string, end int64, err error) {
	f, err := os.Open(path) //nolint:gosec // G304: a path of our own directory.
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fault.Errorf(fault.Unavailable, "read log: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fault.Errorf(fault.Unavailable, "read log: %w", err)
	}
	from := max(0, info.Size()-limit)
	data, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return nil, 0, fault.Errorf(fault.Unavailable, "read log: %w", err)
	}
	if whole {
		data = data[:bytes.LastIndexByte(data, '\n')+1]
	}
	end = from + int64(len(data))
	if from > 0 || strings.HasSuffix(path, oldSuffix) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	text := strings.TrimSuffix(string(data), "\n")
	if text == "" || n <= 0 {
		return nil, end, nil
	}
	lines = strings.Split(text, "\n")
	return lines[max(0, len(lines)-n):], end, nil
}

// lastLine returns the last line of a pod's log that says something, without secrets and bounded.
func lastLine(dir, pod string, secrets []string) string {
	lines, _, err := tail(dir, pod, 20, maxTail, false)
	if err != nil {
		return ""
	}
	for _, line := range slices.Backward(lines) {
		if line = strings.TrimSpace(redact(line, secrets)); line != "" {
			return shorten(line)
		}
	}
	return ""
}

// shorten cuts a line at a whole character.
func shorten(line string) string {
	line = strings.ToValidUTF8(line, "?")
	if len(line) <= maxLine {
		return line
	}
	end := maxLine
	for !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + "…"
}

// logged lists the pods of a unit that have a log, oldest first.
func logged(dir, unit string) ([]loggedPod, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "logs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.Unavailable, "list logs: %w", err)
	}
	var pods []loggedPod
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), logSuffix)
		if !ok {
			continue
		}
		side, number, _ := strings.Cut(strings.TrimPrefix(name, unit+"-"), "-")
		if n, err := strconv.Atoi(number); err == nil {
			pods = append(pods, loggedPod{name: name, side: rollout.SideName(side), number: n})
		}
	}
	slices.SortFunc(pods, func(a, b loggedPod) int { return a.number - b.number })
	return pods, nil
}

type loggedPod struct {
	name   string
	side   rollout.SideName
	number int
}

// forget removes the logs of pods that are gone, except the latest of each side.
func (u *unit) forget() {
	all, err := logged(u.dir, u.key.Name)
	keep := map[rollout.SideName]int{}
	for _, pod := range slices.Backward(all) {
		if u.rec.pod(pod.name) != nil {
			continue
		}
		if keep[pod.side] < u.supervisor.options.KeepLogs {
			keep[pod.side]++
			continue
		}
		u.cuts.forget(pod.name)
		for _, path := range []string{logFile(u.dir, pod.name), logFile(u.dir, pod.name) + oldSuffix} {
			if gone := os.Remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	if err != nil {
		u.log.Warn("Cannot remove old logs", "error", err.Error())
	}
}
