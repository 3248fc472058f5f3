package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/serin-dev/serin/internal/demo/tally"
)

// suffix is the end of every ledger's file name.
const suffix = ".counts.json"

// ledger counts answers and keeps the count in a file, before each answer leaves: a process that is killed has
// still counted every answer that anyone can have seen.
type ledger struct {
	lock   sync.Mutex
	counts tally.Counts
	file   *os.File
}

// openLedger starts a file of its own in dir, because the processes of one version run side by side and each may
// be restarted. An empty dir keeps the count in memory only.
func openLedger(dir, version string) (*ledger, error) {
	l := &ledger{counts: tally.Counts{}}
	if dir == "" {
		return l, nil
	}
	name := strings.ReplaceAll(version, string(filepath.Separator), "_")
	f, err := os.CreateTemp(dir, name+".*"+suffix)
	if err != nil {
		return nil, fmt.Errorf("open a ledger in %s: %w", dir, err)
	}
	l.file = f
	return l, nil
}

// record counts one answer. Counts only grow, so the text never becomes shorter and each record is one write at
// the start of the file, which a crash of the process cannot tear.
func (l *ledger) record(k tally.Key) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts[k]++
	if l.file == nil {
		return nil
	}
	data, err := json.Marshal(l.counts)
	if err != nil {
		return fmt.Errorf("encode the ledger: %w", err)
	}
	if _, err := l.file.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

func (l *ledger) snapshot() tally.Counts {
	l.lock.Lock()
	defer l.lock.Unlock()
	return maps.Clone(l.counts)
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// ReadCounts adds up the ledgers that every process of the app left in dir, dead ones included.
func ReadCounts(dir string) (tally.Counts, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, fmt.Errorf("list the ledgers in %s: %w", dir, err)
	}
	sum := tally.Counts{}
	var errs []error
	for _, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // G304: the files are those that Glob found in the caller's directory.
		if err != nil {
			errs = append(errs, fmt.Errorf("read a ledger: %w", err))
			continue
		}
		if len(data) == 0 { // The process has not answered anything.
			continue
		}
		var counts tally.Counts
		if err := json.Unmarshal(data, &counts); err != nil {
			errs = append(errs, fmt.Errorf("decode ledger %s: %w", path, err))
			continue
		}
		sum.Add(counts)
	}
	return sum, errors.Join(errs...)
}
