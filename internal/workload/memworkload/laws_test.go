package memworkload_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
	"github.com/serin-dev/serin/internal/workload/memworkload"
	"github.com/serin-dev/serin/internal/workload/workloadtest"
)

// broken is a driver with one defect: the methods that are set replace those of the good driver.
type broken struct {
	workload.Driver

	observe func(context.Context) (rollout.Workload, error)
	pin     func(context.Context, string) error
	promote func(context.Context, rollout.PromoteTo) error
	resize  func(context.Context, rollout.Action) error
	release func(context.Context, bool) error
}

func (b broken) Observe(ctx context.Context) (rollout.Workload, error) {
	if b.observe != nil {
		return b.observe(ctx)
	}
	return b.Driver.Observe(ctx)
}

func (b broken) Pin(ctx context.Context, revision string) error {
	if b.pin != nil {
		return b.pin(ctx, revision)
	}
	return b.Driver.Pin(ctx, revision)
}

func (b broken) Promote(ctx context.Context, p rollout.PromoteTo) error {
	if b.promote != nil {
		return b.promote(ctx, p)
	}
	return b.Driver.Promote(ctx, p)
}

func (b broken) Resize(ctx context.Context, a rollout.Action) error {
	if b.resize != nil {
		return b.resize(ctx, a)
	}
	return b.Driver.Resize(ctx, a)
}

func (b broken) Release(ctx context.Context, revert bool) error {
	if b.release != nil {
		return b.release(ctx, revert)
	}
	return b.Driver.Release(ctx, revert)
}

type maker func(t *memworkload.Target, d workload.Driver) broken

// defect breaks a good driver so that one law catches it.
type defect struct {
	law  string
	make maker
}

// observing breaks what an observation tells.
func observing(f func(*rollout.Workload)) maker {
	return func(_ *memworkload.Target, d workload.Driver) broken {
		return broken{Driver: d, observe: func(ctx context.Context) (rollout.Workload, error) {
			w, err := d.Observe(ctx)
			if err == nil {
				f(&w)
			}
			return w, err
		}}
	}
}

// promoting and resizing let something happen beside a good change.
func promoting(f func(context.Context, *memworkload.Target, rollout.PromoteTo) error) maker {
	return func(t *memworkload.Target, d workload.Driver) broken {
		return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error { return f(ctx, t, p) }}
	}
}

func releasing(f func(context.Context, *memworkload.Target, workload.Driver) error) maker {
	return func(t *memworkload.Target, d workload.Driver) broken {
		return broken{Driver: d, release: func(ctx context.Context, _ bool) error { return f(ctx, t, d) }}
	}
}

func resizing(f func(context.Context, workload.Driver, rollout.Action) error) maker {
	return func(_ *memworkload.Target, d workload.Driver) broken {
		return broken{Driver: d, resize: func(ctx context.Context, a rollout.Action) error { return f(ctx, d, a) }}
	}
}

