package rollout

import (
	"slices"
	"strconv"
	"time"
)

// maxOutbox bounds the events that wait for delivery, because the state has to stay small. The oldest goes first, and
// its loss is told once there is room again.
const maxOutbox = 64

// tell adds an event to the outbox. It fills in what every event has.
func (p *pass) tell(e Event) {
	p.st.Seq++
	e.ID = eventID(p.now, p.st.Seq)
	e.At, e.Phase = p.now, p.st.Phase
	if e.Severity == "" {
		e.Severity = Info
	}
	if r := p.st.Run; r != nil && e.Run == "" {
		e.Run, e.Revision, e.Step, e.Weight = r.Name, r.Revision, r.Step, r.Weight
	}
	p.st.Outbox = append(p.st.Outbox, e)
	if over := len(p.st.Outbox) - maxOutbox; over > 0 {
		p.st.Outbox = slices.Clone(p.st.Outbox[over:])
		p.st.Dropped += over
	}
}

// eventID makes an id that no other event of the canary has, even if the state was lost in between.
func eventID(at time.Time, seq int) string {
	var id [32]byte
	b := append(strconv.AppendInt(id[:0], at.UnixMilli(), 36), '-')
	return string(strconv.AppendInt(b, int64(seq), 10))
}

// alarm tells people that the wait of this pass needs them: once as long as the canary waits for this reason, and
// not while it waits for another one first.
func (p *pass) alarm(reason, message string) {
	if p.waited && p.st.Wait.Reason == reason && p.was.Reason != reason && p.alarmed != reason {
		p.alarmed = reason
		p.tell(Event{Type: Warning, Severity: Loud, Reason: reason, Message: message})
	}
}

// admitLoss tells how many events were dropped, as soon as telling it drops no other.
func (p *pass) admitLoss() {
	if n := p.st.Dropped; n > 0 && len(p.st.Outbox) < maxOutbox {
		p.st.Dropped = 0
		p.tell(Event{
			Type: Warning, Severity: Loud, Reason: "EventsDropped",
			Message: strconv.Itoa(n) + " events were dropped, because too many waited for delivery",
		})
	}
}

// forgetDelivered drops the events that have arrived.
func (p *pass) forgetDelivered() {
	if len(p.obs.Delivered) == 0 || len(p.st.Outbox) == 0 {
		return
	}
	defer p.admitLoss()
	kept := make([]Event, 0, len(p.st.Outbox))
	for i := range p.st.Outbox {
		if !slices.Contains(p.obs.Delivered, p.st.Outbox[i].ID) {
			kept = append(kept, p.st.Outbox[i])
		}
	}
	if len(kept) == 0 {
		kept = nil
	}
	p.st.Outbox = kept
}
