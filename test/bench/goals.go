package main

import (
	"fmt"
	"strconv"
	"strings"
)

// goal is a number that was promised.
type goal struct {
	what        string
	bench, unit string
	// scale turns the unit of the benchmark into that of the page.
	scale float64
	limit float64
	// least means that the number must not be below the limit; otherwise it must not be above it.
	least bool
	// slack is the share of the limit that is noise of the measurement.
	slack float64
	shown string
	// cause says what a miss comes from where that is known.
	cause string
}

const (
	micro = 1e-3
	exact = 1
)

func goals() []goal {
	return []goal{
		{what: "One `Step` of a release of ten steps, at the mean", bench: "Step", unit: "ns/op", scale: micro, limit: 5, shown: "µs"},
		{what: "Allocations of one `Step`, at the mean", bench: "Step", unit: "allocs/op", scale: exact, limit: 20},
		{what: "One pass of the engine over drivers in memory, at rest", bench: "Pass/rest", unit: "ns/op", scale: micro, limit: 100, shown: "µs"},
		{what: "One pass in a step of a release", bench: "Pass/step", unit: "ns/op", scale: micro, limit: 100, shown: "µs"},
		{what: "One pass with a command to take, a state to save and events to tell", bench: "Pass/command", unit: "ns/op", scale: micro, limit: 100, shown: "µs"},
		{what: "Memory of a process with 10,000 idle canaries", bench: "Idle", unit: "MiB", scale: exact, limit: 300, shown: "MiB"},
		{what: "CPU time of a process with 10,000 idle canaries, as a share of one core", bench: "Idle", unit: "cpu-%", scale: exact, limit: 0.5, shown: "%"},
		{
			what: "Requests per second through the built-in proxy, of those through a plain `httputil.ReverseProxy`", bench: "Proxies",
			unit: "serin/plain-req/s", scale: exact, limit: 0.9, least: true, shown: "×",
		},
		{
			what: "p99 through the built-in proxy at half of what the plain one can do, of the plain one's", bench: "Proxies",
			unit: "serin/plain-p99", scale: exact, limit: 1, slack: 0.05, shown: "×",
			cause: "Not established: where others use the machine, both p99s are waits for a core and their ratio changes from run to run. Repeat it on an idle one.",
		},
		{
			what: "A new weight among 10,000 routes at full load, from the write to its confirmation, median", bench: "Swap", unit: "swap-p50-ms",
			scale: exact, limit: 10, shown: "ms",
		},
		{
			what: "A new weight among 10,000 routes at full load, p99", bench: "Swap", unit: "swap-p99-ms",
			scale: exact, limit: 10, shown: "ms",
			cause: "Not established: a change takes about 1 ms of CPU time, and the rest is supposed to be the wait for a core that load and others use. Repeat it on an idle machine.",
		},
		{what: "Requests dropped over 1,000 new weights among 10,000 routes at full load", bench: "Swap", unit: "dropped", scale: exact},
		{
			what: "From the sample that decides to weight 0 in force in a quiet proxy, p99", bench: "Rollback/quiet", unit: "rollback-p99-ms",
			scale: exact, limit: 250, shown: "ms",
		},
		{what: "From the sample that decides to weight 0 in force in a proxy at full load, p99", bench: "Rollback/busy", unit: "rollback-p99-ms", scale: exact, limit: 250, shown: "ms"},
	}
}

// value is the number as the page has it, if it was measured.
func (g goal) value(r results) (float64, bool) {
	v, ok := r.of(g.bench, g.unit)
	return v * g.scale, ok
}

func (g goal) met(v float64) bool {
	if g.least {
		return v >= g.limit*(1-g.slack)
	}
	return v <= g.limit*(1+g.slack)
}

// wanted is the goal in words.
func (g goal) wanted() string {
	sign := "≤ "
	switch {
	case g.least:
		sign = "≥ "
	case g.limit == 0:
		sign = ""
	}
	text := strings.TrimSpace(sign + number(g.limit) + " " + g.shown)
	if g.slack > 0 {
		text += fmt.Sprintf(", noise of %s %%", number(100*g.slack))
	}
	return text
}

func (g goal) measured(v float64) string { return strings.TrimSpace(number(v) + " " + g.shown) }

// verdicts says for each goal whether it is met.
func verdicts(r results) string {
	var b strings.Builder
	for _, g := range goals() {
		v, ok := g.value(r)
		verdict := "met   "
		switch {
		case !ok:
			continue
		case !g.met(v):
			verdict = "missed"
		}
		fmt.Fprintf(&b, "%s  %s (%s): %s\n", verdict, g.measured(v), g.wanted(), g.what)
	}
	return b.String()
}

// number has three digits where it has a fraction.
func number(v float64) string {
	switch {
	case v >= 1000:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
