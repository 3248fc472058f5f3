package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Report counts what was planned and what came of it. It is not safe for concurrent use.
type Report struct {
	rows  map[row]*tally
	cases map[string]int
	runs  int
}

type row struct {
	scenario string
	op       Op
}

type tally struct{ planned, fired, broken int }

// NewReport returns an empty report.
func NewReport() *Report { return &Report{rows: map[row]*tally{}, cases: map[string]int{}} }

// Add takes a run in, with the law's cases that it evaluated.
func (p *Report) Add(r *Result) {
	p.runs++
	for law, n := range r.Cases {
		p.cases[law] += n
	}
	for i, f := range r.Faults {
		key := row{r.Scenario, f.Op}
		t := p.rows[key]
		if t == nil {
			t = &tally{}
			p.rows[key] = t
		}
		t.planned++
		if r.Fired[i] > 0 {
			t.fired++
		}
		if len(r.Violations) > 0 {
			t.broken++
		}
	}
}

// Runs is how many runs were made.
func (p *Report) Runs() int { return p.runs }

// Planned and Fired are the faults that were planned and those that struck.
func (p *Report) Planned() (n int) {
	for _, t := range p.rows {
		n += t.planned
	}
	return n
}

// Fired is how many of the planned faults struck.
func (p *Report) Fired() (n int) {
	for _, t := range p.rows {
		n += t.fired
	}
	return n
}

// Untried returns those of the laws that no run has put to the test.
func (p *Report) Untried(laws ...string) []string {
	var untried []string
	for _, law := range laws {
		if p.cases[law] == 0 {
			untried = append(untried, law)
		}
	}
	return untried
}

// String is a table of scenarios and calls, and the laws with how often each was evaluated.
func (p *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, %d of %d faults fired\n", p.runs, p.Fired(), p.Planned())
	fmt.Fprintf(&b, "%-34s %-8s %7s %7s %7s\n", "scenario", "call", "planned", "fired", "broken")
	keys := slices.SortedFunc(maps.Keys(p.rows), func(a, c row) int {
		return cmp.Or(strings.Compare(a.scenario, c.scenario), strings.Compare(string(a.op), string(c.op)))
	})
	for _, k := range keys {
		t := p.rows[k]
		fmt.Fprintf(&b, "%-34s %-8s %7d %7d %7d\n", k.scenario, k.op, t.planned, t.fired, t.broken)
	}
	b.WriteString("evaluations on cases that could break a law:")
	for _, law := range slices.Sorted(maps.Keys(p.cases)) {
		fmt.Fprintf(&b, " %s %d", law, p.cases[law])
	}
	b.WriteString("\n")
	return b.String()
}
