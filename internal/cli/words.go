package cli

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

const none = "-"

// short is the part of a revision that people read.
func short(revision string) string {
	const digits = 10
	if revision == "" {
		return none
	}
	return revision[:min(digits, len(revision))]
}

// span is a duration as people say it, with at most two units.
func span(d time.Duration) string {
	d = max(d, 0)
	s := int64(d / time.Second)
	two := func(big int64, bigUnit string, small int64, smallUnit string) string {
		text := strconv.FormatInt(big, 10) + bigUnit
		if small > 0 {
			text += strconv.FormatInt(small, 10) + smallUnit
		}
		return text
	}
	switch {
	case d > 0 && d < time.Second:
		return d.Round(time.Millisecond).String()
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return two(s/60, "m", s%60, "s")
	case s < 86400:
		return two(s/3600, "h", s%3600/60, "m")
	default:
		return two(s/86400, "d", s%86400/3600, "h")
	}
}

// age is how long ago something was, in whole seconds.
func (a *app) age(at time.Time) string {
	if at.IsZero() {
		return none
	}
	return span(a.Now().Sub(at).Truncate(time.Second))
}

// left is how long it is until something.
func (a *app) left(at time.Time) string {
	d := at.Sub(a.Now()).Truncate(time.Second)
	if d <= 0 {
		return "now"
	}
	return "in " + span(d)
}

// phaseOf names the phase and what holds it.
func phaseOf(c *httpapi.Canary) string {
	phase := string(c.Phase)
	if phase == "" {
		phase = "New"
	}
	switch {
	case c.Problem != "":
		return phase + " (problem)"
	case c.Brake != nil || c.Paused != nil:
		return phase + " (paused)"
	case c.Suspended:
		return phase + " (suspended)"
	default:
		return phase
	}
}

// toneOf is how a phase is painted.
func toneOf(c *httpapi.Canary, p paint) tone {
	switch {
	case c.Problem != "":
		return p.bad
	case c.Brake != nil || c.Paused != nil || c.Suspended:
		return p.warn
	}
	switch c.Phase {
	case rollout.Succeeded, rollout.Initialized:
		return p.good
	case rollout.Failed:
		return p.bad
	case rollout.Progressing, rollout.Waiting, rollout.WaitingPromotion, rollout.Promoting, rollout.Finalising,
		rollout.Initializing, rollout.Terminating, rollout.Terminated:
		return p.warn
	default:
		return p.dim
	}
}

func weightOf(c *httpapi.Canary) string {
	if c.Weight.Wanted == c.Weight.Acked {
		return c.Weight.Wanted.String()
	}
	return c.Weight.Wanted.String() + " (acked " + c.Weight.Acked.String() + ")"
}

func stepOf(c *httpapi.Canary) string {
	if c.Step.At == 0 {
		return none
	}
	return fmt.Sprintf("%d/%d", c.Step.At, c.Step.Of)
}

func failedOf(c *httpapi.Canary) string {
	if c.Run == nil {
		return none
	}
	return fmt.Sprintf("%d/%d", c.FailedChecks, c.Threshold)
}

// busy says whether a run is in progress.
func busy(c *httpapi.Canary) bool { return c.Run != nil && c.Run.Ended.IsZero() }

// outcomeOf says how a run ended, or that it has not.
func outcomeOf(r *record.Run) string {
	switch {
	case r.Outcome == "":
		return "in progress"
	case r.Ended.IsZero():
		return string(r.Outcome) + " (ending)"
	default:
		return string(r.Outcome)
	}
}

func toneOfOutcome(o rollout.Outcome, p paint) tone {
	switch o {
	case rollout.OutcomeSucceeded:
		return p.good
	case rollout.OutcomeFailed:
		return p.bad
	case rollout.OutcomeAborted, rollout.OutcomeSuperseded, rollout.OutcomeReverted:
		return p.warn
	default:
		return nil
	}
}

// addressOf is the address of the service in full and the ports of both sides. Users reach the first; people who
// look at a version the others.
func addressOf(c *httpapi.Canary) string {
	if len(c.Addresses) == 0 {
		return none
	}
	main := c.Addresses[0].Service
	for _, a := range c.Addresses {
		if len(a.Service) < len(main) {
			main = a.Service
		}
	}
	var text string
	var sides []string
	for _, a := range c.Addresses {
		switch side, ok := strings.CutPrefix(a.Service, main+"-"); {
		case a.Service == main && text == "":
			text = a.URL
		case ok && len(sides) < 2 && (len(sides) == 0 || !strings.HasPrefix(sides[0], side)):
			sides = append(sides, side+" "+portOf(a.URL))
		}
	}
	if len(sides) > 0 {
		text += " (" + strings.Join(sides, ", ") + ")"
	}
	return text
}

func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return address
	}
	return ":" + u.Port()
}

// valueOf is what a metric said.
func valueOf(r *analysis.Result) string {
	switch r.Outcome {
	case analysis.Passing, analysis.Failing:
		return strings.TrimSpace(number(r.Value) + " " + r.Unit)
	case analysis.Empty, analysis.Unanswered, analysis.Misconfigured:
		return none
	default:
		return none
	}
}

// limitsOf are the limits of a metric.
func limitsOf(r *analysis.Result) string {
	var limits []string
	if r.Min != nil {
		limits = append(limits, "at least "+number(*r.Min))
	}
	if r.Max != nil {
		limits = append(limits, "at most "+number(*r.Max))
	}
	if len(limits) == 0 {
		return none
	}
	return strings.TrimSpace(strings.Join(limits, ", ") + " " + r.Unit)
}

// number keeps what tells a value from its limit.
func number(f float64) string { return strconv.FormatFloat(f, 'g', 5, 64) }

func toneOfResult(o analysis.Outcome, p paint) tone {
	switch o {
	case analysis.Passing:
		return p.good
	case analysis.Failing, analysis.Misconfigured:
		return p.bad
	case analysis.Empty, analysis.Unanswered:
		return p.warn
	default:
		return nil
	}
}

// by names a person.
func by(i *rollout.Intent) string {
	if i == nil || i.By == "" {
		return "somebody"
	}
	return i.By
}

// because is the reason of a person, if there is one.
func because(i *rollout.Intent) string {
	if i == nil || i.Reason == "" {
		return ""
	}
	return ": " + i.Reason
}

// stepText describes one step of a plan.
func stepText(s rollout.PlanStep) string {
	var text string
	switch {
	case s.Match:
		text = "requests that meet the match conditions"
	case s.Mirror > 0:
		text = "copies of " + s.Mirror.String() + " of the requests"
	case s.Canary == 0:
		text = "no requests of users"
	default:
		text = s.Canary.String() + " of the requests"
	}
	if s.Checks == 1 {
		return text + ", 1 check"
	}
	return fmt.Sprintf("%s, %d checks", text, s.Checks)
}

// sentence begins with a capital and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if last := text[len(text)-1]; last != '.' && last != '?' && last != '!' {
		text += "."
	}
	return text
}
