package standalone

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/prommeter"
	"github.com/serin-dev/serin/internal/router"
	"github.com/serin-dev/serin/internal/router/tablerouter"
	"github.com/serin-dev/serin/internal/standalone/manifest"
	"github.com/serin-dev/serin/internal/workload"
)

// secret is the data of a Secret. It stays in memory.
type secret = map[string][]byte

// ingredients are the objects that one canary is made of. Equal ingredients make an equal canary.
type ingredients struct {
	canary *v1beta1.Canary
	// templates and providers are by the name of the metric and of the alert, secrets by namespace and name.
	templates map[string]*v1beta1.MetricTemplate
	providers map[string]*v1beta1.AlertProvider
	secrets   map[targetKey]secret
}

func (in ingredients) equal(other ingredients) bool { return reflect.DeepEqual(in, other) }

// gather collects what a canary refers to. The set has been checked: what is missing is optional.
func gather(c *v1beta1.Canary, set *manifest.Set) ingredients {
	in := ingredients{
		canary:    c,
		templates: map[string]*v1beta1.MetricTemplate{},
		providers: map[string]*v1beta1.AlertProvider{},
		secrets:   map[targetKey]secret{},
	}
	keep := func(namespace, name string) {
		if key := (targetKey{Namespace: namespace, Name: name}); name != "" {
			in.secrets[key] = set.Secret(key)
		}
	}
	for _, m := range canaryspec.Metrics(c) {
		if m.Template == nil {
			continue
		}
		t := set.MetricTemplate(targetKey{Namespace: m.Template.Namespace, Name: m.Template.Name})
		in.templates[m.Name] = t
		if t != nil && t.Spec.Provider.SecretRef != nil {
			keep(t.Namespace, t.Spec.Provider.SecretRef.Name)
		}
	}
	for _, a := range canaryspec.Alerts(c) {
		p := set.AlertProvider(targetKey{Namespace: a.Provider.Namespace, Name: a.Provider.Name})
		in.providers[a.Name] = p
		if p != nil && p.Spec.SecretRef != nil {
			keep(p.Namespace, p.Spec.SecretRef.Name)
		}
	}
	for _, h := range canaryspec.Hooks(c) {
		keep(c.Namespace, h.Secret)
	}
	return in
}

// make makes a canary of the engine, with a port for everything that it touches.
func (d *daemon) make(in ingredients) (*member, error) {
	m := d.bare(in.canary)
	m.ingredients = in
	if m.problem != "" {
		return nil, errors.New(m.problem)
	}
	var err error
	if m.engine.Meter, err = d.meterOf(in); err != nil {
		return nil, err
	}
	if m.engine.Gate, err = d.gateOf(in); err != nil {
		return nil, err
	}
	notifier, notes, err := d.notifierOf(in)
	if err != nil {
		return nil, err
	}
	m.engine.Notifier, m.made, m.notes = notifier, notes, notes
	return m, nil
}

// bare makes a canary that can only be released: it measures nothing, asks nobody and tells nobody.
func (d *daemon) bare(c *v1beta1.Canary) *member {
	m := &member{
		ingredients: ingredients{canary: c},
		target:      subjectOf(c),
		service:     serviceKey(c),
	}
	pods, err := workload.New(d.pods.Driver(m.target.Namespace, m.target.Name), workload.Options{Logger: d.log})
	spec, problems := canaryspec.Spec(c)
	spec.Traffic = manifest.Capabilities(c)
	m.engine = &engine.Canary{
		Key:      engine.Key{Namespace: c.Namespace, Name: c.Name},
		Spec:     spec,
		Workload: pods,
		Router:   router.New(tablerouter.New(d.table, m.service), router.Options{}),
		Meter:    nothing{},
		Gate:     nothing{},
	}
	if err := cmp.Or(err, problems.Err()); err != nil {
		m.block(err.Error())
	}
	return m
}

func (d *daemon) meterOf(in ingredients) (*meter.Meter, error) {
	c := in.canary
	subject := meter.Subject{
		Name: c.Name, Namespace: c.Namespace, Target: c.Spec.TargetRef.Name, Service: canaryspec.ServiceName(c),
	}
	source := d.source
	if c.Spec.MetricsServer != "" {
		var err error
		if source, err = externalMetrics(c.Spec.MetricsServer); err != nil {
			return nil, fmt.Errorf("spec.metricsServer: %w", err)
		}
	}
	var counts *meter.Counts
	var gauges []meter.Gauge
	for _, m := range canaryspec.Metrics(c) {
		if m.Source != analysis.Query {
			var err error
			if counts, err = meter.CountsOf(source, string(v1beta1.ProviderEnvoy), subject); err != nil {
				return nil, err
			}
			continue
		}
		g := meter.Gauge{
			Name: m.Name, Driver: source, Text: m.Query,
			Vars: meter.Vars{Subject: subject, Interval: m.Window, Variables: m.Variables},
		}
		if t := in.templates[m.Name]; t != nil {
			g.Text = t.Spec.Query
			var err error
			if g.Driver, err = templateSource(source, t, in.secrets); err != nil {
				return nil, fmt.Errorf("MetricTemplate %s: %w", t.Name, err)
			}
		}
		gauges = append(gauges, g)
	}
	return meter.New(counts, gauges, meter.Options{})
}

// templateSource returns who answers a template: its own server, or the one of the builtin metrics.
func templateSource(source meter.Driver, t *v1beta1.MetricTemplate, secrets map[targetKey]secret) (meter.Driver, error) {
	p := &t.Spec.Provider
	if p.Type != v1beta1.MetricProviderPrometheus {
		return nil, fault.Errorf(fault.Unsupported, "metrics of type %s cannot be read yet: use a template of type prometheus", p.Type)
	}
	if p.Address == "" {
		return source, nil
	}
	o := prommeter.Options{InsecureSkipVerify: p.InsecureSkipVerify, Headers: http.Header{}}
	for name, values := range p.Headers {
		for _, v := range values {
			o.Headers.Add(name, string(v))
		}
	}
	if p.SecretRef != nil {
		s := secrets[targetKey{Namespace: t.Namespace, Name: p.SecretRef.Name}]
		o.Username, o.Password, o.Token = string(s["username"]), string(s["password"]), string(s["token"])
	}
	return prommeter.New(p.Address, o)
}

func externalMetrics(address string) (meter.Driver, error) {
	return prommeter.New(address, prommeter.Options{})
}

// authorization makes the header of that name out of a Secret: what it holds under that key, a bearer token, or a user
// with a password.
func authorization(s secret) string {
	switch {
	case len(s["authorization"]) > 0:
		return string(s["authorization"])
	case len(s["token"]) > 0:
		return "Bearer " + string(s["token"])
	case len(s["username"]) > 0:
		pair := slices.Concat(s["username"], []byte(":"), s["password"])
		return "Basic " + base64.StdEncoding.EncodeToString(pair)
	default:
		return ""
	}
}
