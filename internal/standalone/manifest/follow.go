package manifest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// look asks for notifications of directories that are new, and says whether any file is not as it was before.
func (w *watcher) look() bool {
	found := walk(w.dir, defaultLimits())
	// A file may have come while its directory had no notifications yet, so that what is new is looked at again.
	for range 3 {
		if !w.follow(found.folders) {
			break
		}
		found = walk(w.dir, defaultLimits())
	}
	now := make(map[string]stamp, len(found.files)+len(found.folders))
	for _, f := range found.files {
		now[f.name] = stamp{size: f.info.Size(), changed: f.info.ModTime().UnixNano(), mode: f.info.Mode()}
	}
	for name, info := range found.folders {
		now[name+"/"] = stamp{mode: info.Mode()}
	}
	for _, p := range found.problems {
		now["!"+p.String()] = stamp{}
	}
	same := len(now) == len(w.seen)
	for name, s := range now {
		old, known := w.seen[name]
		same = same && known && old == s
	}
	w.seen = now
	return !same
}

// follow asks for notifications of the directories, which are named relative to the watched one. While that is not
// there, it is waited for where it has to appear. Follow says whether any of them had no notifications before.
func (w *watcher) follow(folders map[string]fs.FileInfo) bool {
	if w.notify == nil {
		return false
	}
	wanted := make(map[string]fs.FileInfo, len(folders))
	for name, info := range folders {
		wanted[filepath.Join(w.dir, filepath.FromSlash(name))] = info
	}
	if len(wanted) == 0 {
		if above, info := ancestor(w.dir); info != nil {
			wanted[above] = info
		}
	}
	for name, info := range w.watched {
		// Another directory may have taken the name.
		if wanted[name] == nil || !os.SameFile(info, wanted[name]) {
			w.drop(name)
		}
	}
	fresh := false
	for name, info := range wanted {
		if w.watched[name] != nil {
			continue
		}
		// What cannot be watched is polled.
		if err := w.notify.Add(name); err == nil {
			w.watched[name] = info
			fresh = true
		}
	}
	return fresh
}

// drop ends the notifications of a directory.
func (w *watcher) drop(name string) {
	if w.watched[name] == nil {
		return
	}
	delete(w.watched, name)
	// It fails where the directory is gone, and with it its notifications.
	_ = w.notify.Remove(name)
}

// ancestor returns the nearest directory above a path that is there.
func ancestor(name string) (string, fs.FileInfo) {
	for {
		above := filepath.Dir(name)
		if info, err := os.Stat(above); err == nil && info.IsDir() {
			return above, info
		}
		if above == name {
			return "", nil
		}
		name = above
	}
}

// concerns says whether an event may be about a manifest.
func (w *watcher) concerns(e fsnotify.Event) bool {
	gone := e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
	base := filepath.Base(e.Name)
	switch {
	case e.Op == fsnotify.Chmod:
		return false
	case w.watched[e.Name] != nil:
		if gone {
			w.drop(e.Name)
		}
		return true
	case !below(e.Name, w.dir):
		return below(w.dir, e.Name)
	case hidden(base):
		return e.Name == w.dir
	case holdsManifests(base):
		return true
	case e.Has(fsnotify.Create):
		// Everything else, such as the logs of programs, is written to often and means nothing.
		info, err := os.Lstat(e.Name)
		return err == nil && info.IsDir()
	default:
		return false
	}
}

// below says whether a path is a directory or lies in it.
func below(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}
