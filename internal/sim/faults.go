package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// Op is a call of an engine that a fault can strike.
type Op string

// The calls. Those from Pin to Restore change the world; Save and Forget change what is remembered.
const (
	Pods    Op = "pods"
	Read    Op = "read"
	Load    Op = "load"
	Pin     Op = "pin"
	Promote Op = "promote"
	Scale   Op = "scale"
	Floor   Op = "floor"
	Release Op = "release"
	Split   Op = "split"
	Restore Op = "restore"
	Save    Op = "save"
	Forget  Op = "forget"
	Append  Op = "append"
	Consume Op = "consume"
	Ask     Op = "ask"
	Query   Op = "query"
	Notify  Op = "notify"
)

// effect says whether a call changes the world.
func (o Op) effect() bool {
	switch o {
	case Pin, Promote, Scale, Floor, Release, Split, Restore:
		return true
	case Pods, Read, Load, Save, Forget, Append, Consume, Ask, Query, Notify:
		return false
	}
	return false
}

// reads says whether a call only looks.
func (o Op) reads() bool { return o == Pods || o == Read || o == Load }

// Kind is what goes wrong.
type Kind string

// The faults of a call, of what it reads, and of the world at the moment of a call.
const (
	CrashBefore Kind = "crash-before"
	CrashAfter  Kind = "crash-after"
	Lost        Kind = "lost"

	Conflict    Kind = "conflict"
	Denied      Kind = "denied"
	Unavailable Kind = "unavailable"
	Overloaded  Kind = "overloaded"
	Timeout     Kind = "timeout"
	Hang        Kind = "hang"
	Slow        Kind = "slow"
	Every       Kind = "every"

	Frozen Kind = "frozen"
	Empty  Kind = "empty"
	NaN    Kind = "nan"
	Inf    Kind = "inf"
	NegInf Kind = "neginf"
	Two    Kind = "two"
	Stale  Kind = "stale"

	Nack    Kind = "nack"
	Partial Kind = "partial"
	Forward Kind = "clock-forward"
	Back    Kind = "clock-back"
	Down    Kind = "down"
	Brake   Kind = "brake"
	Tell    Kind = "tell"
	Edit    Kind = "edit"
	Twin    Kind = "twin"
	Stop    Kind = "stop"
)

// Fault is one thing that goes wrong at the K-th call of an Op, counted from the beginning of the run over all
// engines, and for some time from then on. Its text is its name: Parse reads it.
type Fault struct {
	Kind Kind
	// Arg says more: the field of an Edit, the side that is Down, the verb to Tell, the duration of a clock's jump.
	Arg string
	Op  Op
	K   int
	For time.Duration
}

// String returns KIND[:ARG]@OP#K[+DURATION].
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	if f.Arg != "" {
		b.WriteString(":" + f.Arg)
	}
	b.WriteString("@" + string(f.Op) + "#" + strconv.Itoa(f.K))
	if f.For > 0 {
		b.WriteString("+" + f.For.String())
	}
	return b.String()
}

// Parse reads faults as String writes them, with commas between them.
func Parse(text string) ([]Fault, error) {
	var all []Fault
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		f, err := parseOne(part)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

func parseOne(text string) (Fault, error) {
	what, where, ok := strings.Cut(text, "@")
	op, rest, numbered := strings.Cut(where, "#")
	if !ok || !numbered {
		return Fault{}, fault.Errorf(fault.Invalid, "fault %q: write KIND[:ARG]@CALL#NUMBER[+DURATION]", text)
	}
	kind, arg, _ := strings.Cut(what, ":")
	number, long, lasts := strings.Cut(rest, "+")
	f := Fault{Kind: Kind(kind), Arg: arg, Op: Op(op)}
	var err error
	if f.K, err = strconv.Atoi(number); err != nil || f.K < 1 {
		return Fault{}, fault.Errorf(fault.Invalid, "fault %q: the number of the call is %q", text, number)
	}
	if !lasts {
		return f, nil
	}
	if f.For, err = time.ParseDuration(long); err != nil {
		return Fault{}, fault.Errorf(fault.Invalid, "fault %q: %w", text, err)
	}
	return f, nil
}

// Join writes faults as Parse reads them.
func Join(all []Fault) string {
	parts := make([]string, len(all))
	for i, f := range all {
		parts[i] = f.String()
	}
	return strings.Join(parts, ",")
}

// faults are those of one run, with what became of them.
type faults struct {
	all   []Fault
	times []int
	until []time.Time
}

func newFaults(all []Fault) *faults {
	return &faults{all: all, times: make([]int, len(all)), until: make([]time.Time, len(all))}
}

func (f *faults) fired() []int { return slices.Clone(f.times) }

// strike returns the faults that strike the n-th call of an op, and those of them that begin with it.
func (f *faults) strike(op Op, n int, now time.Time) (active, begun []*Fault) {
	for i := range f.all {
		one := &f.all[i]
		if one.Op != op {
			continue
		}
		first := n == one.K && f.times[i] == 0
		if first && one.For > 0 {
			f.until[i] = now.Add(one.For)
		}
		lasts := f.times[i] > 0 && now.Before(f.until[i]) && (one.Kind != Every || n%one.K == 0)
		if !first && !lasts {
			continue
		}
		f.times[i]++
		active = append(active, one)
		if first {
			begun = append(begun, one)
		}
	}
	return active, begun
}

// lasting returns the faults that strike the n-th call of an op, which strike has counted already.
func (f *faults) lasting(op Op, n int, now time.Time) (active []*Fault) {
	for i := range f.all {
		one := &f.all[i]
		if one.Op == op && f.times[i] > 0 && (n == one.K || now.Before(f.until[i])) {
			active = append(active, one)
		}
	}
	return active
}

// struck says whether a fault of one of the kinds has struck so far.
func (f *faults) struck(kinds ...Kind) bool {
	for i := range f.all {
		if f.times[i] > 0 && slices.Contains(kinds, f.all[i].Kind) {
			return true
		}
	}
	return false
}

// on says whether a fault of one of the kinds lasts now on one of the ops.
func (f *faults) on(now time.Time, ops []Op, kinds ...Kind) bool {
	for i := range f.all {
		if now.Before(f.until[i]) && slices.Contains(ops, f.all[i].Op) && slices.Contains(kinds, f.all[i].Kind) {
			return true
		}
	}
	return false
}

// frozen says whether some read may have been older than the present in this run.
func (f *faults) frozen() bool { return f.struck(Frozen) }

// mistake is the error of a fault that refuses a call, or nil.
func (f Fault) mistake() error {
	switch f.Kind {
	case Conflict:
		return fault.Errorf(fault.Conflict, "409: somebody else wrote first")
	case Denied:
		return fault.Errorf(fault.Denied, "403: forbidden")
	case Unavailable, Every:
		return fault.Errorf(fault.Unavailable, "503: unavailable")
	case Overloaded:
		return &fault.Error{Kind: fault.Unavailable, RetryAfter: 3 * time.Second, Err: fmt.Errorf("429: %w", errBusy)}
	default:
		return nil
	}
}