func defects() map[string]defect {
	return map[string]defect{
		"repairs while it observes":        {"observing changes nothing", rescaler},
		"sees a target that is not there":  {"a missing target is told", observing(func(w *rollout.Workload) { w.Target.Exists, w.Target.Revision = true, "x" })},
		"takes replicas for a revision":    {"another template is another revision", observing(func(w *rollout.Workload) { w.Target.Revision += string(rune('0' + w.Target.Replicas)) })},
		"calls all templates one revision": {"another template is another revision", observing(func(w *rollout.Workload) { w.Target.Revision = "always" })},
		"forgets what it pinned":           {"pinning keeps a revision", observing(func(w *rollout.Workload) { w.Target.Pinned = nil })},
		"pins anything":                    {"pinning keeps a revision", pinsAnything},
		"promotes the live target":         {"what is not pinned cannot be promoted", promotesLive},
		"loses the answer":                 {"the first promotion creates the primary", promoting(func(context.Context, *memworkload.Target, rollout.PromoteTo) error { return nil })},
		"copies replicas":                  {"promotion copies the template and never replicas", copiesReplicas},
		"promotes what the target is now":  {"the pinned revision is promoted after the target moved on", promotesCurrent},
		"writes again":                     {"a second identical promotion changes nothing", writesAgain},
		"starts over":                      {"an interrupted promotion goes on", startsOver},
		"ends the old pods first":          {"a replacement keeps capacity", endsFirst},
		"counts old pods as ready":         {"readiness is of the revision", observing(func(w *rollout.Workload) { w.Primary.Ready = w.Primary.Serving })},
		"says nothing of why":              {"readiness is of the revision", observing(func(w *rollout.Workload) { w.Primary.Why = "" })},
		"lets the canary follow":           {"the canary runs the revision that it was scaled with", follower},
		"adds up":                          {"scaling twice changes nothing", addsUp},
		"scales both sides":                {"scaling to zero ends all pods of one side", scalesBoth},
		"keeps one pod":                    {"scaling to zero ends all pods of one side", keepsOne},
		"ignores what it cannot scale":     {"what does not exist cannot be scaled", resizing(ignoring(fault.NotFound))},
		"ignores a floor":                  {"an autoscaler is held to the floor", resizing(ignoring(fault.Unsupported))},
		"ends with its manifest":           {"the sides outlive a deleted target", observing(endsWithItsManifest)},
		"ends the primary first":           {"a release serves before the primary goes", endsThePrimaryFirst},
		"releases anew":                    {"a release twice changes nothing", releasesAnew},
		"leaves the canary":                {"a release without a target leaves nothing", releasing(func(context.Context, *memworkload.Target, workload.Driver) error { return nil })},
		"stays released":                   {"a released target can have a canary again", staysReleased()},
		"takes what is not its own":        {"somebody else's primary is left alone", robber},
		"ignores an ended context": {"an ended context ends the call", promoting(func(ctx context.Context, t *memworkload.Target, p rollout.PromoteTo) error {
			return t.Driver().Promote(context.WithoutCancel(ctx), p)
		})},
		"calls an ended context invalid": {"an ended context ends the call", invalidContext},
		"fails when two write":           {"concurrent calls leave one of their wishes", failsTogether()},
	}
}

func rescaler(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, observe: func(ctx context.Context) (rollout.Workload, error) {
		w, err := d.Observe(ctx)
		if err == nil && w.Primary.Exists {
			err = d.Resize(ctx, rollout.Scale{Side: rollout.CanarySide, Revision: w.Target.Revision, Replicas: 1 - w.Canary.Replicas})
		}
		return w, err
	}}
}

func pinsAnything(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, pin: func(ctx context.Context, revision string) error {
		err := d.Pin(ctx, revision)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	}}
}

func promotesLive(t *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		if err := t.Driver().Pin(ctx, p.Revision); err != nil {
			return err
		}
		return d.Promote(ctx, p)
	}}
}

func copiesReplicas(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		if err := d.Promote(ctx, p); err != nil {
			return err
		}
		w, err := d.Observe(ctx)
		if err != nil {
			return err
		}
		return d.Resize(ctx, rollout.Scale{Side: rollout.PrimarySide, Replicas: w.Target.Replicas})
	}}
}

func promotesCurrent(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		w, err := d.Observe(ctx)
		if err != nil {
			return err
		}
		if err := d.Pin(ctx, w.Target.Revision); err != nil {
			return err
		}
		return d.Promote(ctx, rollout.PromoteTo{Revision: w.Target.Revision, Restore: p.Restore})
	}}
}

func writesAgain(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		w, err := d.Observe(ctx)
		if err == nil && w.Primary.Exists && w.Primary.Revision == p.Revision {
			err = d.Resize(ctx, rollout.Scale{Side: rollout.PrimarySide, Replicas: w.Primary.Replicas + 1})
		}
		if err != nil {
			return err
		}
		return d.Promote(ctx, p)
	}}
}

func startsOver(_ *memworkload.Target, d workload.Driver) broken {
	// A restarted process has forgotten what it was about.
	begun := false
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		w, err := d.Observe(ctx)
		if err != nil || w.Primary.Exists && !begun {
			return err
		}
		begun = true
		return d.Promote(ctx, p)
	}}
}

func endsFirst(t *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		w, err := d.Observe(ctx)
		if err != nil || !w.Primary.Exists {
			return d.Promote(ctx, p)
		}
		for _, replicas := range []int{0, w.Primary.Replicas} {
			if err := d.Resize(ctx, rollout.Scale{Side: rollout.PrimarySide, Replicas: replicas}); err != nil {
				return err
			}
			t.Step()
		}
		return d.Promote(ctx, p)
	}}
}

func follower(t *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, observe: func(ctx context.Context) (rollout.Workload, error) {
		w, err := d.Observe(ctx)
		if err == nil && w.Canary.Replicas > 0 && w.Canary.Revision != w.Target.Revision {
			t.Run()
		}
		return w, err
	}}
}

