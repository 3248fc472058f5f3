package sim

import (
	"math/rand/v2"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// Random is the case of a seed: a scenario and up to three faults. calls are those of the fault-free runs.
func Random(seed uint64, calls map[string][]Op) Case {
	rng := rand.New(rand.NewPCG(seed, 0x5e51)) //nolint:gosec // The same numbers every time are the point.
	all := Scenarios()
	d := dice{rng: rng, s: all[rng.IntN(len(all))]}
	d.at = writes(calls[d.s.Name])
	c := Case{Scenario: d.s}
	if rng.IntN(5) == 0 {
		c.Faults = d.neighbours()
	}
	for range 1 + rng.IntN(3) {
		c.Faults = append(c.Faults, d.fault())
	}
	return c
}

// dice make faults for a scenario.
type dice struct {
	rng *rand.Rand
	s   *Scenario
	at  []place
}

// one returns one of the values.
func one[T any](d *dice, values ...T) T { return values[d.rng.IntN(len(values))] }

// long is some time from a second on.
func (d *dice) long(most int) time.Duration { return time.Duration(1+d.rng.IntN(most)) * time.Second }

// write is a random write of the scenario.
func (d *dice) write() place { return d.at[d.rng.IntN(len(d.at))] }

// neighbours are two faults at writes that follow one another.
func (d *dice) neighbours() []Fault {
	i := d.rng.IntN(len(d.at) - 1)
	one, two := d.at[i], d.at[i+1]
	kinds := []Kind{CrashBefore, CrashAfter, Lost, Conflict, Unavailable}
	return []Fault{
		{Kind: kinds[d.rng.IntN(len(kinds))], Op: one.op, K: one.k}, {Kind: kinds[d.rng.IntN(len(kinds))], Op: two.op, K: two.k},
	}
}

// fault is a random one.
func (d *dice) fault() Fault {
	at := d.write()
	save := 1 + d.rng.IntN(30)
	switch d.rng.IntN(12) {
	case 0, 1, 2:
		return Fault{Kind: one(d, CrashBefore, CrashAfter, Lost), Op: at.op, K: at.k}
	case 3:
		return Fault{Kind: d.failure(), Op: at.op, K: at.k, For: one(d, 0, d.long(40))}
	case 4:
		return Fault{Kind: d.failure(), Op: one(d, Pods, Read, Load), K: 1 + d.rng.IntN(60), For: one(d, 0, d.long(40))}
	case 5:
		return d.reading()
	case 6:
		return Fault{Kind: one(d, Empty, NaN, Inf, NegInf, Two, Stale, Hang, Slow, Unavailable, Denied, Overloaded), Op: Query, K: 1 + d.rng.IntN(8), For: one(d, 0, d.long(90))}
	case 7:
		return Fault{Kind: d.failure(), Op: one(d, Ask, Notify, Append), K: 1 + d.rng.IntN(25), For: one(d, 0, d.long(60))}
	case 8:
		return Fault{Kind: one(d, Nack, Partial), Op: Split, K: 1 + d.rng.IntN(6), For: d.long(60)}
	case 9:
		return d.moment(save)
	case 10:
		return editOf(d.s, one(d, Fields()...), at.op, at.k)
	default:
		return Fault{Kind: one(d, Twin, Stop), Op: Save, K: save, For: d.long(30)}
	}
}

func (d *dice) failure() Kind {
	return one(d, Conflict, Denied, Unavailable, Overloaded, Timeout, Hang, Slow)
}

// reading is a fault of what is read.
func (d *dice) reading() Fault {
	if d.rng.IntN(3) == 0 {
		return Fault{Kind: Frozen, Op: one(d, Pods, Read), K: 1 + d.rng.IntN(60), For: d.long(20)}
	}
	return Fault{Kind: Every, Op: one(d, Pods, Read, Load), K: 2 + d.rng.IntN(4), For: d.long(60)}
}

// moment is something that happens in the world at a save.
func (d *dice) moment(save int) Fault {
	switch d.rng.IntN(4) {
	case 0:
		return Fault{Kind: one(d, Forward, Back), Arg: one(d, "7s", "3m", "2h"), Op: Save, K: save}
	case 1:
		return Fault{Kind: Down, Arg: string(one(d, rollout.PrimarySide, rollout.CanarySide)), Op: Save, K: save, For: d.long(40)}
	case 2:
		return Fault{Kind: Brake, Op: Save, K: save, For: d.long(40)}
	default:
		verb := one(d, rollout.Abort, rollout.Promote, rollout.Pause, rollout.Skip, rollout.Retry, rollout.Resume)
		f := Fault{Kind: Tell, Arg: string(verb), Op: Save, K: save}
		if verb == rollout.Pause {
			f.For = d.long(40)
		}
		return f
	}
}
