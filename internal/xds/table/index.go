package table

import (
	"strings"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// preferredNamespace is whose service a bare name means where several namespaces have one of that name.
const preferredNamespace = "default"

// index finds services. Tables that differ in weights and endpoints alone share it.
type index struct {
	keys      map[Key]int
	bare      map[string]int
	hosts     map[string]int
	addresses map[string]Destination
}

// ambiguous marks a bare name that several namespaces have.
const ambiguous = -1

func newIndex(shared string, entries []*entry) (*index, error) {
	x := &index{
		keys:      make(map[Key]int, len(entries)),
		bare:      make(map[string]int, len(entries)),
		hosts:     map[string]int{},
		addresses: map[string]Destination{},
	}
	for i := range entries {
		if err := x.add(i, entries, shared); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *index) add(i int, entries []*entry, shared string) error {
	s := entries[i].service
	if _, ok := x.keys[s.Key]; ok {
		return fault.Errorf(fault.Conflict, "service %s is in the routing table twice", s.Key)
	}
	x.keys[s.Key] = i
	if !s.Private {
		x.addBare(i, entries)
		for _, host := range s.Hosts {
			host = strings.ToLower(host)
			if other, ok := x.hosts[host]; ok && other != i {
				return fault.Errorf(fault.Conflict, "host %q of service %s belongs to service %s already: remove it from one of them",
					host, s.Key, entries[other].service.Key)
			}
			x.hosts[host] = i
		}
	}
	for _, l := range s.Listen.each() {
		if l.address == shared {
			return fault.Errorf(fault.Conflict, "listen.%s of service %s is %s, the address of the shared listener: choose another port",
				l.field, s.Key, l.address)
		}
		if other, ok := x.addresses[l.address]; ok {
			return fault.Errorf(fault.Conflict, "listen.%s of service %s is %s, an address of service %s already: choose another port",
				l.field, s.Key, l.address, entries[other.Position].service.Key)
		}
		x.addresses[l.address] = Destination{Position: i, Side: l.side}
	}
	return nil
}

func (x *index) addBare(i int, entries []*entry) {
	s := entries[i].service
	other, taken := x.bare[s.Name]
	switch {
	case !taken, s.Namespace == preferredNamespace:
		x.bare[s.Name] = i
	case other != ambiguous && entries[other].service.Namespace == preferredNamespace:
	default:
		x.bare[s.Name] = ambiguous
	}
}

type listenAddress struct {
	field, address string
	side           rollout.SideName
}

// each lists the addresses that are set.
func (l Listen) each() []listenAddress {
	var list []listenAddress
	for _, a := range []listenAddress{
		{"apex", l.Apex, ""},
		{"primary", l.Primary, rollout.PrimarySide},
		{"canary", l.Canary, rollout.CanarySide},
	} {
		if a.address != "" {
			list = append(list, a)
		}
	}
	return list
}

// Addresses calls f for each address that a service of its own listens on, in the order of the services.
func (t *Table) Addresses(f func(address string, d Destination)) {
	for i := range t.entries {
		listen := &t.entries[i].service.Listen
		if *listen == (Listen{}) {
			continue
		}
		for _, l := range listen.each() {
			f(l.address, Destination{Position: i, Side: l.side})
		}
	}
}

// ByAddress returns what the requests that arrive at a service's own address are for.
func (t *Table) ByAddress(address string) (Destination, bool) {
	d, ok := t.index.addresses[address]
	return d, ok
}

// ByHost returns what a host name means on the shared listener: S, S.NAMESPACE, S.NAMESPACE.svc and
// S.NAMESPACE.svc.cluster.local, each also with -primary or -canary after S; then the services' further hosts, of
// which the longest wildcard counts. A port is ignored.
func (t *Table) ByHost(host string) (Destination, bool) {
	host = strings.ToLower(withoutPort(host))
	if d, ok := t.byOwnName(host); ok {
		return d, true
	}
	if i, ok := t.index.hosts[host]; ok {
		return Destination{Position: i}, true
	}
	for rest := host; ; {
		_, after, found := strings.Cut(rest, ".")
		if !found {
			break
		}
		if i, ok := t.index.hosts["*."+after]; ok {
			return Destination{Position: i}, true
		}
		rest = after
	}
	i, ok := t.index.hosts["*"]
	return Destination{Position: i}, ok
}

func (t *Table) byOwnName(host string) (Destination, bool) {
	host = strings.TrimSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	name, namespace, qualified := strings.Cut(host, ".")
	if i, ok := t.position(name, namespace, qualified); ok {
		return Destination{Position: i}, true
	}
	for _, side := range []rollout.SideName{rollout.PrimarySide, rollout.CanarySide} {
		s, cut := strings.CutSuffix(name, "-"+string(side))
		if !cut {
			continue
		}
		if i, ok := t.position(s, namespace, qualified); ok {
			return Destination{Position: i, Side: side}, true
		}
	}
	return Destination{}, false
}

func (t *Table) position(name, namespace string, qualified bool) (int, bool) {
	if !qualified {
		i, ok := t.index.bare[name]
		return i, ok && i != ambiguous
	}
	i, ok := t.index.keys[Key{Namespace: namespace, Name: name}]
	return i, ok && !t.entries[i].service.Private
}

// withoutPort takes the port off a Host header. An IPv6 literal keeps its brackets.
func withoutPort(host string) string {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host
	}
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		return host
	}
	return host[:i]
}
