package proxy

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// snapshot is a table in the form that requests are routed by. It is immutable.
type snapshot struct {
	table *table.Table
	// services are at the positions of the table. One is nil if it was refused and there is no earlier version of it.
	services []*service
}

// service is one service with all that its requests need, worked out once. It is immutable and shared by the
// snapshots in which the service is the same.
type service struct {
	spec     *table.Service
	split    rollout.Split
	primary  side
	canary   side
	match    []condition
	affinity *affinity
	retries  policy
	timeout  time.Duration
	request  headerChange
	response headerChange
	cors     *cors
	// named are the endpoints of both sides, those that may not get requests included.
	named []*endpoint
}

// side is one version of a service.
type side struct {
	cluster   *cluster
	endpoints []*endpoint
}

func (s *service) side(name rollout.SideName) *side {
	if name == rollout.CanarySide {
		return &s.canary
	}
	return &s.primary
}

// find returns the service that a request is for, and its side or nothing if the split decides. The address is that
// of the listener.
func (s *snapshot) find(address, host string) (*service, rollout.SideName) {
	d, ok := s.table.ByAddress(address)
	if !ok && address == s.table.Shared() {
		d, ok = s.table.ByHost(host)
	}
	if !ok {
		return nil, ""
	}
	return s.services[d.Position], d.Side
}

// putInForce makes the table the one that requests are routed by. What is the same as before is not compiled again.
func (p *Proxy) putInForce(t *table.Table) []table.Refusal {
	p.mu.Lock()
	old := p.current.Load()
	next := &snapshot{table: t, services: make([]*service, t.Len())}
	var refused []table.Refusal
	var dropped []*service
	var gone []table.Key
	j := 0
	// Both tables are ordered by key.
	for i := range next.services {
		spec := t.At(i)
		for ; j < len(old.services) && old.table.At(j) != spec && compareKeys(old.table.At(j).Key, spec.Key) < 0; j++ {
			dropped, gone = append(dropped, old.services[j]), append(gone, old.table.At(j).Key)
		}
		var before *service
		if j < len(old.services) && old.table.At(j).Key == spec.Key {
			before = old.services[j]
			j++
		}
		if before != nil && before.spec == spec {
			next.services[i] = before
			continue
		}
		compiled, err := p.compileLocked(spec)
		if err != nil {
			refused = append(refused, table.Refusal{Key: spec.Key, Message: err.Error()})
			next.services[i] = before
			continue
		}
		next.services[i] = compiled
		dropped = append(dropped, before)
	}
	for ; j < len(old.services); j++ {
		dropped, gone = append(dropped, old.services[j]), append(gone, old.table.At(j).Key)
	}
	p.current.Store(next)
	// Only now may an endpoint count as left: whoever picks it from the old snapshot notices and picks again.
	p.dropLocked(dropped, gone)
	p.mu.Unlock()
	p.news.tell()
	return refused
}

func (p *Proxy) dropLocked(dropped []*service, gone []table.Key) {
	for _, s := range dropped {
		if s == nil {
			continue
		}
		for _, e := range s.named {
			p.unnameLocked(e)
		}
	}
	for _, key := range gone {
		delete(p.clusters, key)
	}
}

func (p *Proxy) compileLocked(spec *table.Service) (*service, error) {
	s := &service{
		spec: spec, split: spec.Route(), timeout: spec.Timeout,
		affinity: compileAffinity(spec),
		retries:  compilePolicy(spec.Retries),
		request:  compileHeaderChange(spec.Request),
		response: compileHeaderChange(spec.Response),
	}
	var err error
	if s.match, err = compileConditions(spec.Match); err != nil {
		return nil, fmt.Errorf("match: %w", err)
	}
	if s.cors, err = compileCORS(spec.CORS); err != nil {
		return nil, fmt.Errorf("cors: %w", err)
	}
	counted := p.clusters[spec.Key]
	if counted == nil {
		counted = newClusters(spec.Key)
		p.clusters[spec.Key] = counted
	}
	s.primary = side{cluster: &counted.primary, endpoints: p.endpointsLocked(spec.Endpoints(rollout.PrimarySide))}
	s.canary = side{cluster: &counted.canary, endpoints: p.endpointsLocked(spec.Endpoints(rollout.CanarySide))}
	s.named = append(p.endpointsLocked(spec.Primary), p.endpointsLocked(spec.Canary)...)
	for _, e := range s.named {
		e.named++
	}
	return s, nil
}

func compareKeys(a, b table.Key) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
