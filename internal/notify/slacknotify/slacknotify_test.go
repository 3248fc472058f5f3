package slacknotify_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/notifytest"
	"github.com/serin-dev/serin/internal/notify/slacknotify"
	"github.com/serin-dev/serin/internal/rollout"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them") //nolint:gochecknoglobals // a flag of the test binary

const path = "/services/T0TEAM/B0BOT/x0xSECRETx0x"

// account is how a driver gets into Slack.
type account struct {
	name   string
	config slacknotify.Config
	secret string
}

func accounts() []account {
	return []account{
		{"webhook", slacknotify.Config{Channel: "#releases", Username: "serin"}, "x0xSECRETx0x"},
		{"token", slacknotify.Config{Channel: "C0CHANNEL", Token: "xoxb-hunter2"}, "xoxb-hunter2"},
	}
}

func (a account) driver(t *testing.T, address string, o courier.Options) *slacknotify.Driver {
	t.Helper()
	c := a.config
	c.Address = address + path
	d, err := slacknotify.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newHarness(t *testing.T, a account) notifytest.Harness {
	t.Helper()
	plain, proxy, encrypted := couriertest.New(t), couriertest.New(t), couriertest.NewTLS(t)
	return notifytest.Harness{
		Driver: a.driver(t, plain.URL(), courier.Options{}),
		Let:    plain.Disturb,
		Received: func() []notifytest.Received {
			var got []notifytest.Received
			for _, r := range plain.Requests() {
				got = append(got, read(r.Body))
			}
			return got
		},
		Severity: func(s rollout.Severity) string {
			return map[rollout.Severity]string{rollout.Info: "good", rollout.Warn: "warning", rollout.Loud: "danger"}[s]
		},
		Remote: &notifytest.Remote{
			Secrets:   []string{a.secret, "x0xSECRETx0x"},
			Valid:     valid,
			Golden:    notifytest.Golden(filepath.Join("testdata", a.name), *update),
			Proxied:   a.driver(t, "http://hooks.invalid", courier.Options{Proxy: proxy.URL()}),
			Passed:    func() int { return len(proxy.Requests()) },
			Encrypted: a.driver(t, encrypted.URL(), courier.Options{}),
			Trusting:  a.driver(t, encrypted.URL(), courier.Options{InsecureSkipVerify: true}),
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, a := range accounts() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			notifytest.Run(t, func(t *testing.T) notifytest.Harness {
				t.Helper()
				return newHarness(t, a)
			})
		})
	}
}

func TestMarkupOfOthersIsNotSent(t *testing.T) {
	t.Parallel()
	r := couriertest.New(t)
	d := accounts()[0].driver(t, r.URL(), courier.Options{})
	evil := "<!channel> <@U0BOSS> <https://evil.example|click>"
	m := notify.Message{Subject: notify.Subject{Namespace: evil, Name: evil, Target: evil}, Event: rollout.Event{
		ID: evil, Message: evil, Reason: evil, By: evil, Run: evil, Revision: evil, Phase: rollout.Phase(evil), Ending: rollout.Outcome(evil),
	}}
	if err := d.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	body := r.Requests()[0].Body
	for _, s := range texts(t, body) {
		if strings.ContainsAny(s, "<>") {
			t.Errorf("markup is in %q", s)
		}
	}
	if err := valid(body); err != nil {
		t.Error(err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	r := couriertest.New(t)
	if err := accounts()[1].driver(t, r.URL(), courier.Options{}).Send(t.Context(), notify.Message{}); err != nil {
		t.Fatal(err)
	}
	if have := r.Requests()[0].Header.Get("Authorization"); have != "Bearer xoxb-hunter2" {
		t.Errorf("the authorization is %q", have)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	cases := map[string]slacknotify.Config{
		"no address":              {},
		"a token without channel": {Address: "https://slack.example/api/chat.postMessage", Token: "xoxb-1"},
		"a token of two lines":    {Address: "https://slack.example/api/chat.postMessage", Token: "xoxb-1\n", Channel: "c"},
	}
	for name, c := range cases {
		if _, err := slacknotify.New(c, courier.Options{}); fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "xoxb") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
