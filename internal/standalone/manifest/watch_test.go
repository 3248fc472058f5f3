package manifest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// watched is a directory that is being watched.
type watched struct {
	t   *testing.T
	dir string
	// calls gets a value for each call of changed.
	calls chan struct{}
}

// watch watches a directory until the test ends, and waits until nothing can be missed.
func watch(t *testing.T, dir string, o WatchOptions) *watched {
	t.Helper()
	w := &watched{t: t, dir: dir, calls: make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Watch(ctx, dir, func() { w.calls <- struct{}{} }, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.wait()
	return w
}

// quick looks for notifications alone: the time between two polls is longer than the test.
func quick() WatchOptions { return WatchOptions{Debounce: 5 * time.Millisecond, Poll: time.Hour} }

// silent polls.
func silent() WatchOptions {
	return WatchOptions{Debounce: 5 * time.Millisecond, Poll: 10 * time.Millisecond, silent: true}
}

func (w *watched) wait() {
	w.t.Helper()
	select {
	case <-w.calls:
	case <-time.After(patience):
		w.t.Fatal("changed was not called")
	}
}

// until waits for calls until the directory is as it should be when changed was called.
func (w *watched) until(good func(*Set, error) bool) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case <-w.calls:
			if good(Load(w.dir)) {
				return
			}
		case <-deadline:
			w.t.Fatal("the change was not seen")
		}
	}
}

// has says whether a ConfigMap is there.
func has(name string) func(*Set, error) bool {
	return func(s *Set, err error) bool { return err == nil && s.ConfigMap(Key{"default", name}) != nil }
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]WatchOptions{"notified": quick(), "polled": silent()} {
		for step, change := range watchSteps() {
			t.Run(name+"/"+step, func(t *testing.T) {
				t.Parallel()
				dir := write(t, section{"m/a.yaml", named("a")}, section{"m/sub/b.yaml", named("b")})
				w := watch(t, filepath.Join(dir, "m"), options)
				change(t, w)
			})
		}
	}
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// watchSteps are changes of a directory with a.yaml and sub/b.yaml.
func watchSteps() map[string]func(*testing.T, *watched) {
	return map[string]func(*testing.T, *watched){
		"file written in place": func(t *testing.T, w *watched) {
			t.Helper()
			put(t, filepath.Join(w.dir, "a.yaml"), named("changed"))
			w.until(has("changed"))
		},
		"file replaced by renaming": func(t *testing.T, w *watched) {
			t.Helper()
			for _, name := range []string{"first", "second"} {
				put(t, filepath.Join(w.dir, ".a.yaml.next"), named(name))
				do(t, os.Rename(filepath.Join(w.dir, ".a.yaml.next"), filepath.Join(w.dir, "a.yaml")))
				w.until(has(name))
			}
		},
		"file below": func(t *testing.T, w *watched) {
			t.Helper()
			put(t, filepath.Join(w.dir, "sub", "c.json"), named("c"))
			w.until(func(_ *Set, err error) bool { return err != nil }) // It is no JSON.
			do(t, os.Remove(filepath.Join(w.dir, "sub", "c.json")))
			w.until(func(_ *Set, err error) bool { return err == nil })
		},
		"new directories": func(t *testing.T, w *watched) {
			t.Helper()
			put(t, filepath.Join(w.dir, "x", "y", "z", "c.yaml"), named("c"))
			w.until(has("c"))
			put(t, filepath.Join(w.dir, "x", "y", "z", "c.yaml"), named("later"))
			w.until(has("later"))
		},
		"directory renamed": func(t *testing.T, w *watched) {
			t.Helper()
			do(t, os.Rename(filepath.Join(w.dir, "sub"), filepath.Join(w.dir, "other")))
			w.until(func(s *Set, err error) bool { return err == nil && s.objects[1].File == "other/b.yaml" })
			put(t, filepath.Join(w.dir, "other", "b.yaml"), named("inside"))
			w.until(has("inside"))
		},
		"directory removed": func(t *testing.T, w *watched) {
			t.Helper()
			do(t, os.RemoveAll(filepath.Join(w.dir, "sub")))
			w.until(func(s *Set, err error) bool { return err == nil && !has("b")(s, err) })
		},
		"everything removed and made again": func(t *testing.T, w *watched) {
			t.Helper()
			for _, name := range []string{"first", "second"} {
				do(t, os.RemoveAll(w.dir))
				w.until(func(_ *Set, err error) bool { return err != nil })
				put(t, filepath.Join(w.dir, "again", "a.yaml"), named(name))
				w.until(has(name))
			}
		},
		"everything replaced by renaming": func(t *testing.T, w *watched) {
			t.Helper()
			put(t, filepath.Join(w.dir+".next", "a.yaml"), named("next"))
			do(t, os.Rename(w.dir, w.dir+".old"), os.Rename(w.dir+".next", w.dir))
			w.until(has("next"))
			put(t, filepath.Join(w.dir, "a.yaml"), named("after"))
			w.until(has("after"))
		},
		"the parent removed as well": func(t *testing.T, w *watched) {
			t.Helper()
			do(t, os.RemoveAll(filepath.Dir(w.dir)))
			w.until(func(_ *Set, err error) bool { return err != nil })
			put(t, filepath.Join(w.dir, "a.yaml"), named("back"))
			w.until(has("back"))
		},
	}
}

// TestWatchOfLink sees that a file outside has changed, which no notification tells.
func TestWatchOfLink(t *testing.T) {
	t.Parallel()
	outside := write(t, section{"real.yaml", named("a")})
	dir := t.TempDir()
	do(t, os.Symlink(filepath.Join(outside, "real.yaml"), filepath.Join(dir, "a.yaml")))
	w := watch(t, dir, WatchOptions{Debounce: time.Millisecond, Poll: 10 * time.Millisecond})
	put(t, filepath.Join(outside, "real.yaml"), named("changed"))
	w.until(has("changed"))
}

// TestWatchIsQuiet calls nobody for what is no manifest, and once for many changes at a time.
func TestWatchIsQuiet(t *testing.T) {
	t.Parallel()
	dir := write(t, section{"a.yaml", named("a")})
	o := quick()
	o.Debounce = 200 * time.Millisecond
	w := watch(t, dir, o)
	for _, name := range []string{"app.log", ".serin/state.yaml", ".hidden.yaml", "notes.txt"} {
		put(t, filepath.Join(dir, name), "{")
	}
	for range 20 {
		put(t, filepath.Join(dir, "a.yaml"), named("b"))
	}
	w.until(has("b"))
	if n := len(w.calls); n > 2 {
		t.Errorf("changed was called %d times more", n)
	}
}

// TestWatchEnds returns at once when it is told to, even while nothing happens.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := Watch(ctx, t.TempDir(), func() {
		calls++
		cancel()
	}, WatchOptions{})
	if err != nil || calls != 1 {
		t.Error(err, calls)
	}
}

// TestWatchOfNothing waits for a directory that is not there yet.
func TestWatchOfNothing(t *testing.T) {
	t.Parallel()
	w := watch(t, filepath.Join(t.TempDir(), "x", "y"), quick())
	put(t, filepath.Join(w.dir, "a.yaml"), named("a"))
	w.until(has("a"))
}
