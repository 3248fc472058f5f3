package demo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/serin-dev/serin/internal/demo"
	"github.com/serin-dev/serin/internal/demo/app"
	"github.com/serin-dev/serin/internal/rollout"
)

// enough is how many answers of a canary the fake daemon looks at.
const enough = 25

// fakeDaemon is a daemon with state and real HTTP: it runs each version in this process, gives every second request
// to the canary while a run is on, and judges by what the two manifests say.
type fakeDaemon struct {
	dir     string
	front   *httptest.Server
	stopped bool
	// disturb may answer a request itself, in place of the app, and says whether it did.
	disturb func(http.ResponseWriter, *http.Request) bool
	// stuck makes runs that never end.
	stuck bool

	lock     sync.Mutex
	primary  http.Handler
	canary   http.Handler
	turn     int
	answered int
	full     chan struct{}
	runs     int
	progress demo.Progress
	apps     []*app.App
}

type deployment struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Command []string
					Env     []struct{ Name, Value string }
				}
			}
		}
	}
}

type canary struct {
	Spec struct {
		Analysis struct {
			Metrics []struct {
				Name           string
				ThresholdRange struct{ Min, Max *float64 }
			}
		}
	}
}

func (f *fakeDaemon) Start(_ context.Context, dir, name string) (demo.Address, error) {
	f.dir = dir
	first, _, err := f.version()
	if err != nil {
		return demo.Address{}, err
	}
	f.primary = first
	f.front = httptest.NewServer(http.HandlerFunc(f.forward))
	return demo.Address{URL: f.front.URL, Host: name}, nil
}

func (f *fakeDaemon) forward(w http.ResponseWriter, r *http.Request) {
	if r.Host != demo.Service {
		http.Error(w, "no such service", http.StatusNotFound)
		return
	}
	if f.disturb != nil && f.disturb(w, r) {
		return
	}
	f.lock.Lock()
	f.turn++
	handler, done := f.primary, func() {}
	if f.canary != nil && f.turn%2 == 0 {
		handler, done = f.canary, f.count
	}
	f.lock.Unlock()
	handler.ServeHTTP(w, r)
	done()
}

// count notes an answer of the canary.
func (f *fakeDaemon) count() {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.answered++
	if f.answered == enough {
		close(f.full)
	}
}

func (f *fakeDaemon) RunEnded(ctx context.Context, _, _ string) (demo.Ended, error) {
	if f.stuck {
		<-ctx.Done()
		return demo.Ended{}, ctx.Err()
	}
	next, settings, err := f.version()
	if err != nil {
		return demo.Ended{}, err
	}
	f.lock.Lock()
	f.runs++
	run := fmt.Sprintf("run-%d", f.runs)
	full := make(chan struct{})
	f.canary, f.answered, f.full = next, 0, full
	f.progress = demo.Progress{
		Phase: rollout.Progressing, Run: run, Step: 1, Steps: 1,
		Wanted: 50 * rollout.Percent, Acknowledged: 50 * rollout.Percent,
	}
	f.lock.Unlock()
	select {
	case <-full:
	case <-ctx.Done():
		return demo.Ended{}, ctx.Err()
	}
	ended, err := f.verdict(settings)
	ended.Run = run
	f.lock.Lock()
	defer f.lock.Unlock()
	f.canary = nil
	f.progress = demo.Progress{Phase: rollout.Failed, Run: run}
	if ended.Outcome == rollout.OutcomeSucceeded {
		f.primary, f.progress.Phase = next, rollout.Succeeded
	}
	return ended, err
}

// verdict compares what the version was told to do with the limits of the Canary.
func (f *fakeDaemon) verdict(s app.Settings) (demo.Ended, error) {
	var c canary
	if err := f.read("canary.yaml", &c); err != nil {
		return demo.Ended{}, err
	}
	ended := demo.Ended{Outcome: rollout.OutcomeSucceeded, Message: "Every check passed"}
	for _, m := range c.Spec.Analysis.Metrics {
		limit := m.ThresholdRange
		low := m.Name == "request-success-rate" && limit.Min != nil && 100*(1-s.ErrorRate) < *limit.Min
		long := m.Name == "request-duration" && limit.Max != nil && float64(s.P99.Milliseconds()) > *limit.Max
		if low || long {
			ended.Outcome, ended.Message = rollout.OutcomeFailed, m.Name+" was outside its limit"
			ended.Failing = append(ended.Failing, m.Name)
		}
	}
	return ended, nil
}

// version makes an app of what the Deployment says now.
func (f *fakeDaemon) version() (http.Handler, app.Settings, error) {
	var d deployment
	if err := f.read("deployment.yaml", &d); err != nil {
		return nil, app.Settings{}, err
	}
	env := map[string]string{"PORT": "0"}
	for _, v := range d.Spec.Template.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	settings, err := app.SettingsFrom(func(name string) string { return env[name] })
	if err != nil {
		return nil, settings, err
	}
	quick := settings // The latencies are judged by their settings: nobody has to wait for them.
	quick.Median, quick.P99 = time.Millisecond, time.Millisecond
	a, err := app.New(quick, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, settings, err
	}
	f.lock.Lock()
	f.apps = append(f.apps, a)
	f.lock.Unlock()
	return a, settings, nil
}

func (f *fakeDaemon) read(name string, into any) error {
	data, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		return err
	}
	return yaml.Unmarshal(data, into)
}

func (f *fakeDaemon) Progress(string) demo.Progress {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.progress
}

func (f *fakeDaemon) Stop(context.Context) error {
	f.stopped = true
	f.front.Close()
	var errs []error
	for _, a := range f.apps {
		errs = append(errs, a.Close())
	}
	return errors.Join(errs...)
}

// bare answers as a proxy does that has nobody to ask.
func bare(w http.ResponseWriter) { http.Error(w, "no healthy upstream", http.StatusServiceUnavailable) }

// forge answers in the app's name.
func forge(w http.ResponseWriter) {
	w.Header().Set(app.VersionHeader, "v1")
	_, _ = io.WriteString(w, "{}")
}
