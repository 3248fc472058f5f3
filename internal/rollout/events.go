package rollout

import (
	"slices"
	"strconv"
)

// maxOutbox bounds the events that wait for delivery; the oldest goes first, and its loss is told.
const maxOutbox = 100

// tell adds an event to the outbox. It fills in what every event has.
func (p *pass) tell(e Event) {
	p.st.Seq++
	e.ID = strconv.FormatInt(p.now.UnixMilli(), 36) + "-" + strconv.Itoa(p.st.Seq)
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
	}
}

// forgetDelivered drops the events that have arrived.
func (p *pass) forgetDelivered() {
	if len(p.obs.Delivered) == 0 || len(p.st.Outbox) == 0 {
		return
	}
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
