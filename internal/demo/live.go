package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/demo/load"
	"github.com/serin-dev/serin/internal/rollout"
)

// glance is how often the live display looks.
const glance = 200 * time.Millisecond

// redraw puts a line over the one before. It turns the terminal's wrapping off meanwhile: of a line that is too long,
// only what was cut off would be drawn over.
const redraw = "\r\x1b[?7l\x1b[K  %s\x1b[?7h"

// live shows progress while a release runs. It belongs to one goroutine.
type live struct {
	out      io.Writer
	terminal bool
	last     string
}

// watch shows what look returns until ctx ends.
func (l *live) watch(ctx context.Context, look func() (Progress, load.Snapshot)) {
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		l.show(look())
		select {
		case <-ctx.Done():
			l.show(look())
			l.end()
			return
		case <-ticker.C:
		}
	}
}

// show draws the state: over the line before on a terminal, on a line of its own, and only when the canary moved,
// elsewhere.
func (l *live) show(p Progress, s load.Snapshot) {
	line := describe(p)
	if l.terminal {
		fmt.Fprintf(l.out, redraw, fmt.Sprintf("%6d served, %d lost | %s", s.Served(), s.Lost, line))
		l.last = line
		return
	}
	if line != l.last {
		fmt.Fprintf(l.out, "  %s\n", line)
		l.last = line
	}
}

func (l *live) end() {
	if l.terminal && l.last != "" {
		fmt.Fprintln(l.out)
	}
	l.last = ""
}

// describe is one line about a canary, the same for the same state.
func describe(p Progress) string {
	if p.Phase == "" {
		return "waiting for its run to begin"
	}
	parts := []string{string(p.Phase)}
	if p.Step > 0 {
		parts = append(parts, fmt.Sprintf("step %d of %d", p.Step, p.Steps))
	}
	weight := "canary " + percent(p.Acknowledged)
	if p.Wanted != p.Acknowledged {
		weight += " (wanted " + percent(p.Wanted) + ")"
	}
	parts = append(parts, weight)
	for _, r := range p.Results {
		parts = append(parts, measured(r))
	}
	if p.FailedChecks > 0 {
		parts = append(parts, fmt.Sprintf("failed checks %d of %d", p.FailedChecks, p.Threshold))
	}
	line := strings.Join(parts, ", ")
	if p.Wait != "" && (p.Step == 0 || len(p.Results) == 0) {
		line += ": " + p.Wait // Nothing is measured that would say how it goes.
	}
	return line
}

// measured is one metric's value, or what stands in its place.
func measured(r analysis.Result) string {
	switch r.Outcome {
	case analysis.Passing, analysis.Failing:
		text := fmt.Sprintf("%s %.4g", r.Metric, r.Value)
		if r.Unit != "" {
			text += " " + r.Unit
		}
		if r.Outcome == analysis.Failing {
			text += " (outside its limit)"
		}
		return text
	case analysis.Empty, analysis.Unanswered, analysis.Misconfigured:
		return r.Metric + " " + string(r.Outcome)
	default:
		return r.Metric + " unknown"
	}
}

func percent(w rollout.Weight) string {
	return fmt.Sprintf("%g %%", float64(w)/float64(rollout.Percent))
}
