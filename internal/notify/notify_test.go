package notify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/memnotify"
	"github.com/serin-dev/serin/internal/rollout"
)

func subject() notify.Subject {
	return notify.Subject{Namespace: "shop", Name: "podinfo", Target: "podinfo"}
}

func made(t *testing.T, routes ...notify.Route) *notify.Notifier {
	t.Helper()
	n, err := notify.New(subject(), routes, notify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ids lists the events that arrived.
func ids(r *memnotify.Receiver) []string {
	var told []string
	for _, m := range r.Told() {
		told = append(told, m.Event.ID)
	}
	return told
}

func event(id string) rollout.Event {
	return rollout.Event{ID: id, Type: rollout.RunStarted, Severity: rollout.Info}
}

// busy is a failure that may pass.
func busy(after time.Duration) error {
	return &fault.Error{Kind: fault.Unavailable, RetryAfter: after, Err: errors.New("busy")}
}

func TestWhoIsToldWhat(t *testing.T) {
	t.Parallel()
	events := []rollout.Event{
		{ID: "initialized", Type: rollout.PhaseChanged, Phase: rollout.Initialized},
		{ID: "progressing", Type: rollout.PhaseChanged, Severity: rollout.Info, Phase: rollout.Progressing},
		{ID: "started", Type: rollout.RunStarted, Severity: rollout.Info},
		{ID: "wanted", Type: rollout.WeightWanted, Severity: rollout.Info},
		{ID: "acked", Type: rollout.WeightAcked, Severity: rollout.Info},
		{ID: "checked", Type: rollout.Checked, Severity: rollout.Warn},
		{ID: "closed", Type: rollout.GateClosed, Severity: rollout.Warn, Reason: "approval"},
		{ID: "muted", Type: rollout.GateClosed, Severity: rollout.Warn, Reason: "quiet"},
		{ID: "opened", Type: rollout.GateOpened, Severity: rollout.Info},
		{ID: "command", Type: rollout.CommandTaken, Severity: rollout.Info},
		{ID: "refused", Type: rollout.CommandRefused, Severity: rollout.Info},
		{ID: "verdict", Type: rollout.VerdictReached, Severity: rollout.Loud, Ending: rollout.OutcomeFailed},
		{ID: "written", Type: rollout.PrimaryWritten, Severity: rollout.Info},
		{ID: "restored", Type: rollout.PrimaryRestored, Severity: rollout.Info},
		{ID: "warning", Type: rollout.Warning, Severity: rollout.Loud, Reason: "quiet"},
		{ID: "succeeded", Type: rollout.RunEnded, Severity: rollout.Info, Ending: rollout.OutcomeSucceeded},
		{ID: "failed", Type: rollout.RunEnded, Severity: rollout.Loud, Ending: rollout.OutcomeFailed, Reason: "quiet"},
		{ID: "aborted", Type: rollout.RunEnded, Severity: rollout.Warn, Ending: rollout.OutcomeAborted},
		{ID: "superseded", Type: rollout.RunEnded, Severity: rollout.Warn, Ending: rollout.OutcomeSuperseded},
		{ID: "reverted", Type: rollout.RunEnded, Severity: rollout.Info, Ending: rollout.OutcomeReverted},
		{ID: "odd", Type: rollout.Warning, Severity: "fatal"},
	}
	var all []string
	for i := range events {
		all = append(all, events[i].ID)
	}
	people := slices.DeleteFunc(slices.Clone(all), func(id string) bool {
		return slices.Contains([]string{"progressing", "wanted", "checked", "muted", "refused", "written"}, id)
	})
	muted := []string{"quiet"}
	cases := map[string]struct {
		route func(notify.Driver) notify.Route
		want  []string
	}{
		"an event hook":     {func(d notify.Driver) notify.Route { return notify.EventHook("h", d) }, all},
		"post-rollout":      {func(d notify.Driver) notify.Route { return notify.PostRollout("h", d) }, []string{"succeeded", "failed", "aborted"}},
		"an alert":          {func(d notify.Driver) notify.Route { return notify.Alert("a", "", muted, d) }, people},
		"an alert of info":  {func(d notify.Driver) notify.Route { return notify.Alert("a", rollout.Info, muted, d) }, people},
		"an alert of warn":  {func(d notify.Driver) notify.Route { return notify.Alert("a", rollout.Warn, muted, d) }, []string{"closed", "verdict", "warning", "failed", "aborted", "superseded", "odd"}},
		"an alert of error": {func(d notify.Driver) notify.Route { return notify.Alert("a", rollout.Loud, muted, d) }, []string{"verdict", "warning", "failed", "odd"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := memnotify.New()
			n := made(t, c.route(r.Driver()))
			for _, e := range events {
				if err := n.Notify(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, ids(r)); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
			if m := r.Told()[0]; m.Subject != subject() {
				t.Errorf("the message is about %+v", m.Subject)
			}
		})
	}
}

func TestWhoHasAnEventIsNotToldAgain(t *testing.T) {
	t.Parallel()
	good, slow, never := memnotify.New(), memnotify.New(), memnotify.New()
	slow.Fail(busy(30 * time.Second))
	never.Fail(fault.Errorf(fault.Invalid, "status 404"))
	calls := 0
	counted := driver(func(ctx context.Context, m notify.Message) error {
		calls++
		return never.Driver().Send(ctx, m)
	})
	n := made(t, notify.Alert("never", "", nil, counted), notify.Alert("same", "", nil, good.Driver()),
		notify.Alert("same", "", nil, slow.Driver()), notify.EventHook("good", good.Driver()))
	err := n.Notify(t.Context(), event("1"))
	want := "alert never: status 404\nalert same: busy"
	if err == nil || err.Error() != want || fault.KindOf(err) != fault.Unavailable || fault.RetryAfter(err) != 30*time.Second {
		t.Errorf("the error is %q (%s, %s), want %q", err, fault.KindOf(err), fault.RetryAfter(err), want)
	}
	slow.Fail(nil)
	for range 3 {
		if err := n.Notify(t.Context(), event("1")); err != nil {
			t.Errorf("once everybody is done: %v", err)
		}
	}
	if diff := cmp.Diff([][]string{{"1", "1"}, {"1"}}, [][]string{ids(good), ids(slow)}); diff != "" || calls != 1 {
		t.Errorf("the one that refused was told %d times (-want +have):\n%s", calls, diff)
	}
	if err := n.Notify(t.Context(), event("2")); fault.KindOf(err) != fault.Invalid || calls != 2 {
		t.Errorf("another event: %v after %d calls", err, calls)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	r := memnotify.New()
	n, err := notify.New(subject(), []notify.Route{notify.EventHook("h", r.Driver())}, notify.Options{Remember: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2", "1", "3", "2", "1"} {
		if err := n.Notify(t.Context(), event(id)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "1"}, ids(r)); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}

// driver is a driver as a function.
type driver func(ctx context.Context, m notify.Message) error

func (d driver) Send(ctx context.Context, m notify.Message) error { return d(ctx, m) }

func TestOneThatHangsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging, good := memnotify.New(), memnotify.New()
		hanging.Hang()
		routes := []notify.Route{notify.EventHook("good", good.Driver())}
		for range 8 {
			r := notify.EventHook("hanging", hanging.Driver())
			r.Timeout = 3 * time.Second
			routes = append(routes, r)
		}
		n := made(t, append(routes, notify.EventHook("last", good.Driver()))...)
		began := time.Now()
		time.AfterFunc(time.Second, func() {
			if len(good.Told()) != 2 {
				t.Errorf("%d of the others were told", len(good.Told()))
			}
		})
		err := n.Notify(t.Context(), event("1"))
		if took := time.Since(began); took != 3*time.Second || fault.KindOf(err) != fault.Unavailable ||
			strings.Count(err.Error(), "hook hanging: no answer within 3s") != 8 {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestFanOutIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hanging := memnotify.New()
		hanging.Hang()
		var routes []notify.Route
		for range 6 {
			routes = append(routes, notify.EventHook("hanging", hanging.Driver()))
		}
		n, err := notify.New(subject(), routes, notify.Options{Parallel: 2})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := n.Notify(t.Context(), event("1")); err == nil || time.Since(began) != 3*10*time.Second {
			t.Errorf("six deliveries, two at once, took %s: %v", time.Since(began), err)
		}
	})
}

func TestPanicIsTheFailureOfOneReceiver(t *testing.T) {
	t.Parallel()
	good := memnotify.New()
	n := made(t, notify.EventHook("bad", driver(func(context.Context, notify.Message) error { panic("oh") })),
		notify.EventHook("good", good.Driver()))
	err := n.Notify(t.Context(), event("1"))
	if fault.KindOf(err) != fault.Unavailable || err.Error() != "hook bad: internal error: oh" || len(good.Told()) != 1 {
		t.Error(err)
	}
}

func TestBadRoutes(t *testing.T) {
	t.Parallel()
	d := memnotify.New().Driver()
	cases := map[string]struct {
		route notify.Route
		want  string
	}{
		"no name":          {notify.Route{Driver: d}, "a receiver of events has no name"},
		"no driver":        {notify.EventHook("h", nil), "the hook h has nothing that delivers to it"},
		"negative timeout": {notify.Route{Name: "alert a", Driver: d, Timeout: -1}, "the alert a has a negative timeout"},
		"odd severity":     {notify.Alert("a", "fatal", nil, d), `the alert a has the severity "fatal": write info, warn or error`},
	}
	for name, c := range cases {
		_, err := notify.New(subject(), []notify.Route{c.route}, notify.Options{})
		if fault.KindOf(err) != fault.Invalid || err.Error() != c.want {
			t.Errorf("%s: want %q, have %v", name, c.want, err)
		}
	}
}
