package standalone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload/processworkload"
	"github.com/serin-dev/serin/internal/xds/table"
)

// route makes the services of a world, each with stable addresses: one for every canary, and one for every Deployment
// that no canary looks after.
func (d *daemon) route(ctx context.Context, w *world) ([]table.Service, error) {
	var services []table.Service
	owned := map[targetKey]bool{}
	for _, m := range slices.SortedFunc(maps.Values(w.members), older) {
		key := m.engine.Key
		owned[m.target] = true
		if m.problem != "" {
			continue
		}
		if _, taken := w.services[m.service]; taken {
			m.block(fmt.Sprintf("service %s belongs to another canary already: write another spec.service.name", m.service))
			continue
		}
		s := serviceOf(m.ingredients.canary)
		var target *processworkload.Target
		if t, ok := w.set.Target(m.target); ok {
			target = &t
		}
		port, warning := targetPort(m.ingredients.canary, target)
		var err error
		if s.Listen, err = d.listenOn(ctx, s.Key, true); err != nil {
			return nil, err
		}
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("canary %s: %w", key, err)
		}
		made := *m
		made.addresses = d.addressesOf(s)
		if warning != "" {
			made.notes = append(slices.Clip(m.made), warning)
		}
		made.warnings = slices.Clone(made.notes)
		for _, w := range w.set.WarningsOf(v1beta1.CanaryKind, targetKey(key)) {
			made.warnings = append(made.warnings, w.String())
		}
		w.members[key] = &made
		w.services[s.Key] = backing{target: m.target, port: port}
		services = append(services, s)
	}
	for _, t := range w.set.Targets() {
		s, err := d.plainService(ctx, w, owned, t)
		if err != nil {
			return nil, err
		}
		if s != nil {
			services = append(services, *s)
		}
	}
	// What contradicts another service is found before anything is changed.
	_, err := table.New(d.o.Listen, services...)
	return services, err
}

// plainService is the service of a Deployment without a canary, which is reached by the name of the Deployment; nil
// where there is none.
func (d *daemon) plainService(ctx context.Context, w *world, owned map[targetKey]bool, t processworkload.Target) (*table.Service, error) {
	key := table.Key{Namespace: t.Namespace, Name: t.Name}
	if _, taken := w.services[key]; taken || owned[targetKey{Namespace: t.Namespace, Name: t.Name}] || len(t.Template.Ports) == 0 {
		return nil, nil //nolint:nilnil // No service is a usual answer.
	}
	listen, err := d.listenOn(ctx, key, false)
	if err != nil {
		return nil, err
	}
	w.services[key] = backing{target: targetKey{Namespace: t.Namespace, Name: t.Name}}
	return &table.Service{Key: key, Listen: listen, Protocol: table.ProtocolOf("", t.Template.Ports[0].Name)}, nil
}

// listenOn returns the stable addresses of a service and, where it has them, of its sides.
func (d *daemon) listenOn(ctx context.Context, key table.Key, sides bool) (table.Listen, error) {
	var l table.Listen
	var err error
	if l.Apex, err = d.ports.address(ctx, key.String()); err != nil || !sides {
		return l, err
	}
	if l.Primary, err = d.ports.address(ctx, key.Cluster(rollout.PrimarySide)); err != nil {
		return l, err
	}
	l.Canary, err = d.ports.address(ctx, key.Cluster(rollout.CanarySide))
	return l, err
}

// addressesOf lists for people where a service is reached.
func (d *daemon) addressesOf(s table.Service) []httpapi.Address {
	list := []httpapi.Address{
		{Service: s.Name, URL: "http://" + s.Listen.Apex},
		{Service: s.Name + "-primary", URL: "http://" + s.Listen.Primary},
		{Service: s.Name + "-canary", URL: "http://" + s.Listen.Canary},
	}
	_, port, err := net.SplitHostPort(d.o.Listen)
	if err != nil {
		return list
	}
	for _, host := range slices.Concat([]string{s.Name + "." + s.Namespace}, s.Hosts) {
		list = append(list, httpapi.Address{Service: s.Name, URL: "http://" + net.JoinHostPort(host, port)})
	}
	return list
}

// publish puts the services of a world into the routing table and takes the others out of it.
func (d *daemon) publish(ctx context.Context, old, w *world, services []table.Service) error {
	d.endpoints.Lock()
	defer d.endpoints.Unlock()
	for i := range services {
		s := &services[i]
		s.Primary, s.Canary = d.endpointsOf(w.services[s.Key])
	}
	// Names may move from one service to another, so what goes has to go first.
	var errs []error
	for key := range old.services {
		if _, still := w.services[key]; still {
			continue
		}
		errs = append(errs, d.table.Delete(key))
		for _, name := range []string{key.String(), key.Cluster(rollout.PrimarySide), key.Cluster(rollout.CanarySide)} {
			errs = append(errs, d.ports.forget(ctx, name))
		}
	}
	errs = append(errs, d.table.Put(services...))
	return errors.Join(errs...)
}

// endpointsOf are where the requests of a service can go now.
func (d *daemon) endpointsOf(b backing) (primary, canary []table.Endpoint) {
	p, c := d.pods.Endpoints(b.target.Namespace, b.target.Name)
	return endpoints(p, b.port), endpoints(c, b.port)
}

func endpoints(list []processworkload.Endpoint, port string) []table.Endpoint {
	made := make([]table.Endpoint, 0, len(list))
	for _, e := range list {
		address := e.Address
		if other, ok := e.Ports[port]; ok && port != "" {
			address = other
		}
		made = append(made, table.Endpoint{Address: address, Revision: e.Revision})
	}
	return made
}

// podsChanged brings the endpoints of a target up to date and wakes its canary.
func (d *daemon) podsChanged(namespace, name string) {
	w := d.world.Load()
	if w == nil {
		return
	}
	target := targetKey{Namespace: namespace, Name: name}
	d.refresh(w, target)
	d.scrape(w)
	for key, m := range w.members {
		if m.target == target {
			d.engine.Wake(key)
		}
	}
}

func (d *daemon) refresh(w *world, target targetKey) {
	d.endpoints.Lock()
	defer d.endpoints.Unlock()
	for key, b := range w.services {
		if b.target != target {
			continue
		}
		primary, canary := d.endpointsOf(b)
		if err := d.table.SetEndpoints(key, primary, canary); err != nil && fault.KindOf(err) != fault.NotFound {
			d.log.Error("The endpoints of a service cannot be routed to", "service", key.String(), "error", err.Error())
		}
	}
}

// drain returns once no request goes to a pod that is about to end, and those that went have their answers.
func (d *daemon) drain(ctx context.Context, namespace, name string, addresses []string) error {
	if w := d.world.Load(); w != nil {
		d.refresh(w, targetKey{Namespace: namespace, Name: name})
	}
	return d.proxy.Settle(ctx, addresses)
}

// reported wakes the canaries whose services the data plane has something new to say of.
func (d *daemon) reported(keys []table.Key) {
	w := d.world.Load()
	if w == nil {
		return
	}
	for key, m := range w.members {
		if slices.Contains(keys, m.service) {
			d.engine.Wake(key)
		}
	}
}
