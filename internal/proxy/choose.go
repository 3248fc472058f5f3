package proxy

import (
	"math/bits"
	"net/http"
	"slices"

	"github.com/serin-dev/serin/internal/rollout"
)

// choice is what was decided for one request.
type choice struct {
	side rollout.SideName
	// cookie is the Set-Cookie of the answer, or empty.
	cookie string
	// mirror says that the canary gets a copy.
	mirror bool
}

// choose decides by the conditions, the sessions and the weights, in this order.
func (s *service) choose(r *http.Request, random func() uint64) choice {
	c := choice{side: rollout.PrimarySide}
	switch {
	case s.split.Match && s.matches(r):
		c.side = rollout.CanarySide
	case s.affinity == nil:
		c.side = s.draw(random)
	default:
		if c.side = s.affinity.sideOf(r); c.side == "" {
			c.side = s.draw(random)
			c.cookie = s.affinity.begin(c.side)
		}
	}
	c.mirror = c.side == rollout.PrimarySide && s.split.Mirror > 0 && len(s.canary.endpoints) > 0 && hits(s.split.Mirror, random)
	return c
}

func (s *service) draw(random func() uint64) rollout.SideName {
	if hits(s.split.Canary, random) {
		return rollout.CanarySide
	}
	return rollout.PrimarySide
}

// hits is true for a share w of its calls.
func hits(w rollout.Weight, random func() uint64) bool {
	switch {
	case w <= 0:
		return false
	case w >= rollout.Whole:
		return true
	}
	n, _ := bits.Mul64(random(), uint64(rollout.Whole))
	return n < uint64(w)
}

// pick returns the less busy of two random endpoints that were not tried, or nil if there is none.
func (s *side) pick(random func() uint64, tried []*endpoint) *endpoint {
	list := s.endpoints
	if len(tried) > 0 {
		list = slices.DeleteFunc(slices.Clone(list), func(e *endpoint) bool { return slices.Contains(tried, e) })
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	r := random()
	n, _ := bits.Mul64(r, uint64(len(list)))
	m, _ := bits.Mul64(bits.RotateLeft64(r, 32), uint64(len(list)-1)) //nolint:gosec // G115: there are at least two.
	i, j := int(n), int(m)                                            //nolint:gosec // G115: both are below len(list).
	if j >= i {
		j++
	}
	if list[j].inFlight.Load() < list[i].inFlight.Load() {
		return list[j]
	}
	return list[i]
}

// hold picks an endpoint by look, which is asked again whenever the table has changed meanwhile, and counts an
// exchange with it; release ends it.
func (p *Proxy) hold(look func(*snapshot) *endpoint) *endpoint {
	for {
		s := p.current.Load()
		e := look(s)
		if e == nil {
			return nil
		}
		e.inFlight.Add(1)
		if p.current.Load() == s {
			return e
		}
		p.release(e)
	}
}
