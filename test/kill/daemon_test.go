package kill

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/demo/load"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/test/house"
)

func now() int64 { return time.Now().Unix() }

// TestKillsOfTheDaemon kills `serin up` at each moment of a release under load and starts it again.
func TestKillsOfTheDaemon(t *testing.T) { //nolint:tparallel // The group is waited for.
	t.Parallel()
	var mu sync.Mutex
	hit := map[rollout.Phase]map[string]int{}
	kills := 0
	t.Run("moments", func(t *testing.T) {
		for i, m := range moments() {
			t.Run(fmt.Sprintf("%02d", i+1), func(t *testing.T) {
				t.Parallel()
				busy(t)
				phase := survive(t, m, uint64(i))
				mu.Lock()
				defer mu.Unlock()
				kills++
				if hit[phase] == nil {
					hit[phase] = map[string]int{}
				}
				hit[phase][m.side]++
			})
		}
	})
	t.Logf("seed %d: %d kills", *seed, kills)
	sides := map[string]int{}
	for _, p := range phases() {
		t.Logf("%-17s %d %s, %d %s", p, hit[p][before], before, hit[p][after], after)
		if len(hit[p]) == 0 {
			t.Errorf("no kill hit the phase %s", p)
		}
		sides[before] += hit[p][before]
		sides[after] += hit[p][after]
	}
	if kills < 20 || sides[before] < 8 || sides[after] < 8 {
		t.Errorf("%d kills, %d before a save and %d after one: too few to mean something", kills, sides[before], sides[after])
	}
}

// survive plays one release with a kill in it and returns the phase that was hit.
func survive(t *testing.T, m moment, n uint64) rollout.Phase {
	t.Helper()
	p := &trap{moment: m, sprung: make(chan struct{})}
	if !m.edit && m.phase != rollout.Terminated {
		p.delay = time.Duration(rand.New(rand.NewPCG(*seed, n)).IntN(8)) * time.Millisecond
	}
	w := newWorld(t, p)
	w.write("v1", false)
	w.writeCanary(map[story]string{promotes: bySomebody, rollsBack: byRequests, releases: bySomebody}[m.story])
	w.begin(m)
	phase := w.saved().Phase
	t.Logf("%s: killed %s after that, in phase %s", m, p.delay, phase)
	w.first = w.d.Log()
	alone := w.servesAlone(m)
	w.d = house.Start(t, w.o)
	ready := time.Now()
	w.adopted(alone)
	if m.early() && m.story != releases {
		w.initialized()
		w.traffic = house.Send(t, w.d.Shared, "web", 20)
		w.release(m.story)
	}
	expected := w.rest(m)
	rested := time.Now()
	w.traffic.Wait(t, rested, 20)
	w.judge(w.traffic.End(), ready, rested, expected)
	if m.call == "tell" && w.heard(p.event) == 0 {
		t.Errorf("the event %q was lost with the daemon\n%s\n%v", p.event, w.d.Log(), w.told)
	}
	w.leavesNothing()
	return phase
}

// begin starts the daemon and the release, and returns once the daemon is dead.
func (w *world) begin(m moment) {
	w.t.Helper()
	if m.early() {
		w.trap.arm(func() {})
	}
	w.d = house.Begin(w.t, w.o)
	if m.early() {
		w.trap.arm(w.d.Kill)
	} else {
		if !w.d.Ready(w.t) {
			w.t.Fatal(w.d.Log())
		}
		w.initialized()
		w.traffic = house.Send(w.t, w.d.Shared, "web", 20)
		w.listen()
		w.trap.arm(w.d.Kill)
		w.release(m.story)
		if m.edit {
			w.trap.spring(0)
		}
	}
	select {
	case <-w.trap.sprung:
	case <-time.After(house.Patience):
		w.t.Fatalf("%s: it never came\n%s", m, w.d.Log())
	}
	_ = w.d.Wait(w.t)
}

