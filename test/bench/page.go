package main

import (
	"cmp"
	"fmt"
	"strings"
)

// page is the document of the numbers.
func page(m machine, r results) string {
	var b strings.Builder
	b.WriteString(`# Performance

<!-- Written by "go run ./test/bench -write". Do not edit. -->

What Serin promises about its own speed, and what one machine has measured. Numbers of different machines, or of one
machine at different times, do not compare; ratios were measured side by side in one run and do.

## The numbers

| what | goal | measured | met |
|---|---|---|---|
`)
	var missed []string
	for _, g := range goals() {
		v, ok := g.value(r)
		switch {
		case !ok:
			fmt.Fprintf(&b, "| %s | %s | not measured | |\n", g.what, g.wanted())
		case g.met(v):
			fmt.Fprintf(&b, "| %s | %s | %s | yes |\n", g.what, g.wanted(), g.measured(v))
		default:
			fmt.Fprintf(&b, "| %s | %s | %s | **no** |\n", g.what, g.wanted(), g.measured(v))
			missed = append(missed, fmt.Sprintf("- %s: %s\n", g.what, cmp.Or(g.cause, m.excuse())))
		}
	}
	if len(missed) > 0 {
		b.WriteString("\nWhy a goal is missed:\n\n" + strings.Join(missed, ""))
	}
	b.WriteString(proxies(r))
	b.WriteString(others(r))
	b.WriteString(m.section())
	b.WriteString(method)
	return b.String()
}

// contenders are the proxies in the order of the page, with what they are.
func contenders() [][2]string {
	return [][2]string{
		{"plain", "`httputil.ReverseProxy`, nothing around it"},
		{"serin", "Serin: 90 : 10 between two versions"},
		{"serin-features", "Serin: also sessions, headers, retries and time-outs"},
		{"nginx", "nginx"},
		{"haproxy", "HAProxy"},
	}
}

func proxies(r results) string {
	if _, ok := r.of("Proxies", "plain-req/s"); !ok {
		return ""
	}
	var b strings.Builder
	b.WriteString(`
## Proxies side by side

Each proxy has one core; load and backend share another one. Answers have 1 KiB, connections are kept.

| proxy | requests/s | of plain | p99 at half load | of plain | CPU per request | of plain |
|---|---|---|---|---|---|---|
`)
	base, _ := r.of("Proxies", "plain-cpu-µs/req")
	for _, c := range contenders() {
		rate, ok := r.of("Proxies", c[0]+"-req/s")
		if !ok {
			fmt.Fprintf(&b, "| %s | not installed | | | | | |\n", c[1])
			continue
		}
		tail, _ := r.of("Proxies", c[0]+"-p99-µs")
		cost, _ := r.of("Proxies", c[0]+"-cpu-µs/req")
		more, less := 1.0, 1.0
		if c[0] != "plain" {
			more, _ = r.of("Proxies", c[0]+"/plain-req/s")
			less, _ = r.of("Proxies", c[0]+"/plain-p99")
		}
		fmt.Fprintf(&b, "| %s | %s | %.2f | %s µs | %.2f | %s µs | %.2f |\n",
			c[1], number(rate), more, number(tail), less, number(cost), cost/base)
	}
	b.WriteString("\nnginx and HAProxy can do more than load and backend on one core: for them the last columns count.\n")
	return b.String()
}

// others are numbers without a goal.
func others(r results) string {
	var b strings.Builder
	for _, o := range []struct{ what, bench string }{
		{"`Step` in the phase Progressing", "StepInPhase/Progressing"},
		{"`Step` in the phase Promoting", "StepInPhase/Promoting"},
		{"The `Step` that tells most: the verdict", "StepThatTellsMost"},
		{"`Step` at rest", "StepInPhase/Succeeded"},
		{"Encode a state", "Save"},
		{"Judge a check of counts and a query", "Judge"},
		{"Change one weight among 10,000 services: the table", "RouteAmong10000"},
		{"The same: the table's book on what a data plane has in force", "ReportAmong10000"},
		{"The same: the proxy's own part", "Swap10000/swap"},
		{"Find a service by its host name", "ByHost"},
	} {
		time, ok := r.of(o.bench, "ns/op")
		if !ok {
			continue
		}
		allocations, _ := r.of(o.bench, "allocs/op")
		fmt.Fprintf(&b, "| %s | %s µs | %s |\n", o.what, number(time*micro), number(allocations))
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n## Parts\n\n| what | time | allocations |\n|---|---|---|\n" + b.String()
}

const method = `
## How to repeat it

` + "```" + `
go run ./test/bench            # all of it, held against the goals
go run ./test/bench -run Swap  # a part
go run ./test/bench -write     # all of it, into this page
` + "```" + `

It takes about six minutes and needs a machine on which nothing else runs. What it prints is for benchstat, too. nginx and
HAProxy are taken from the PATH and from /usr/sbin; where one is missing the rest is measured without it.

- ` + "`Step`" + ` is the mean over every Step of a whole release. Its allocations are also a test, since they do not depend on
  the machine.
- Idle canaries are at rest in a process of their own, which is measured from outside once all of them are.
- The proxies take turns, each for 0.4 s as fast as it can and for 0.4 s at half of the plain one's speed, in another order
  in each round. What counts is the median of the rounds' ratios.
- The change among 10,000 routes is timed from the write into the table until the proxy has it in force and has said so,
  while a service gets as many requests as it can answer. A request without a whole answer of the status 200 is dropped.
- The way back is timed from the moment when the engine gets the sample from the meter. Fifty releases fail at once.
`
