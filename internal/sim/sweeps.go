package sim

import (
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Answers plans every kind of wrong, slow and missing answer of the metrics source, of hooks and of receivers, at every
// question of the fault-free run.
func Answers(s *Scenario, calls []Op) []Case {
	kinds := map[Op][]Kind{
		Query:  {Empty, NaN, Inf, NegInf, Two, Stale, Hang, Slow, Unavailable, Denied, Overloaded, Timeout},
		Ask:    {Hang, Slow, Unavailable, Denied, Overloaded, Timeout},
		Notify: {Hang, Slow, Unavailable, Denied}, Append: {Hang, Slow, Unavailable},
	}
	var cases []Case
	count := map[Op]int{}
	for _, op := range calls {
		count[op]++
		for _, kind := range kinds[op] {
			for _, long := range []time.Duration{0, 20 * time.Second, 4 * time.Minute} {
				if (op == Notify || op == Append) && count[op]%5 != 1 {
					continue
				}
				cases = append(cases, Case{Scenario: s, Faults: []Fault{{Kind: kind, Op: op, K: count[op], For: long}}})
			}
		}
	}
	return cases
}

// Reads plans failing, hanging, slow and frozen reads: every j-th, one, and all for a while.
func Reads(s *Scenario, _ []Op) []Case {
	var cases []Case
	add := func(f Fault) { cases = append(cases, Case{Scenario: s, Faults: []Fault{f}}) }
	for _, op := range []Op{Pods, Read} {
		for j := 2; j <= 7; j++ {
			add(Fault{Kind: Every, Op: op, K: j, For: 10 * time.Minute})
		}
		for k := 1; k <= 25; k++ {
			for _, kind := range []Kind{Unavailable, Denied, Hang, Slow, Frozen} {
				add(Fault{Kind: kind, Op: op, K: k, For: 8 * time.Second})
			}
		}
	}
	return cases
}

// Planes plans a data plane that refuses what is written, or of which a part is late, at every split.
func Planes(s *Scenario, calls []Op) []Case {
	var cases []Case
	for _, at := range writes(calls) {
		if at.op != Split {
			continue
		}
		for _, kind := range []Kind{Nack, Partial} {
			for _, long := range []time.Duration{3 * time.Second, 30 * time.Second, 4 * time.Minute} {
				cases = append(cases, Case{Scenario: s, Faults: []Fault{{Kind: kind, Op: Split, K: at.k, For: long}}})
			}
		}
	}
	return cases
}

// Moments plans what happens in the world, at every save: clocks that are set, pods that are down, people.
func Moments(s *Scenario, calls []Op) []Case {
	const some = 20 * time.Second
	faults := []Fault{
		{Kind: Forward, Arg: "7s"}, {Kind: Forward, Arg: "3m"}, {Kind: Forward, Arg: "2h"},
		{Kind: Back, Arg: "7s"}, {Kind: Back, Arg: "3m"}, {Kind: Back, Arg: "2h"},
		{Kind: Down, Arg: string(rollout.PrimarySide), For: some}, {Kind: Down, Arg: string(rollout.CanarySide), For: some},
		{Kind: Brake, For: some}, {Kind: Tell, Arg: string(rollout.Pause), For: some}, {Kind: Tell, Arg: string(rollout.Abort)},
		{Kind: Tell, Arg: string(rollout.Promote)}, {Kind: Tell, Arg: string(rollout.Skip)}, {Kind: Tell, Arg: string(rollout.Retry)},
	}
	var cases []Case
	for _, at := range writes(calls) {
		if at.op != Save {
			continue
		}
		for _, f := range faults {
			f.Op, f.K = Save, at.k
			cases = append(cases, Case{Scenario: s, Faults: []Fault{f}})
		}
	}
	return cases
}
