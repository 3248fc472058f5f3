package meter

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// births knows from when on each target is known to have been counting in a window. A series that appears
// after that began inside the window: its first value is an increment and not a total of the past.
type births map[string]time.Time

// births finds out from two sources. A target that showed other series earlier in the window did not have this
// one yet, as with the first response of a code. A target that is itself new tells when it started.
func (m *Meter) births(ctx context.Context, w rollout.Measure, answers ...[]Series) (births, error) {
	c := m.counts
	known, beginning := firstSeen(c, w.To, answers)
	late := lateTargets(c, known, beginning, answers)
	if c.Builtin.Started == "" || len(late) == 0 {
		return known, nil
	}
	started, err := m.ask(ctx, c.Driver, c.startQuery(instance, slices.Sorted(maps.Keys(late)), w.To.Sub(w.From)), w.To)
	if err != nil {
		return nil, err
	}
	for _, s := range within(started, w) {
		// A restart makes the start later; what counts is what the target said first.
		at := unix(s.Points[0].Value)
		for _, key := range late[s.Labels[instance]] {
			if !at.Before(w.From) && at.Before(known[key]) {
				known[key] = at
			}
		}
	}
	return known, nil
}

// firstSeen says when each target, and when the first of all, was seen in the answers.
func firstSeen(c *Counts, end time.Time, answers [][]Series) (known births, beginning time.Time) {
	known, beginning = births{}, end
	for _, series := range answers {
		for _, s := range series {
			key, first := c.target(s), s.Points[0].At
			if at, ok := known[key]; !ok || first.Before(at) {
				known[key] = first
			}
			if first.Before(beginning) {
				beginning = first
			}
		}
	}
	return known, beginning
}

// instance is the label under which every Prometheus keeps the address of a target.
const instance = "instance"

// lateTargets groups the targets that were not seen at the beginning of the window by their instance.
func lateTargets(c *Counts, known births, beginning time.Time, answers [][]Series) map[string][]string {
	late := map[string][]string{}
	for _, series := range answers {
		for _, s := range series {
			key, name := c.target(s), s.Labels[instance]
			if name != "" && known[key].After(beginning) && !slices.Contains(late[name], key) {
				late[name] = append(late[name], key)
			}
		}
	}
	return late
}

// inside reports whether a series of the target whose first point is at first began in the window.
func (b births) inside(target string, first time.Time) bool {
	at, ok := b[target]
	return ok && at.Before(first)
}

func unix(seconds float64) time.Time {
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9))
}
