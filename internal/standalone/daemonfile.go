package standalone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/serin-dev/serin/internal/fault"
)

// File is what a running daemon leaves in its data directory for the command line: where it is and what opens it.
type File struct {
	PID   int    `json:"pid"`
	API   string `json:"api"`
	Token string `json:"token,omitempty"`
	Dir   string `json:"dir"`
}

const fileName = "daemon.json"

// ReadFile reads the file of the daemon that works, or worked last, in a data directory.
func ReadFile(dataDir string) (File, error) {
	var f File
	data, err := os.ReadFile(filepath.Join(dataDir, fileName)) //nolint:gosec // G304: the directory is the operator's choice.
	if errors.Is(err, fs.ErrNotExist) {
		return f, fault.Errorf(fault.NotFound, "no daemon has worked in %s", dataDir)
	}
	if err != nil {
		return f, fault.Errorf(fault.Unavailable, "find the daemon: %w", err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fault.Errorf(fault.Invalid, "%s is damaged: start serin up again", filepath.Join(dataDir, fileName))
	}
	return f, nil
}

// write puts the file in its place in one step: a token is in it, so that only its owner may read it.
func (f File) write(dataDir string) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode %s: %w", fileName, err)
	}
	path := filepath.Join(dataDir, fileName)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fault.Errorf(fault.Unavailable, "write %s: %w", fileName, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fault.Errorf(fault.Unavailable, "write %s: %w", fileName, err)
	}
	return nil
}

func removeFile(dataDir string) error {
	err := os.Remove(filepath.Join(dataDir, fileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", fileName, err)
	}
	return nil
}
