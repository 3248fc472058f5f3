package webhooknotify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/notifytest"
)

// driver is a driver as a function.
type driver func(ctx context.Context, m notify.Message) error

func (d driver) Send(ctx context.Context, m notify.Message) error { return d(ctx, m) }

// defect breaks a harness whose driver is good.
type defect struct {
	law  string
	make func(t *testing.T, h *notifytest.Harness)
}

// posting breaks the driver: this one posts what body makes and judges answers by judge.
func posting(body func(notify.Message) any, judge func(*http.Response) error) func(*testing.T, *notifytest.Harness) {
	return func(t *testing.T, h *notifytest.Harness) {
		t.Helper()
		r := couriertest.New(t)
		h.Let = r.Disturb
		h.Received = func() []notifytest.Received {
			var got []notifytest.Received
			for _, q := range r.Requests() {
				one, _ := hook().read(q.Body)
				one.Body = q.Body
				got = append(got, one)
			}
			return got
		}
		h.Driver = driver(func(ctx context.Context, m notify.Message) error {
			text, err := json.Marshal(body(m))
			if err != nil {
				return err
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL()+path, bytes.NewReader(text))
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

// short is a body without most of what is documented.
func short(m notify.Message) any {
	return courier.Payload{Name: m.Name, EventID: m.Event.ID}
}

// whole is a body without limits.
func whole(m notify.Message) any {
	return courier.Payload{
		Name: m.Name, Namespace: m.Namespace, EventID: m.Event.ID, Type: "event",
		Metadata: map[string]string{"team": "checkout", "timestamp": "1", "eventMessage": strings.Repeat(m.Event.Message, 10)},
	}
}

// numbered makes bodies that count.
func numbered() func(notify.Message) any {
	n := 0
	return func(m notify.Message) any {
		n++
		return courier.Payload{Name: m.Name, EventID: m.Event.ID, Run: fmt.Sprint(n)}
	}
}

func status(resp *http.Response) error {
	if resp.StatusCode >= http.StatusBadRequest {
		words, _ := io.ReadAll(resp.Body)
		return fault.Errorf(fault.Invalid, "status %d: %s", resp.StatusCode, strings.TrimSpace(string(words)))
	}
	return nil
}

func patient(resp *http.Response) error {
	_, err := io.Copy(io.Discard, resp.Body)
	return err
}

// turning turns the errors of one kind into others.
func turning(from, into fault.Kind) func(*testing.T, *notifytest.Harness) {
	return func(t *testing.T, h *notifytest.Harness) {
		t.Helper()
		good := h.Driver
		h.Driver = driver(func(ctx context.Context, m notify.Message) error {
			err := good.Send(ctx, m)
			if err != nil && fault.KindOf(err) == from {
				return fault.Errorf(into, "%s", err.Error())
			}
			return err
		})
	}
}

func defects() map[string]defect {
	return map[string]defect{
		"sends half of the body":         {"bodies are valid and as on record", posting(short, status)},
		"counts":                         {"the same message has the same body", posting(numbered(), status)},
		"does not cut":                   {"long messages are cut to the limits", posting(whole, status)},
		"takes 403 for a mistake":        {"each refusal has its kind", turning(fault.Denied, fault.Invalid)},
		"takes 404 for something else":   {"each refusal has its kind", turning(fault.Invalid, fault.Unavailable)},
		"drops the delay":                {"the delay that a receiver names is passed on", turning(fault.Unavailable, fault.Unavailable)},
		"gives an overloaded one up":     {"the delay that a receiver names is passed on", turning(fault.Unavailable, fault.Invalid)},
		"follows redirects":              {"a redirect is not followed", posting(short, status)},
		"reads whatever comes":           {"the body of an answer is bounded", posting(short, patient)},
		"repeats what the receiver says": {"no secret is in an error", posting(short, status)},
		"goes around the proxy": {"a proxy is used", func(_ *testing.T, h *notifytest.Harness) {
			h.Remote.Proxied = h.Driver
		}},
		"trusts everybody": {"certificates are checked unless told otherwise", func(_ *testing.T, h *notifytest.Harness) {
			h.Remote.Encrypted = h.Remote.Trusting
		}},
		"trusts nobody": {"certificates are checked unless told otherwise", func(_ *testing.T, h *notifytest.Harness) {
			h.Remote.Trusting = h.Remote.Encrypted
		}},
		"has other bodies on record": {"bodies are valid and as on record", func(_ *testing.T, h *notifytest.Harness) {
			h.Remote.Golden = func(string, []byte) error { return errors.New("differs") }
		}},
	}
}

func TestEachLawCatchesABrokenDriver(t *testing.T) {
	t.Parallel()
	caught := map[string]bool{}
	for name, d := range defects() {
		for _, law := range notifytest.Laws() {
			if law.Name != d.law {
				continue
			}
			caught[law.Name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h := newHarness(t, hook())
				d.make(t, &h)
				if err := law.Check(t.Context(), h); err == nil {
					t.Errorf("a driver that %s obeys the law %q", name, law.Name)
				}
			})
		}
	}
	for _, law := range notifytest.Laws() {
		if law.Remote && !caught[law.Name] {
			t.Errorf("no broken driver breaks the law %q", law.Name)
		}
	}
}
