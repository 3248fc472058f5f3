package record

import "github.com/serin-dev/serin/internal/rollout"

// Status says what became of a command.
type Status string

// The statuses, in the order in which a command goes through them.
const (
	// Open means that no pass has looked at the command yet.
	Open Status = "open"
	// Consumed means that the state has the command, and that the event that says how it went is on its way.
	Consumed Status = "consumed"
	// Taken means that the command was carried out.
	Taken Status = "taken"
	// Refused means that the command could not be carried out; the message says why.
	Refused Status = "refused"
)

// Ticket is a command that a person gave, with what became of it.
type Ticket struct {
	Command rollout.Command `json:"command" doc:"The command as it was given"`
	Status  Status          `json:"status" enum:"open,consumed,taken,refused" doc:"What became of the command"`
	Message string          `json:"message,omitempty" doc:"What happened, in a sentence"`
}

// Final says whether nothing more will happen to the command.
func (t *Ticket) Final() bool { return t.Status == Taken || t.Status == Refused }

// Take notes what an event says about the command, whose UID is the reason of the events that answer it. It returns
// false if the event is about something else.
func (t *Ticket) Take(e rollout.Event) bool {
	if e.Reason != t.Command.UID {
		return false
	}
	switch e.Type {
	case rollout.CommandTaken:
		t.Status, t.Message = Taken, e.Message
	case rollout.CommandRefused:
		t.Status, t.Message = Refused, e.Message
	case rollout.PhaseChanged, rollout.RunStarted, rollout.RunEnded, rollout.WeightWanted, rollout.WeightAcked,
		rollout.Checked, rollout.GateClosed, rollout.GateOpened, rollout.VerdictReached, rollout.PrimaryWritten,
		rollout.PrimaryRestored, rollout.Warning:
		return false
	}
	return true
}
