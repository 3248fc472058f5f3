package workload_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
)

// script is a driver that answers what it was told to, and counts its calls.
type script struct {
	seen  rollout.Workload
	err   error
	calls []string
	// hang lets no call come back before its context ends.
	hang bool
}

func (s *script) call(ctx context.Context, what string) error {
	s.calls = append(s.calls, what)
	if s.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.err
}

func (s *script) Observe(ctx context.Context) (rollout.Workload, error) {
	return s.seen, s.call(ctx, "observe")
}
func (s *script) Pin(ctx context.Context, _ string) error { return s.call(ctx, "pin") }
func (s *script) Promote(ctx context.Context, _ rollout.PromoteTo) error {
	return s.call(ctx, "promote")
}
func (s *script) Resize(ctx context.Context, _ rollout.Action) error { return s.call(ctx, "resize") }
func (s *script) Release(ctx context.Context, _ bool) error          { return s.call(ctx, "release") }

func wrap(t *testing.T, s *script) *workload.Workload {
	t.Helper()
	w, err := workload.New(s, workload.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWhatCannotBeTrueIsAProblem(t *testing.T) {
	t.Parallel()
	for reason, seen := range map[string]rollout.Workload{
		"a target without a revision": {Target: rollout.Target{Exists: true}},
		"fewer than no replicas":      {Target: rollout.Target{Replicas: -1}},
		"more ready than serving":     {Primary: rollout.Side{Ready: 2, Serving: 1}},
		"a negative floor":            {Canary: rollout.Side{Floor: -1}},
	} {
		got := wrap(t, &script{seen: seen}).Observe(t.Context())
		want := rollout.Workload{Problem: got.Problem}
		if diff := cmp.Diff(want, got); diff != "" || got.Problem == nil || got.Problem.Kind != fault.Invalid {
			t.Errorf("%s: problem %+v, rest (-want +got)\n%s", reason, got.Problem, diff)
		}
	}
	good := rollout.Workload{Target: rollout.Target{Exists: true, Revision: "r1"}, Primary: rollout.Side{Ready: 1, Serving: 2}}
	if diff := cmp.Diff(good, wrap(t, &script{seen: good}).Observe(t.Context())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAFailureIsAFact(t *testing.T) {
	t.Parallel()
	s := &script{err: fault.Errorf(fault.Denied, "no rights"), seen: rollout.Workload{Primary: rollout.Side{Exists: true}}}
	got := wrap(t, s).Observe(t.Context())
	want := rollout.Workload{Problem: &fault.Problem{Kind: fault.Denied, Message: "observe the workload: no rights"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatCannotBeMeantNeverReachesTheDriver(t *testing.T) {
	t.Parallel()
	s := &script{}
	w := wrap(t, s)
	for reason, do := range map[string]func(context.Context) error{
		"pin nothing":     func(ctx context.Context) error { return w.Pin(ctx, "") },
		"promote nothing": func(ctx context.Context) error { return w.Promote(ctx, rollout.PromoteTo{}) },
		"no such side":    func(ctx context.Context) error { return w.Resize(ctx, rollout.Scale{Side: "x"}) },
		"fewer than none": func(ctx context.Context) error {
			return w.Resize(ctx, rollout.Scale{Side: rollout.PrimarySide, Replicas: -1})
		},
		"of no revision": func(ctx context.Context) error {
			return w.Resize(ctx, rollout.Scale{Side: rollout.CanarySide, Replicas: 1})
		},
		"a negative floor": func(ctx context.Context) error { return w.Resize(ctx, rollout.Floor{Replicas: -1}) },
		"no size at all":   func(ctx context.Context) error { return w.Resize(ctx, rollout.Wake{}) },
	} {
		if err := do(t.Context()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if len(s.calls) > 0 {
		t.Errorf("the driver was called: %q", s.calls)
	}
}

func TestEachCallHasADeadlineAndSaysWhatWasAttempted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := wrap(t, &script{hang: true})
		calls := map[string]func(context.Context) error{
			"pin revision r1":     func(ctx context.Context) error { return w.Pin(ctx, "r1") },
			"promote revision r1": func(ctx context.Context) error { return w.Promote(ctx, rollout.PromoteTo{Revision: "r1"}) },
			"restore revision r1": func(ctx context.Context) error {
				return w.Promote(ctx, rollout.PromoteTo{Revision: "r1", Restore: true})
			},
			"scale the canary to 0": func(ctx context.Context) error { return w.Resize(ctx, rollout.Scale{Side: rollout.CanarySide}) },
			"hold the primary at 2": func(ctx context.Context) error { return w.Resize(ctx, rollout.Floor{Replicas: 2}) },
			"release the target":    func(ctx context.Context) error { return w.Release(ctx, true) },
		}
		for want, do := range calls {
			began := time.Now()
			err := do(t.Context())
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), want+": ") || took != 15*time.Second {
				t.Errorf("%s: %v after %s", want, err, took)
			}
		}
		began := time.Now()
		if p := w.Observe(t.Context()).Problem; p == nil || p.Kind != fault.Unavailable || time.Since(began) != 5*time.Second {
			t.Errorf("observe: %+v after %s", p, time.Since(began))
		}
	})
}

func TestNewRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := workload.New(nil, workload.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no driver: %v", err)
	}
	if _, err := workload.New(&script{}, workload.Options{Act: -1}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("negative deadline: %v", err)
	}
}
