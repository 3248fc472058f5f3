package webhooknotify

import (
	"math"
	"slices"

	"github.com/serin-dev/serin/internal/rollout"
)

const (
	// longest is how much of one text is sent, in characters; brief is that of one of the results, and most how many
	// of them are sent.
	longest = 4000
	brief   = 500
	most    = 64
)

// bounded cuts what would make a body larger than receivers accept.
func bounded(e rollout.Event) rollout.Event {
	e.Message, e.Reason, e.By = cut(e.Message, longest), cut(e.Reason, longest), cut(e.By, longest)
	e.Results = slices.Clone(e.Results[:min(len(e.Results), most)])
	for i := range e.Results {
		r := &e.Results[i]
		r.Metric, r.Message = cut(r.Metric, brief), cut(r.Message, brief)
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			r.Value = 0 // JSON has no such number; the message says what was seen.
		}
	}
	return e
}

func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