// listen follows the feed until the daemon is dead. It returns once nothing is missed any more.
func (w *world) listen() {
	w.t.Helper()
	connected := make(chan struct{})
	var once sync.Once
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	client := w.d.Client
	go func() {
		defer close(ended)
		_ = client.Stream(ctx, 0, func(c feed.Change) error {
			once.Do(func() { close(connected) })
			w.trap.onChange(c)
			return nil
		})
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
	select {
	case <-connected:
	case <-time.After(house.Patience):
		w.t.Fatal("the feed does not begin")
	}
}

// release makes the edit that the story begins with.
func (w *world) release(s story) {
	w.t.Helper()
	if s != releases {
		w.write("v2", s == rollsBack)
		return
	}
	if err := os.Remove(filepath.Join(w.dir, "canary.yaml")); err != nil {
		w.t.Fatal(err)
	}
}

// servesAlone asks every pod that the dead daemon has left, and returns those that answer.
func (w *world) servesAlone(m moment) []house.Pod {
	w.t.Helper()
	var serving []house.Pod
	for _, p := range house.Pods(w.t, w.data) {
		// A process whose daemon died before it could note it down belongs to nobody, and has never got a request.
		noted := strings.Contains(w.first, fmt.Sprintf(" pid=%d\n", p.PID))
		if v := p.Version(w.t); v != "" && noted {
			serving = append(serving, p)
		}
	}
	if len(serving) == 0 && m.phase != rollout.Initializing {
		w.t.Errorf("no pod answers after the kill: %v", house.Pods(w.t, w.data))
	}
	return serving
}

// adopted says that pods which served without a daemon are served by the next one, unless it has ended them by intent.
func (w *world) adopted(pods []house.Pod) {
	w.t.Helper()
	for _, p := range pods {
		short := p.Name[strings.LastIndexByte(p.Name, '/')+1:]
		house.Until(w.t, "pod "+short+" lives or was ended by the daemon", func() (string, bool) {
			log := w.d.Log()
			return log, p.Alive(w.t, w.data) || strings.Contains(log, "Ended a pod target=default/web pod="+short+" ")
		})
	}
}

// rest waits until the release is over and returns the version that has to answer from then on.
func (w *world) rest(m moment) string {
	w.t.Helper()
	expected, outcome, phase := "v2", rollout.OutcomeSucceeded, rollout.Succeeded
	switch m.story {
	case promotes:
	case rollsBack:
		expected, outcome, phase = "v1", rollout.OutcomeFailed, rollout.Failed
	case releases:
		house.Until(w.t, "the release of the canary", func() (string, bool) {
			all, err := w.d.Client.Canaries(w.t.Context(), "")
			pods := house.Pods(w.t, w.data)
			return fmt.Sprint(all, err, pods, w.d.Log()), err == nil && len(all) == 0 && len(pods) == 1
		})
		return "v1"
	}
	d := w.until("the end of the release", atRest(phase))
	if d.Run.Outcome != outcome {
		w.t.Errorf("the run is %s, not %s: %s", d.Run.Outcome, outcome, d.Run.Message)
	}
	runs, err := w.d.Client.Runs(w.t.Context(), key())
	if err != nil || len(runs) != 1 || runs[0].Outcome != outcome {
		w.t.Errorf("the history has %+v, %v; want one run that is %s", runs, err, outcome)
	}
	house.Until(w.t, "one pod", func() (string, bool) {
		pods := house.Pods(w.t, w.data)
		return fmt.Sprint(pods), len(pods) == 1
	})
	return expected
}

// judge looks at every request: none may be lost but while no daemon was there, and once the release is over only
// the right version answers.
func (w *world) judge(answers []load.Answer, ready, rested time.Time, expected string) {
	w.t.Helper()
	late := 0
	for _, a := range answers {
		switch {
		case a.Lost != "" && (a.At.After(ready) || !w.trap.at.IsZero() && a.At.Add(a.Latency).Before(w.trap.at)):
			w.t.Errorf("a request was lost while a daemon was there: %+v (killed %s, ready again %s)\n%s\n%s", a, w.trap.at, ready, w.first, w.d.Log())
		case a.At.After(rested) && a.Version != expected:
			w.t.Errorf("version %q answered after the end, not %s: %+v", a.Version, expected, a)
		case a.At.After(rested):
			late++
		}
	}
	if late < 20 {
		w.t.Errorf("only %d requests tell what is served at the end", late)
	}
}

// leavesNothing ends the daemon and looks for what is left.
func (w *world) leavesNothing() {
	w.t.Helper()
	w.d.End(w.t)
	if left := house.Pods(w.t, w.data); len(left) > 0 {
		w.t.Errorf("processes are left: %v", left)
	}
	if strings.Contains(w.d.Log(), "DATA RACE") {
		w.t.Error(w.d.Log())
	}
}
