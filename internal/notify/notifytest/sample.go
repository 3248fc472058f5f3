package notifytest

import (
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/rollout"
)

// Sample is a message that bodies are on record for.
type Sample struct {
	Name    string
	Message notify.Message
}

// message returns one about the canary of the laws.
func message(e rollout.Event) notify.Message {
	e.At = time.Date(2026, time.March, 4, 15, 6, 7, 89_000_000, time.UTC)
	return notify.Message{Subject: notify.Subject{Namespace: "shop", Name: "podinfo", Target: "podinfo-v2"}, Event: e}
}

// Samples are one message of each shape.
func Samples() []Sample {
	const run, revision = "ab12cd34ef-7", "ab12cd34ef56"
	least, most := 99.0, 500.0
	results := []analysis.Result{
		{Metric: "request-success-rate", Outcome: analysis.Failing, Value: 94.7, Min: &least, Unit: "%", Requests: 420, Message: "94.7 % of 420 requests, at least 99 % wanted"},
		{Metric: "request-duration", Outcome: analysis.Passing, Value: 21, Max: &most, Unit: "ms", Message: "21 ms, at most 500 ms wanted"},
	}
	return []Sample{
		{"phase", message(rollout.Event{ID: "k1-1", Type: rollout.PhaseChanged, Severity: rollout.Info, Phase: rollout.Initialized, Message: "Phase is Initialized"})},
		{"weight", message(rollout.Event{
			ID: "k1-2", Type: rollout.WeightAcked, Severity: rollout.Info, Phase: rollout.Progressing,
			Run: run, Revision: revision, Step: 2, Weight: 12_500, Message: "The canary gets 12.5%",
		})},
		{"gate", message(rollout.Event{
			ID: "k1-3", Type: rollout.GateClosed, Severity: rollout.Warn, Phase: rollout.Waiting, Run: run, Revision: revision,
			Reason: "approval", Message: `Gate confirm-rollout is closed: approval: status 403 & "not yet" <wait>`,
		})},
		{"command", message(rollout.Event{
			ID: "k1-4", Type: rollout.CommandTaken, Severity: rollout.Info, Phase: rollout.Progressing, Run: run, Revision: revision,
			Weight: 50_000, By: "ann", Reason: "pause", Message: "ann paused the canary: lunch",
		})},
		{"verdict", message(rollout.Event{
			ID: "k1-5", Type: rollout.VerdictReached, Severity: rollout.Loud, Phase: rollout.Failed, Run: run, Revision: revision,
			Weight: 50_000, Reason: "ChecksFailed", Ending: rollout.OutcomeFailed, Results: results,
			Message: "Run " + run + " goes back: 1 of 1 allowed checks failed",
		})},
		{"ended", message(rollout.Event{
			ID: "k1-6", Type: rollout.RunEnded, Severity: rollout.Info, Phase: rollout.Finalising, Run: run, Revision: revision,
			Reason: "Promoted", Ending: rollout.OutcomeSucceeded, Message: "Run " + run + " ended: revision " + revision + " is promoted",
		})},
	}
}

// simple is a message that differs from others in its id.
func simple(id string) notify.Message {
	return message(rollout.Event{ID: id, Type: rollout.RunStarted, Severity: rollout.Info, Phase: rollout.Progressing, Message: "A run starts"})
}

// hostile holds what markup, JSON and terminals take for theirs.
const hostile = `<!channel> <https://evil.example|click> & &amp; "quoted" \n ` + "`code` *bold* {{ x }} é ☃ 🐤"

// huge is a message that no service takes as it is.
func huge() notify.Message {
	long := strings.Repeat("<&>🐤", 20_000)
	e := rollout.Event{
		ID: "k1-9", Type: rollout.VerdictReached, Severity: rollout.Loud, Phase: rollout.Failed, Run: "ab12cd34ef-7",
		Revision: "ab12cd34ef56", Reason: long, By: long, Message: long, Ending: rollout.OutcomeFailed,
	}
	for range 200 {
		e.Results = append(e.Results, analysis.Result{Metric: long, Outcome: analysis.Failing, Message: long})
	}
	return message(e)
}
