package slacknotify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/serin-dev/serin/internal/notify/notifytest"
)

// message is what Slack documents of the messages that are sent here.
type message struct {
	Channel     string       `json:"channel"`
	Username    string       `json:"username"`
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	Color    string  `json:"color"`
	Fallback string  `json:"fallback"`
	Blocks   []block `json:"blocks"`
}

type block struct {
	Type     string       `json:"type"`
	Text     *textObject  `json:"text"`
	Fields   []textObject `json:"fields"`
	Elements []textObject `json:"elements"`
}

type textObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
}

func decode(body []byte) (message, error) {
	var m message
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(&m)
	return m, err
}

// valid checks a body against the documented schema: which blocks there are, and how long their parts may be.
func valid(body []byte) error {
	m, err := decode(body)
	if err != nil {
		return err
	}
	var problems []error
	within := func(what, s string, limit int) {
		if n := utf8.RuneCountInString(s); n < 1 || n > limit {
			problems = append(problems, fmt.Errorf("%s has %d characters, not 1 to %d", what, n, limit))
		}
		if broken := regexp.MustCompile(`&(amp;|lt;|gt;)?`).ReplaceAllString(s, ""); strings.ContainsAny(broken, "<>") || strings.Contains(regexp.MustCompile(`&(amp|lt|gt);`).ReplaceAllString(s, ""), "&") {
			problems = append(problems, fmt.Errorf("%s has what is not escaped, or half of what is", what))
		}
	}
	within("text", m.Text, 4000)
	if len(m.Attachments) != 1 {
		return fmt.Errorf("%d attachments", len(m.Attachments))
	}
	a := m.Attachments[0]
	if !regexp.MustCompile(`^(good|warning|danger|#[0-9a-f]{6})$`).MatchString(a.Color) {
		problems = append(problems, fmt.Errorf("the colour is %q", a.Color))
	}
	within("fallback", a.Fallback, 4000)
	if len(a.Blocks) == 0 || len(a.Blocks) > 50 {
		problems = append(problems, fmt.Errorf("%d blocks", len(a.Blocks)))
	}
	for _, b := range a.Blocks {
		problems = append(problems, b.valid(within))
	}
	return errors.Join(problems...)
}

func (b block) valid(within func(what, s string, limit int)) error {
	all := append(append([]textObject(nil), b.Fields...), b.Elements...)
	switch {
	case b.Type == "section" && b.Text != nil && len(b.Fields) == 0 && b.Elements == nil:
		within("a section", b.Text.Text, 3000)
		all = append(all, *b.Text)
	case b.Type == "section" && b.Text == nil && len(b.Fields) >= 1 && len(b.Fields) <= 10 && b.Elements == nil:
		for _, f := range b.Fields {
			within("a field", f.Text, 2000)
		}
	case b.Type == "context" && b.Text == nil && b.Fields == nil && len(b.Elements) >= 1 && len(b.Elements) <= 10:
		for _, e := range b.Elements {
			within("an element", e.Text, 2000)
		}
	default:
		return fmt.Errorf("a block is no block: %+v", b)
	}
	for _, t := range all {
		if t.Type != "mrkdwn" {
			return fmt.Errorf("a text has the type %q", t.Type)
		}
	}
	return nil
}

// read is what somebody sees who looks at the channel.
func read(body []byte) notifytest.Received {
	got := notifytest.Received{Body: body}
	m, err := decode(body)
	if err != nil || len(m.Attachments) != 1 {
		return got
	}
	got.Severity = m.Attachments[0].Color
	got.Text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m.Text)
	for _, b := range m.Attachments[0].Blocks {
		if b.Type == "context" {
			got.ID, _, _ = strings.Cut(strings.TrimPrefix(b.Elements[0].Text, "event "), " · ")
		}
	}
	return got
}

// texts are all texts of a body that Slack reads as markup.
func texts(t *testing.T, body []byte) []string {
	t.Helper()
	m, err := decode(body)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{m.Text, m.Attachments[0].Fallback}
	for _, b := range m.Attachments[0].Blocks {
		for _, o := range append(append([]textObject(nil), b.Fields...), b.Elements...) {
			all = append(all, o.Text)
		}
	}
	return all
}
