package webhooknotify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/notifytest"
	"github.com/serin-dev/serin/internal/notify/webhooknotify"
	"github.com/serin-dev/serin/internal/rollout"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them") //nolint:gochecknoglobals // a flag of the test binary

const (
	authorization = "Bearer t0ken-of-the-receiver"
	path          = "/hooks/B0SECRET?key=hunter2"
)

// kind is one of the two bodies that this package knows.
type kind struct {
	name     string
	make     func(address string, o courier.Options) (*webhooknotify.Driver, error)
	read     func(body []byte) (notifytest.Received, error)
	severity func(rollout.Severity) string
}

func hook() kind {
	return kind{
		name: "hook",
		make: func(address string, o courier.Options) (*webhooknotify.Driver, error) {
			return webhooknotify.New(webhooknotify.Hook{
				URL: address, Type: rollout.EventHook, Metadata: map[string]string{"team": "checkout", "eventType": "mine"},
			}, o)
		},
		read: func(body []byte) (notifytest.Received, error) {
			var p courier.Payload
			err := strict(body, &p)
			if p.Metadata["team"] != "checkout" || p.Namespace != "shop" || p.Name != "podinfo" || p.Type != "event" {
				err = errors.Join(err, errors.New("what every payload has is missing"))
			}
			if _, parse := strconv.ParseInt(p.Metadata["timestamp"], 10, 64); parse != nil {
				err = errors.Join(err, parse)
			}
			return notifytest.Received{ID: p.EventID, Severity: p.Metadata["eventType"], Text: p.Metadata["eventMessage"]}, err
		},
		severity: func(s rollout.Severity) string {
			return map[rollout.Severity]string{rollout.Info: "Normal", rollout.Warn: "Warning", rollout.Loud: "Warning"}[s]
		},
	}
}

func alert() kind {
	return kind{
		name: "alert",
		make: webhooknotify.NewAlert,
		read: func(body []byte) (notifytest.Received, error) {
			var a struct {
				Canary    string        `json:"canary"`
				Namespace string        `json:"namespace"`
				Target    string        `json:"target"`
				Event     rollout.Event `json:"event"`
			}
			err := strict(body, &a)
			if a.Canary != "podinfo" || a.Namespace != "shop" || a.Target != "podinfo-v2" {
				err = errors.Join(err, errors.New("the canary is missing"))
			}
			return notifytest.Received{ID: a.Event.ID, Severity: string(a.Event.Severity), Text: a.Event.Message}, err
		},
		severity: func(s rollout.Severity) string { return string(s) },
	}
}

func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func newHarness(t *testing.T, k kind) notifytest.Harness {
	t.Helper()
	o := courier.Options{Authorization: authorization}
	driver := func(address string, o courier.Options) *webhooknotify.Driver {
		d, err := k.make(address, o)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	plain, proxy, encrypted := couriertest.New(t), couriertest.New(t), couriertest.NewTLS(t)
	return notifytest.Harness{
		Driver: driver(plain.URL()+path, o),
		Let:    plain.Disturb,
		Received: func() []notifytest.Received {
			var got []notifytest.Received
			for _, r := range plain.Requests() {
				// What cannot be read arrives without an id, which is what the laws then see.
				one, _ := k.read(r.Body)
				one.Body = r.Body
				got = append(got, one)
			}
			return got
		},
		Severity: k.severity,
		Remote: &notifytest.Remote{
			Secrets: []string{"t0ken-of-the-receiver", "B0SECRET", "hunter2"},
			Valid: func(body []byte) error {
				_, err := k.read(body)
				return err
			},
			Golden:    notifytest.Golden(filepath.Join("testdata", k.name), *update),
			Proxied:   driver("http://receiver.invalid"+path, courier.Options{Proxy: proxy.URL()}),
			Passed:    func() int { return len(proxy.Requests()) },
			Encrypted: driver(encrypted.URL()+path, o),
			Trusting:  driver(encrypted.URL()+path, courier.Options{InsecureSkipVerify: true}),
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{hook(), alert()} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness {
				t.Helper()
				return newHarness(t, k)
			})
		})
	}
}

func TestPostRollout(t *testing.T) {
	t.Parallel()
	cases := map[rollout.Outcome]string{
		rollout.OutcomeSucceeded: "Succeeded", rollout.OutcomeFailed: "Failed", rollout.OutcomeAborted: "Failed",
	}
	for ending, phase := range cases {
		r := couriertest.New(t)
		d, err := webhooknotify.New(webhooknotify.Hook{URL: r.URL(), Type: rollout.PostRollout}, courier.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Send(t.Context(), notify.Message{Event: rollout.Event{
			ID: "1", At: time.UnixMilli(1_700_000_000_123), Type: rollout.RunEnded, Phase: rollout.Finalising, Ending: ending, Message: "it ended",
		}})
		if err != nil {
			t.Fatal(err)
		}
		var p courier.Payload
		if err := strict(r.Requests()[0].Body, &p); err != nil {
			t.Fatal(err)
		}
		if p.Phase != phase || p.Type != "post-rollout" || p.Metadata["timestamp"] != "1700000000123" {
			t.Errorf("%s arrives as %+v", ending, p)
		}
	}
}

func TestValuesThatJSONDoesNotHave(t *testing.T) {
	t.Parallel()
	r := couriertest.New(t)
	d, err := webhooknotify.NewAlert(r.URL(), courier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := rollout.Event{ID: "1", Results: []analysis.Result{{Value: math.NaN()}, {Value: math.Inf(1)}}}
	if err := d.Send(t.Context(), notify.Message{Event: e}); err != nil {
		t.Fatal(err)
	}
	if body := string(r.Requests()[0].Body); strings.Count(body, `"value":0`) != 2 {
		t.Error(body)
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{hook(), alert()} {
		if _, err := k.make("receiver/secret", courier.Options{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}
