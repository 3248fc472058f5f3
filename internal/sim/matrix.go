package sim

import "time"

// Case is one run that is to be made.
type Case struct {
	Scenario *Scenario
	Faults   []Fault
}

// Crashes plans the deaths: before and after each call of the fault-free run that is not a read, and with its answer
// lost.
func Crashes(s *Scenario, calls []Op, wants func(Op) bool) []Case {
	var cases []Case
	count := map[Op]int{}
	for _, op := range calls {
		count[op]++
		if !wants(op) {
			continue
		}
		for _, kind := range []Kind{CrashBefore, CrashAfter, Lost} {
			cases = append(cases, Case{Scenario: s, Faults: []Fault{{Kind: kind, Op: op, K: count[op]}}})
		}
	}
	return cases
}

// Essential are the calls that change the world or what is remembered.
func Essential(op Op) bool { return op.effect() || op == Save || op == Forget || op == Consume }

// Any are all calls.
func Any(Op) bool { return true }

// Edits plans the edit of every field at every write of the fault-free run.
func Edits(s *Scenario, calls []Op) []Case {
	var cases []Case
	for _, at := range writes(calls) {
		for _, field := range Fields() {
			cases = append(cases, Case{Scenario: s, Faults: []Fault{editOf(s, field, at.op, at.k)}})
		}
	}
	return cases
}

// Failures plans every kind of failure of a call at every write, once for a single call and once for a while.
func Failures(s *Scenario, calls []Op) []Case {
	var cases []Case
	for _, at := range writes(calls) {
		for _, kind := range []Kind{Conflict, Denied, Unavailable, Overloaded, Timeout, Hang, Slow} {
			for _, long := range []time.Duration{0, 12 * time.Second} {
				cases = append(cases, Case{Scenario: s, Faults: []Fault{{Kind: kind, Op: at.op, K: at.k, For: long}}})
			}
		}
	}
	return cases
}

// Takeovers plans a second engine at every save: beside the first, and instead of one that stands still in a read or
// in a save and then goes on. One that stands still between its last look at the store and an effect is left out: the
// ports carry nothing by which that effect could be refused.
func Takeovers(s *Scenario, calls []Op) []Case {
	var cases []Case
	for _, at := range writes(calls) {
		if at.op != Save {
			continue
		}
		for _, f := range []Fault{
			{Kind: Twin, Op: Save, K: at.k, For: 25 * time.Second}, {Kind: Stop, Op: Save, K: at.k, For: 4 * time.Second},
			{Kind: Stop, Op: Save, K: at.k, For: 20 * time.Second}, {Kind: Stop, Op: Pods, K: at.k, For: 4 * time.Second},
			{Kind: Stop, Op: Pods, K: at.k, For: 15 * time.Second}, {Kind: Stop, Op: Read, K: at.k, For: 3 * time.Second},
		} {
			cases = append(cases, Case{Scenario: s, Faults: []Fault{f}})
		}
	}
	return cases
}

// place is the k-th call of an op.
type place struct {
	op Op
	k  int
}

// writes are the calls that change the world or what is remembered.
func writes(calls []Op) []place {
	var at []place
	count := map[Op]int{}
	for _, op := range calls {
		count[op]++
		if Essential(op) {
			at = append(at, place{op, count[op]})
		}
	}
	return at
}
