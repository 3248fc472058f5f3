package slacknotify

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/rollout"
)

// Slack's limits, in characters, with room to spare where it has none that is documented.
const (
	longestText  = 3000 // of a section
	longestField = 500  // documented are 2000, which nobody reads
	mostResults  = 10
)

// body is a message as Slack documents it.
type body struct {
	Channel     string       `json:"channel,omitempty"`
	Username    string       `json:"username,omitempty"`
	Text        string       `json:"text"`
	Attachments []attachment `json:"attachments"`
}

// attachment gives the blocks their colour.
type attachment struct {
	Color    string  `json:"color"`
	Fallback string  `json:"fallback"`
	Blocks   []block `json:"blocks"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Fields   []text `json:"fields,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
	// Verbatim keeps Slack from making links and mentions of what looks like them.
	Verbatim bool `json:"verbatim"`
}

func markdown(s string) text { return text{Type: "mrkdwn", Text: s, Verbatim: true} }

func (c *Config) body(m notify.Message) body {
	e := m.Event
	name := m.Namespace + "/" + m.Name
	blocks := []block{{Type: "section", Fields: fields(m)}}
	if len(e.Results) > 0 {
		results := markdown(results(e.Results))
		blocks = append(blocks, block{Type: "section", Text: &results})
	}
	footer := "event " + escape(e.ID, longestField) + " · " + e.At.UTC().Format(time.RFC3339)
	blocks = append(blocks, block{Type: "context", Elements: []text{markdown(footer)}})
	return body{
		Channel: c.Channel, Username: c.Username,
		Text: "*" + escape(name, longestField) + "* " + escape(e.Message, longestText),
		Attachments: []attachment{{
			Color: colour(e.Severity), Fallback: escape(name+": "+e.Message, longestText), Blocks: blocks,
		}},
	}
}

func colour(s rollout.Severity) string {
	switch s {
	case rollout.Warn:
		return "warning"
	case rollout.Loud:
		return "danger"
	case rollout.Info:
	}
	return "good"
}

// fields are what every event says about its canary, always in the same order; a section has at most ten.
func fields(m notify.Message) []text {
	e := m.Event
	phase, weight := string(e.Phase), ""
	if e.Run != "" {
		weight = e.Weight.String()
	}
	if e.Ending != "" {
		phase = "" // The outcome says it better: the phase of a run that ends is still the old one.
	}
	var made []text
	for _, f := range []struct{ title, value string }{
		{"Target", m.Target},
		{"Severity", string(cmp.Or(e.Severity, rollout.Info))},
		{"Phase", phase},
		{"Run", e.Run},
		{"Revision", e.Revision},
		{"Weight", weight},
		{"Outcome", string(e.Ending)},
		{"Reason", e.Reason},
		{"By", e.By},
	} {
		if f.value != "" {
			made = append(made, markdown("*"+f.title+"*\n"+escape(f.value, longestField)))
		}
	}
	return made
}

// results are one line per metric.
func results(all []analysis.Result) string {
	// Lines share what a section holds; the rest is for the last line.
	const longestLine = longestText/mostResults - 20
	lines := make([]string, 0, mostResults+1)
	for i := range all {
		if i == mostResults {
			lines = append(lines, fmt.Sprintf("… and %d more", len(all)-mostResults))
			break
		}
		lines = append(lines, "• "+escape(all[i].Metric+": "+all[i].Message, longestLine))
	}
	return strings.Join(lines, "\n")
}

// escape makes foreign text harmless in Slack's markup and cuts it to limit characters, never inside of what it has
// escaped.
func escape(s string, limit int) string {
	var made strings.Builder
	length := 0
	for _, r := range s {
		piece := string(r)
		switch r {
		case '&':
			piece = "&amp;"
		case '<':
			piece = "&lt;"
		case '>':
			piece = "&gt;"
		}
		// The last place is kept for the sign that something is missing.
		if n := len([]rune(piece)); length+n < limit {
			length += n
			made.WriteString(piece)
			continue
		}
		made.WriteString("…")
		break
	}
	return made.String()
}
