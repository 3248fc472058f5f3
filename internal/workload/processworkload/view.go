package processworkload

import (
	"fmt"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// Endpoint is a pod that can be sent requests.
type Endpoint struct {
	// Address is HOST:PORT of the first port.
	Address  string
	Revision string
	// Ports are HOST:PORT by the name of the port, for those that have one.
	Ports map[string]string
}

// Pod is a pod as people see it.
type Pod struct {
	Name     string
	Side     rollout.SideName
	Revision string
	Ready    bool
	// Ending means that it gets no new requests and is about to be gone.
	Ending bool
	// Why is what keeps it from being ready, in a sentence, if that is known.
	Why string
	// PID is 0 while no process runs.
	PID      int
	Restarts int
	// Started is when the process that runs was started, or when the last one was.
	Started time.Time
	// Address and Ports are as in Endpoint.
	Address string
	Ports   map[string]string
}

// Endpoints returns the ready pods of both sides that are not ending, in the order in which they were made.
func (s *Supervisor) Endpoints(namespace, name string) (primary, canary []Endpoint) {
	for _, p := range s.Pods(namespace, name) {
		if !p.Ready || p.Ending || p.Address == "" {
			continue
		}
		e := Endpoint{Address: p.Address, Revision: p.Revision, Ports: p.Ports}
		if p.Side == rollout.PrimarySide {
			primary = append(primary, e)
		} else {
			canary = append(canary, e)
		}
	}
	return primary, canary
}

// Pods lists the pods of a target in the order in which they were made.
func (s *Supervisor) Pods(namespace, name string) []Pod {
	u := s.unit(Key{namespace, name})
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	var pods []Pod
	for i := range u.rec.Pods {
		pods = append(pods, u.view(&u.rec.Pods[i]))
	}
	return pods
}

func (u *unit) view(r *podRecord) Pod {
	v := Pod{
		Name: r.Name, Side: r.Side, Revision: r.Revision, Ending: r.Ending,
		Restarts: r.Restarts, Started: r.Since, Ports: map[string]string{},
	}
	p := u.pods[r.Name]
	if p == nil {
		return v
	}
	v.Ready, v.PID, v.Why = p.ready, p.pid, p.reason()
	for i, n := range r.Ports {
		if i == 0 {
			v.Address = loopback(n)
		}
		if i < len(p.template.Ports) && p.template.Ports[i].Name != "" {
			v.Ports[p.template.Ports[i].Name] = loopback(n)
		}
	}
	return v
}

// reason says why a pod is not ready. How the last process ended says more than that the next one does not answer yet.
func (p *pod) reason() string {
	switch {
	case p.ready:
		return ""
	case p.exit != "":
		return p.exit
	default:
		return p.why
	}
}

// tally counts the pods of a side.
type tally struct{ ready, serving int }

func (u *unit) count(r *record, side rollout.SideName) tally {
	var t tally
	for _, p := range u.census(r, side) {
		if !p.Ready || p.Ending {
			continue
		}
		t.serving++
		if p.Current {
			t.ready++
		}
	}
	return t
}

// observe describes the unit for the core.
func (u *unit) observe() (rollout.Workload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for name, p := range u.pods {
		if r := u.rec.pod(name); p.unsure && r != nil && !r.Ending {
			// Saying that it is not ready would be a guess, and one that ends runs.
			return rollout.Workload{}, fault.Errorf(fault.Unavailable, "the pods of %s were taken over and have not been probed yet", u.key)
		}
	}
	r := &u.rec
	w := rollout.Workload{
		Target:  rollout.Target{Exists: r.Target.Exists, Revision: r.Target.Revision, Replicas: r.Target.Replicas, Pinned: slices.Clone(r.Kept)},
		Primary: u.sideSeen(rollout.PrimarySide),
		Canary:  u.sideSeen(rollout.CanarySide),
	}
	return w, nil
}

func (u *unit) sideSeen(side rollout.SideName) rollout.Side {
	r := u.rec.side(side)
	if !r.Exists {
		return rollout.Side{Serving: u.count(&u.rec, side).serving}
	}
	t := u.count(&u.rec, side)
	s := rollout.Side{
		Exists: true, Revision: r.Revision, Replicas: r.Replicas, Ready: t.ready, Serving: t.serving, Why: u.why(side),
	}
	// Any of the programs that may take part in a replacement can forbid that two run at a time.
	s.Abrupt = u.abrupt(&u.rec, side) || u.recreates(u.rec.Canary.Revision) || u.recreates(u.rec.Target.Revision)
	return s
}

// why says what keeps the first pod of a side that is not ready from being so.
func (u *unit) why(side rollout.SideName) string {
	if u.trouble[side] != "" {
		return u.trouble[side]
	}
	for i := range u.rec.Pods {
		r := &u.rec.Pods[i]
		p := u.pods[r.Name]
		if r.Side != side || r.Ending || p == nil || r.Revision != u.rec.side(side).Revision {
			continue
		}
		if why := p.reason(); why != "" {
			return fmt.Sprintf("%s: %s", r.Name, why)
		}
	}
	return ""
}