func addsUp(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, resize: func(ctx context.Context, a rollout.Action) error {
		s, ok := a.(rollout.Scale)
		w, err := d.Observe(ctx)
		if err != nil || !ok {
			return err
		}
		s.Replicas += w.Canary.Replicas
		return d.Resize(ctx, s)
	}}
}

func scalesBoth(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, resize: func(ctx context.Context, a rollout.Action) error {
		if s, ok := a.(rollout.Scale); ok {
			s.Side = rollout.PrimarySide
			if err := d.Resize(ctx, s); err != nil {
				return err
			}
		}
		return d.Resize(ctx, a)
	}}
}

func keepsOne(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, resize: func(ctx context.Context, a rollout.Action) error {
		if s, ok := a.(rollout.Scale); ok {
			s.Replicas = max(1, s.Replicas)
			a = s
		}
		return d.Resize(ctx, a)
	}}
}

func ignoring(kind fault.Kind) func(context.Context, workload.Driver, rollout.Action) error {
	return func(ctx context.Context, d workload.Driver, a rollout.Action) error {
		err := d.Resize(ctx, a)
		if fault.KindOf(err) == kind {
			return nil
		}
		return err
	}
}

func endsWithItsManifest(w *rollout.Workload) {
	if !w.Target.Exists {
		w.Primary, w.Canary = rollout.Side{}, rollout.Side{}
	}
}

func endsThePrimaryFirst(t *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, release: func(ctx context.Context, revert bool) error {
		if err := d.Resize(ctx, rollout.Scale{Side: rollout.PrimarySide}); err != nil {
			return err
		}
		t.Step()
		return d.Release(ctx, revert)
	}}
}

func releasesAnew(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, release: func(ctx context.Context, revert bool) error {
		if err := d.Resize(ctx, rollout.Scale{Side: rollout.CanarySide}); err != nil {
			return err
		}
		return d.Release(ctx, revert)
	}}
}

// staysReleased makes drivers that ignore every promotion after a release.
func staysReleased() maker {
	released := false
	return func(_ *memworkload.Target, d workload.Driver) broken {
		return broken{Driver: d, release: func(ctx context.Context, revert bool) error {
			released = true
			return d.Release(ctx, revert)
		}, promote: func(ctx context.Context, p rollout.PromoteTo) error {
			if released {
				return nil
			}
			return d.Promote(ctx, p)
		}}
	}
}

func robber(t *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
		t.Seize(false)
		return d.Promote(ctx, p)
	}}
}

func invalidContext(_ *memworkload.Target, d workload.Driver) broken {
	return broken{Driver: d, pin: func(ctx context.Context, revision string) error {
		if err := d.Pin(ctx, revision); err != nil {
			return fault.Errorf(fault.Invalid, "%s", err.Error())
		}
		return nil
	}}
}

// failsTogether makes drivers of which no two promotions may overlap: the first waits for another one, which fails.
func failsTogether() maker {
	var mu sync.Mutex
	calls := 0
	return func(_ *memworkload.Target, d workload.Driver) broken {
		return broken{Driver: d, promote: func(ctx context.Context, p rollout.PromoteTo) error {
			mu.Lock()
			calls++
			n := calls
			mu.Unlock()
			if n == 3 {
				return fault.Errorf(fault.Unavailable, "another call is under way")
			}
			return d.Promote(ctx, p)
		}}
	}
}

func TestEachLawCatchesABrokenDriver(t *testing.T) {
	t.Parallel()
	var caught []string
	for name, d := range defects() {
		caught = append(caught, d.law)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := false
			for _, law := range workloadtest.Laws() {
				if law.Name != d.law {
					continue
				}
				found = true
				h := newHarness()
				h.patience = 200 * time.Millisecond
				h.wrap = func(target *memworkload.Target, good workload.Driver) workload.Driver { return d.make(target, good) }
				if err := law.Check(t.Context(), h); err == nil {
					t.Errorf("a driver that %s obeys the law %q", name, law.Name)
				} else {
					t.Log(err)
				}
			}
			if !found {
				t.Errorf("there is no law %q", d.law)
			}
		})
	}
	for _, law := range workloadtest.Laws() {
		if !slices.Contains(caught, law.Name) {
			t.Errorf("no broken driver breaks the law %q", law.Name)
		}
	}
}
