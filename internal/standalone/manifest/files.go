package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// limits bound what a directory may hold.
type limits struct {
	fileSize, totalSize     int64
	files, entries, objects int
	// values are those of one file, allValues those of all files.
	values, allValues int
	// nesting is how deep values may be nested, folders how deep directories may be.
	nesting, folders int
	// problems is how many are told.
	problems int
}

func defaultLimits() limits {
	return limits{
		fileSize: 4 << 20, totalSize: 64 << 20,
		files: 2000, entries: 50_000, objects: 10_000,
		values: 250_000, allValues: 1_000_000,
		nesting: 64, folders: 16,
		problems: 200,
	}
}

// source is a file that holds manifests.
type source struct {
	// name is relative to the directory, with slashes.
	name string
	// info is what a link leads to.
	info fs.FileInfo
}

// listing is what a walk through the directory found.
type listing struct {
	files []source
	// folders are the directory itself and those below it, by name.
	folders map[string]fs.FileInfo
	// problems are what could not be looked at, warnings what was left out.
	problems, warnings []Problem
}

// hidden says whether a name is left out with all that is below it.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// holdsManifests says whether a file of this name is read.
func holdsManifests(name string) bool {
	if hidden(name) {
		return false
	}
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	default:
		return false
	}
}

// walk lists the files with manifests in a directory and below it, in order. A link to a file is followed wherever it
// leads, a link to a directory is not.
func walk(dir string, l limits) listing {
	w := walker{dir: dir, limits: l, listing: listing{folders: map[string]fs.FileInfo{}}}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.problemf("", "the directory %s is not there", dir)
	case err != nil:
		w.problemf("", "the directory %s cannot be read: %s", dir, reason(err))
	case !info.IsDir():
		w.problemf("", "%s is no directory: name the directory that holds the manifests", dir)
	default:
		w.folder(".", info, 0)
	}
	return w.listing
}

type walker struct {
	listing

	dir     string
	limits  limits
	entries int
	full    bool
}

func (w *walker) problemf(name, format string, args ...any) {
	w.problems = append(w.problems, Problem{File: name, Message: fmt.Sprintf(format, args...)})
}

func (w *walker) folder(name string, info fs.FileInfo, depth int) {
	if depth > w.limits.folders {
		w.problemf(name, "the directories are nested more than %d deep", w.limits.folders)
		return
	}
	w.folders[name] = info
	entries, err := os.ReadDir(filepath.Join(w.dir, filepath.FromSlash(name)))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || name == "." {
			w.problemf(name, "the directory cannot be read: %s", reason(err))
		}
		return
	}
	for _, e := range entries {
		w.entries++
		if w.entries > w.limits.entries && !w.full {
			w.full = true
			w.problemf("", "the directory and those below it have more than %d entries: give the manifests a directory of their own", w.limits.entries)
		}
		if w.full {
			return
		}
		w.entry(path.Join(name, e.Name()), e, depth)
	}
}

func (w *walker) entry(name string, e fs.DirEntry, depth int) {
	if hidden(e.Name()) {
		return
	}
	manifests := holdsManifests(e.Name())
	if !e.IsDir() && !manifests && e.Type()&fs.ModeSymlink == 0 {
		return
	}
	info, err := os.Stat(filepath.Join(w.dir, filepath.FromSlash(name)))
	switch {
	case err != nil:
		w.lost(name, e, err)
	case e.IsDir():
		w.folder(name, info, depth+1)
	case info.IsDir():
		w.warnings = append(w.warnings, Problem{File: name, Message: "links to directories are not followed: copy the directory, or link its files"})
	case manifests:
		w.file(name, info)
	}
}

// lost tells of an entry that cannot be looked at.
func (w *walker) lost(name string, e fs.DirEntry, err error) {
	link, manifests := e.Type()&fs.ModeSymlink != 0, holdsManifests(e.Name())
	switch {
	case link && manifests:
		w.problemf(name, "the link leads nowhere: %s", reason(err))
	case link, errors.Is(err, fs.ErrNotExist):
		// It leads to something else, or went while the directory was read.
	default:
		w.problemf(name, "it cannot be looked at: %s", reason(err))
	}
}

func (w *walker) file(name string, info fs.FileInfo) {
	if len(w.files) == w.limits.files {
		w.full = true
		w.problemf("", "there are more than %d files with manifests: put several manifests into one file", w.limits.files)
		return
	}
	w.files = append(w.files, source{name: name, info: info})
}

// read returns the content of a file, unless somebody is just writing it.
func read(dir string, s source, limit int64) ([]byte, string) {
	if !s.info.Mode().IsRegular() {
		return nil, "it is no regular file"
	}
	// Without O_NONBLOCK, opening what has become a pipe would wait for somebody to write.
	f, err := os.OpenFile(filepath.Join(dir, filepath.FromSlash(s.name)), os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // G304: the directory is the user's.
	if err != nil {
		return nil, "the file cannot be read: " + reason(err)
	}
	defer func() { _ = f.Close() }()
	before, err := f.Stat()
	if err != nil {
		return nil, "the file cannot be read: " + reason(err)
	}
	if !before.Mode().IsRegular() {
		return nil, "it is no regular file"
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, "the file cannot be read: " + reason(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Sprintf("the file is larger than %d KiB: split it", limit>>10)
	}
	after, err := f.Stat()
	if err != nil || after.Size() != int64(len(data)) || !after.ModTime().Equal(before.ModTime()) {
		return nil, "the file changed while it was read: somebody is writing it"
	}
	return data, ""
}

// reason returns why a file operation failed, without the path that the problem names already.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
