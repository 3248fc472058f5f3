package sim

import (
	"slices"
	"strings"

	"github.com/serin-dev/serin/internal/rollout"
)

// ending says in a line how the canary ended. The caller holds mu.
func (w *World) ending() string {
	if w.gone {
		if w.abandoned {
			return "abandoned at the deadline of its release"
		}
		if w.manifest == nil {
			return "released, nothing runs"
		}
		return "released, the target serves " + w.side(rollout.CanarySide).revision
	}
	s := &w.state
	text := string(s.Phase) + ", the primary serves " + w.side(rollout.PrimarySide).revision
	if r := s.Run; r != nil {
		text += ", run of " + r.Revision + " " + strings.ToLower(string(r.Outcome))
		if r.Reason != "" {
			text += " (" + r.Reason + ")"
		}
	}
	return text
}

// ended holds the ending against those that the scenario lists. The caller holds mu.
func (w *World) ended() {
	end := w.ending()
	allowed := []string{w.scenario.Ending}
	if len(w.options.Faults) > 0 {
		allowed = append(allowed, w.scenario.Endings...)
	}
	if w.harsh() {
		w.laws.mustf(w.sensible(), "L1", "the ending is not sensible: %s", end)
		return
	}
	w.laws.mustf(slices.Contains(allowed, end), "L1", "the ending is not listed: %s", end)
}

// harsh says whether the faults were such that a canary may rightly end in another way: something that it needs was
// away or wrong for a while, or somebody changed what is wanted. Deaths and lost answers are no excuse.
func (w *World) harsh() bool {
	for _, f := range w.options.Faults {
		switch f.Kind {
		case CrashBefore, CrashAfter, Lost:
		default:
			return true
		}
	}
	return false
}

// sensible says whether the canary ended well or was rolled back, with nothing in between: the primary serves what is
// promoted by right, and the revision that is wanted is promoted or was tried.
func (w *World) sensible() bool {
	if w.gone {
		return w.deleting
	}
	s := &w.state
	if w.manifest == nil || w.deleting {
		return w.manifest == nil && !w.deleting
	}
	tried := s.Tried == w.manifest.Revision || s.Promoted == w.manifest.Revision
	return tried && w.laws.rightful[s.Promoted]
}
