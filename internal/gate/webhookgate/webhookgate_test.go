package webhookgate_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/gate/gatetest"
	"github.com/serin-dev/serin/internal/gate/webhookgate"
	"github.com/serin-dev/serin/internal/rollout"
)

const (
	authorization = "Bearer t0ken-of-the-hook"
	path          = "/hooks/B0SECRET?key=hunter2"
)

// harness is a hook on a real server; wrap may break its driver.
type harness struct {
	receiver *couriertest.Receiver
	driver   *webhookgate.Driver
	wrap     func(h *harness, good gate.Driver) gate.Driver
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	r := couriertest.New(t)
	d, err := webhookgate.New(webhookgate.Config{
		URL: r.URL() + path, Namespace: gatetest.Namespace, Name: gatetest.Name, Metadata: gatetest.Metadata(),
	}, courier.Options{Authorization: authorization})
	if err != nil {
		t.Fatal(err)
	}
	return &harness{r, d, func(_ *harness, good gate.Driver) gate.Driver { return good }}
}

func (h *harness) Driver() gate.Driver { return h.wrap(h, h.driver) }
func (h *harness) Caps() gatetest.Caps { return gatetest.Caps{Remote: true} }
func (h *harness) Secrets() []string {
	return []string{authorization, "t0ken-of-the-hook", "B0SECRET", "hunter2"}
}

func (h *harness) Let(b gatetest.Behaviour) {
	troubles := map[gatetest.Behaviour]couriertest.Trouble{
		gatetest.Yes: couriertest.Calm, gatetest.No: couriertest.Forbidden, gatetest.Missing: couriertest.Down,
		gatetest.Hanging: couriertest.Hanging, gatetest.Unknown: couriertest.Missing,
		gatetest.Overloaded: couriertest.Overloaded, gatetest.Failing: couriertest.Failing,
		gatetest.Endless: couriertest.Endless, gatetest.Redirecting: couriertest.Redirecting,
		gatetest.Gossiping: couriertest.Gossiping,
	}
	h.receiver.Disturb(troubles[b])
}

func (h *harness) Received() []gatetest.Received {
	var got []gatetest.Received
	for _, r := range h.receiver.Requests() {
		var body struct {
			EventID string `json:"eventId"`
		}
		// A body that cannot be read has no id, which is what the laws then see.
		_ = json.Unmarshal(r.Body, &body)
		got = append(got, gatetest.Received{ID: body.EventID, Authorization: r.Header.Get("Authorization"), Body: r.Body})
	}
	return got
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatetest.Run(t, func(t *testing.T) gatetest.Harness {
		t.Helper()
		return newHarness(t)
	})
}

// driver is a driver as a function.
type driver func(ctx context.Context, a rollout.Ask) error

func (d driver) Ask(ctx context.Context, a rollout.Ask) error { return d(ctx, a) }

// client is a driver as somebody in a hurry writes it.
func client(body func(rollout.Ask) any, judge func(*http.Response) error) func(*harness, gate.Driver) gate.Driver {
	return func(h *harness, _ gate.Driver) gate.Driver {
		return driver(func(ctx context.Context, a rollout.Ask) error {
			text, err := json.Marshal(body(a))
			if err != nil {
				return err
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.receiver.URL()+path, strings.NewReader(string(text)))
			if err != nil {
				return err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			return judge(resp)
		})
	}
}

func hasty(a rollout.Ask) any {
	return map[string]any{"name": gatetest.Name, "namespace": gatetest.Namespace, "eventId": a.ID}
}

func status(resp *http.Response) error {
	if resp.StatusCode >= http.StatusBadRequest {
		words, _ := io.ReadAll(resp.Body)
		return fault.Errorf(fault.Denied, "status %d: %s", resp.StatusCode, strings.TrimSpace(string(words)))
	}
	return nil
}

func whole(resp *http.Response) error {
	_, err := io.ReadAll(io.LimitReader(resp.Body, 1<<40))
	return err
}

// turning makes a driver that turns one kind of error into another.
func turning(from, into fault.Kind) func(*harness, gate.Driver) gate.Driver {
	return func(_ *harness, good gate.Driver) gate.Driver {
		return driver(func(ctx context.Context, a rollout.Ask) error {
			err := good.Ask(ctx, a)
			if err != nil && fault.KindOf(err) == from {
				return fault.Errorf(into, "%s", err.Error())
			}
			return err
		})
	}
}

func TestEachLawCatchesABrokenDriver(t *testing.T) {
	t.Parallel()
	defects := map[string]struct {
		law  string
		make func(*harness, gate.Driver) gate.Driver
	}{
		"sends half of the body":     {"the body is that of the Canary API", client(hasty, status)},
		"forgets the authorization":  {"the authorization is sent", client(hasty, status)},
		"follows redirects":          {"a redirect is a no and is not followed", client(hasty, status)},
		"takes 404 for no answer":    {"another answer is a no", turning(fault.Denied, fault.Unavailable)},
		"takes 500 for a no":         {"a failing hook has not answered", turning(fault.Unavailable, fault.Denied)},
		"drops the delay":            {"the delay that a hook names is passed on", turning(fault.Unavailable, fault.Unavailable)},
		"reads whatever comes":       {"the body of an answer is not waited for", client(hasty, whole)},
		"repeats what the hook says": {"no secret is in an error", client(hasty, status)},
	}
	caught := map[string]bool{}
	for name, d := range defects {
		for _, law := range gatetest.Laws() {
			if law.Name != d.law {
				continue
			}
			caught[law.Name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := newHarness(t)
				h.wrap = d.make
				if err := law.Check(t.Context(), h); err == nil {
					t.Errorf("a driver that %s obeys the law %q", name, law.Name)
				}
			})
		}
	}
	for _, law := range gatetest.Laws() {
		if law.Remote && !caught[law.Name] {
			t.Errorf("no broken driver breaks the law %q", law.Name)
		}
	}
}

func TestMetadataIsNeverNull(t *testing.T) {
	t.Parallel()
	r := couriertest.New(t)
	d, err := webhookgate.New(webhookgate.Config{URL: r.URL()}, courier.Options{Reply: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ask(t.Context(), gatetest.Question("1")); err != nil {
		t.Fatal(err)
	}
	if body := string(r.Requests()[0].Body); !strings.Contains(body, `"metadata":{}`) {
		t.Error(body)
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	if _, err := webhookgate.New(webhookgate.Config{URL: "hooks/secret"}, courier.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
}
