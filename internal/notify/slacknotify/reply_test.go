package slacknotify_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/slacknotify"
)

func TestReply(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reply string
		kind  fault.Kind
		want  string
	}{
		"taken":       {`{"ok":true,"ts":"1.2"}`, "", ""},
		"a word":      {`ok`, "", ""},
		"nothing":     {``, "", ""},
		"another":     {`{"result":1}`, "", ""},
		"no channel":  {`{"ok":false,"error":"channel_not_found"}`, fault.Invalid, "refused the message: channel_not_found"},
		"no rights":   {`{"ok":false,"error":"not_in_channel"}`, fault.Denied, "refused the message: not_in_channel"},
		"too many":    {`{"ok":false,"error":"ratelimited"}`, fault.Unavailable, "refused the message: ratelimited"},
		"no reason":   {`{"ok":false}`, fault.Invalid, "refused the message: it gave no reason"},
		"odd reasons": {`{"ok":false,"error":"xoxb-hunter2 is revoked"}`, fault.Invalid, "refused the message: it gave no reason"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.reply) }))
			t.Cleanup(s.Close)
			d, err := slacknotify.New(slacknotify.Config{Address: s.URL, Token: "xoxb-hunter2", Channel: "c"}, courier.Options{})
			if err != nil {
				t.Fatal(err)
			}
			err = d.Send(t.Context(), notify.Message{})
			if fault.KindOf(err) != c.kind || (c.want != "" && !strings.HasSuffix(err.Error(), c.want)) {
				t.Errorf("want %q %q, have %q %v", c.kind, c.want, fault.KindOf(err), err)
			}
		})
	}
}
