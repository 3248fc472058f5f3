// Package rolling decides which pods of one side start and which end, so that every driver that runs pods itself
// replaces them in the same way. It only computes.
package rolling

// Pace says how pods of another revision give way.
type Pace int

// The paces.
const (
	// Gradual starts one pod more than wanted and ends an old one only once there are enough ready pods without it.
	Gradual Pace = iota
	// AtOnce ends the old pods and starts the new ones together: for a side that gets no requests.
	AtOnce
	// Abrupt ends all old pods before it starts the first new one: for programs that must not run twice.
	Abrupt
)

// Pod is what counts of one pod here.
type Pod struct {
	Name string
	// Current means that it runs the wanted revision.
	Current bool
	// Ready means that it can serve now, Served that it could at some time.
	Ready, Served bool
	// Ending means that it was told to end and is still there.
	Ending bool
}

// Want is what a side is to become.
type Want struct {
	Replicas int
	Pace     Pace
}

// Step is what to do now. More follows when a pod gets ready or is gone.
type Step struct {
	Start int
	End   []string
}

// Next returns the next step for pods, which are in the order in which they were started.
func Next(want Want, pods []Pod) Step {
	c := count(pods)
	var s Step
	c.endOthers(want, &s)
	c.endSurplus(want, &s)
	s.Start = c.room(want, len(s.End))
	return s
}

// census is the pods of a side by what may become of them.
type census struct {
	current, others []Pod
	ending          int
	otherEnding     int
	ready           int
	currentReady    int
}

func count(pods []Pod) *census {
	c := &census{}
	for _, p := range pods {
		switch {
		case p.Ending:
			c.ending++
			if !p.Current {
				c.otherEnding++
			}
			continue
		case p.Current:
			c.current = append(c.current, p)
		default:
			c.others = append(c.others, p)
		}
		if p.Ready {
			c.ready++
			if p.Current {
				c.currentReady++
			}
		}
	}
	return c
}

// endOthers ends pods of other revisions, as far as the pace allows.
func (c *census) endOthers(want Want, s *Step) {
	var kept []Pod
	for _, ready := range []bool{false, true} {
		for _, p := range c.others {
			switch {
			case p.Ready != ready:
			case want.Pace != Gradual || c.spare(want, p):
				s.End = append(s.End, p.Name)
				c.otherEnding++
				if p.Ready {
					c.ready--
				}
			default:
				kept = append(kept, p)
			}
		}
	}
	c.others = kept
}

// spare says whether the side can do without a pod of another revision.
func (c *census) spare(want Want, p Pod) bool {
	left := c.ready
	if p.Ready {
		left--
	}
	switch {
	case left >= want.Replicas, !p.Served:
		return true
	default:
		// A pod that is down may still come back. It is given up when the new revision has shown that it works.
		return !p.Ready && c.currentReady > 0
	}
}

// endSurplus ends the pods that are too many: those that are not ready first, then the youngest.
func (c *census) endSurplus(want Want, s *Step) {
	surplus := len(c.current) - want.Replicas
	for _, ready := range []bool{false, true} {
		for i := len(c.current) - 1; i >= 0 && surplus > 0; i-- {
			if c.current[i].Ready == ready {
				s.End = append(s.End, c.current[i].Name)
				surplus--
			}
		}
	}
}

// room is how many pods may start now.
func (c *census) room(want Want, ended int) int {
	missing := want.Replicas - len(c.current)
	if missing <= 0 {
		return 0
	}
	switch {
	case want.Pace == Abrupt && len(c.others)+c.otherEnding > 0:
		return 0
	case want.Pace != Gradual || len(c.others) == 0:
		return missing
	}
	leaving := c.ending + ended
	room := want.Replicas + 1 - len(c.current) - len(c.others) - leaving
	if room <= 0 && leaving == 0 && c.currentReady == len(c.current) {
		// Old pods that are down must not keep the first new one out for ever.
		room = 1
	}
	return min(missing, max(room, 0))
}
