package explorer

import (
	"strconv"

	"github.com/serin-dev/serin/internal/rollout"
)

// event is one transition: its kind in the low byte and, for a pass, how many of its effects happened in the high one.
type event uint16

// kind says what happens.
type kind uint8

// What the world does between two passes.
const (
	start kind = iota
	tick
	ack
	canaryReady
	canarySome
	canaryDown
	primaryReady
	primarySome
	primaryDown
	targetFirst
	targetSecond
	targetThird
	deletion
	vanish
	drift
	edit
	// behave is a step of a world in which everything works.
	behave
	// plain and what follows are passes.
	plain
	unreadable
	blind
	rejected
	braked
	pause
	resume
	abort
	promote
	skip
	retry
	// answered and what follows are passes that have answers; see policies.
	answered
)

// everything says that a pass was not interrupted.
const everything = 0xff

func made(k kind, effects int) event { return event(k) | event(effects)<<8 } //nolint:gosec // G115: few effects.

func (e event) kind() kind   { return kind(e & 0xff) }
func (e event) effects() int { return int(e >> 8) }

// What the metrics of a check that has a value say.
const (
	healthy = "good"
	ailing  = "bad"
)

// policy is how the world answers the questions of one pass.
type policy struct {
	name string
	// metrics is what the metrics say: "good", "bad", "none", "Unavailable", "Denied", or empty for no answer.
	metrics string
	// refuses is the type of hook that refuses; a rollback hook that refuses asks for the rollback. silent hooks give
	// no answer.
	refuses rollout.HookType
	silent  bool
}

// policies are all ways in which one pass may be answered. The first is that of a world in which everything works.
func policies() []policy {
	return []policy{
		{name: "everything agrees", metrics: healthy},
		{name: "metrics bad", metrics: ailing},
		{name: "metrics none", metrics: "none"},
		{name: "metrics Unavailable", metrics: "Unavailable"},
		{name: "metrics Denied", metrics: "Denied"},
		{name: "only metrics answer", metrics: healthy, silent: true},
		{name: "only hooks answer"},
		{name: "confirm-rollout refuses", metrics: healthy, refuses: rollout.ConfirmRollout},
		{name: "pre-rollout refuses", metrics: healthy, refuses: rollout.PreRollout},
		{name: "rollout refuses", metrics: healthy, refuses: rollout.DuringRollout},
		{name: "confirm-traffic-increase refuses", metrics: healthy, refuses: rollout.ConfirmTrafficIncrease},
		{name: "confirm-promotion refuses", metrics: healthy, refuses: rollout.ConfirmPromotion},
		{name: "rollback hook asks for it", metrics: healthy, refuses: rollout.RollbackHook},
	}
}

// verbs maps the passes that obey a person to what the person says.
func (k kind) verb() rollout.Verb {
	switch k {
	case pause:
		return rollout.Pause
	case resume:
		return rollout.Resume
	case abort:
		return rollout.Abort
	case promote:
		return rollout.Promote
	case skip:
		return rollout.Skip
	case retry:
		return rollout.Retry
	default:
		return ""
	}
}

func (k kind) String() string {
	names := [...]string{
		"the canary is created", "time passes", "the data plane acknowledges", "canary pods ready", "one canary pod ready", "canary pods down",
		"primary pods ready", "one primary pod ready", "primary pods down",
		"target", "target", "target", "canary deleted", "target gone or back", "route edited", "manifest edited or back",
		"everything works", "pass", "pass that cannot read what runs", "pass that cannot read the route",
		"pass that sees a refusal", "pass under the brake", "pause", "resume", "abort", "promote", "skip", "retry",
	}
	if k >= answered {
		return "pass, " + policies()[k-answered].name
	}
	return names[k] //nolint:gosec // G602: there is a name for each kind before answered.
}

// String says what happens; revision is the name of the target where that changes.
func (e event) text(revision string) string {
	text := e.kind().String()
	switch k := e.kind(); {
	case k == targetFirst, k == targetSecond, k == targetThird:
		text += " " + revision
	case k >= plain && e.effects() != everything:
		text += ", crash after effect " + strconv.Itoa(e.effects())
	}
	return text
}
