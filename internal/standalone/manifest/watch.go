package manifest

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// WatchOptions adjust Watch.
type WatchOptions struct {
	// Logger is told once when the file system sends no notifications. Default: none.
	Logger *slog.Logger
	// Debounce is how long nothing may happen before changed is called, so that an editor can finish. It is waited for
	// at most ten times in a row. Default 100 ms.
	Debounce time.Duration
	// Poll is how often the directory is looked at in any case: some file systems send no notifications, and none comes
	// for a file outside that a link leads to. Default 2 s.
	Poll time.Duration

	// silent keeps notifications away, as such file systems do.
	silent bool
}

func (o WatchOptions) withDefaults() WatchOptions {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Debounce <= 0 {
		o.Debounce = 100 * time.Millisecond
	}
	if o.Poll <= 0 {
		o.Poll = 2 * time.Second
	}
	return o
}

// Watch calls changed once at the beginning, when nothing can be missed any more, and then each time that a manifest in
// the directory or below it may have changed. It outlives the directory and finds it again. The calls come one after
// the other, from the goroutine of the caller; what happens during one leads to another. Watch returns when ctx ends,
// with nil.
func Watch(ctx context.Context, dir string, changed func(), o WatchOptions) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	w := &watcher{dir: absolute, changed: changed, options: o.withDefaults(), watched: map[string]fs.FileInfo{}}
	w.open()
	defer w.close()
	w.look()
	changed()
	w.loop(ctx)
	return nil
}

type watcher struct {
	dir     string
	changed func()
	options WatchOptions

	// notify is nil where there are no notifications; events and errors are nil then, too.
	notify *fsnotify.Watcher
	events <-chan fsnotify.Event
	errors <-chan error

	// watched are the directories with a notification, by path, as they were when it was asked for.
	watched map[string]fs.FileInfo
	seen    map[string]stamp
}

// stamp tells a file from what it was.
type stamp struct {
	size, changed int64
	mode          fs.FileMode
}

func (w *watcher) open() {
	if w.options.silent {
		return
	}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		w.options.Logger.Warn("Looking at the manifests from time to time, since notifications of changes are not to be had",
			"every", w.options.Poll, "error", err)
		return
	}
	w.notify, w.events, w.errors = n, n.Events, n.Errors
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
	}
}

func (w *watcher) loop(ctx context.Context) {
	poll := time.NewTicker(w.options.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	var since time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.events:
			if !w.concerns(e) {
				continue
			}
			since = w.delay(quiet, since)
		case err := <-w.errors:
			// Notifications were lost, which ones nobody knows.
			w.options.Logger.Debug("Looking at the manifests again, since a notification was lost", "error", err)
			since = w.delay(quiet, since)
		case <-quiet.C:
			since = time.Time{}
			w.look()
			w.changed()
		case <-poll.C:
			if w.look() && since.IsZero() {
				since = w.delay(quiet, since)
			}
		}
	}
}

// delay waits for the end of a series of changes that began at since, but not for ever.
func (w *watcher) delay(quiet *time.Timer, since time.Time) time.Time {
	now := time.Now()
	if since.IsZero() {
		since = now
	}
	last := since.Add(10 * w.options.Debounce)
	quiet.Reset(max(0, min(w.options.Debounce, last.Sub(now))))
	return since
}
