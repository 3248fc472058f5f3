package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/serin-dev/serin/internal/fault"
)

// private is the mode of every file here: states name revisions and people.
const private = 0o600

// Open opens the file at path, or creates it where there is none. It refuses a file that another process has open
// (fault.Conflict), one that is damaged and one from a newer Serin (fault.Invalid), and says what to do.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	o = o.withDefaults()
	if err := ctx.Err(); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "open store: %w", err)
	}
	if err := create(path); err != nil {
		return nil, err
	}
	wait := o.LockTimeout
	if deadline, ok := ctx.Deadline(); ok {
		// The lock has no context of its own, and waiting 0 would mean for ever.
		wait = max(min(wait, time.Until(deadline)), time.Millisecond)
	}
	db, err := openFile(path, wait)
	if err != nil {
		return nil, err
	}
	if err := verify(db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := own(path, o.Now()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db: db, path: path, options: o}, nil
}

// create makes an empty store where there is no file. The file appears under its name only when it is complete, so
// a file that is empty or half there is always damage and never a beginning.
func create(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Errorf(fault.Unavailable, "create directory of the store: %w", err)
	}
	draft, err := os.MkdirTemp(dir, ".new-store-")
	if err != nil {
		return fault.Errorf(fault.Unavailable, "create store: %w", err)
	}
	defer func() { _ = os.RemoveAll(draft) }()
	file := filepath.Join(draft, "store")
	db, err := bbolt.Open(file, private, nil)
	if err != nil {
		return fault.Errorf(fault.Unavailable, "create store: %w", err)
	}
	if err := errors.Join(db.Update(format), db.Close()); err != nil {
		return fault.Errorf(fault.Unavailable, "create store: %w", err)
	}
	// A link, not a rename: if another process was faster, its file stays.
	if err := os.Link(file, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fault.Errorf(fault.Unavailable, "create store: %w", err)
	}
	return nil
}

func openFile(path string, wait time.Duration) (db *bbolt.DB, err error) {
	// A truncated file is mapped beyond its end; reading there is a memory fault, which is to be an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, damaged(path, fmt.Errorf("%v", r))
		}
	}()
	if err := plausible(path); err != nil {
		return nil, err
	}
	db, err = bbolt.Open(path, private, &bbolt.Options{Timeout: wait, FreelistType: bbolt.FreelistMapType})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, taken(path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Errorf(fault.Denied, "open store: %w: run serin as the user who owns the file", err)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, damaged(path, err)
	default:
		return nil, fault.Errorf(fault.Unavailable, "open store %s: %w", path, err)
	}
}

// plausible refuses what cannot be a store by its outside.
func plausible(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.Errorf(fault.Unavailable, "open store: %w", err)
	case info.IsDir():
		return damaged(path, errors.New("it is a directory"))
	case info.Mode().IsRegular() && info.Size() == 0:
		return damaged(path, errors.New("it is empty"))
	case info.Mode().IsRegular() && info.Size() < 2*int64(os.Getpagesize()):
		return damaged(path, fmt.Errorf("it has %d bytes only", info.Size()))
	default:
		return nil
	}
}

// damaged says what to do with a file that cannot be trusted.
func damaged(path string, why error) error {
	return fault.Errorf(fault.Invalid, "the store %[1]s is damaged (%[2]w) and was left as it is: put a copy of it back, "+
		"or move it away (mv %[1]s %[1]s.damaged) to begin without states and history", path, why)
}

// owner is who has the store open, for the error of whoever wants it too.
type owner struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

func ownerFile(path string) string { return path + ".owner" }

// own writes down who has the file. The lock on the file decides; this only names its holder.
func own(path string, now time.Time) error {
	data, err := json.Marshal(owner{PID: os.Getpid(), Since: now.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("encode the owner of the store: %w", err)
	}
	if err := os.WriteFile(ownerFile(path), data, private); err != nil {
		return fault.Errorf(fault.Unavailable, "note the owner of the store: %w", err)
	}
	return nil
}

// disown removes the note. Between the lock and this call another process may have written its own: it keeps it.
func disown(path string) error {
	if o, ok := readOwner(path); !ok || o.PID != os.Getpid() {
		return nil
	}
	if err := os.Remove(ownerFile(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the note of the store's owner: %w", err)
	}
	return nil
}

func readOwner(path string) (owner, bool) {
	var o owner
	data, err := os.ReadFile(ownerFile(path))
	if err != nil || json.Unmarshal(data, &o) != nil || o.PID <= 0 {
		return owner{}, false
	}
	return o, true
}

// taken says who has the file.
func taken(path string) error {
	who := "its process is unknown"
	if o, ok := readOwner(path); ok {
		who = fmt.Sprintf("pid %d, since %s", o.PID, o.Since.Format(time.RFC3339))
	}
	return fault.Errorf(fault.Conflict, "another serin up is running on this directory (%s; %s is locked): "+
		"end it with `serin down`, or give this one a directory of its own with --data-dir", who, path)
}
