package standalone

import (
	"cmp"
	"context"
	"fmt"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/gate/webhookgate"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/notify/slacknotify"
	"github.com/serin-dev/serin/internal/notify/webhooknotify"
	"github.com/serin-dev/serin/internal/rollout"
)

// gateOf makes what asks the hooks of a canary that decide something.
func (d *daemon) gateOf(in ingredients) (*gate.Gate, error) {
	c := in.canary
	var hooks []gate.Hook
	for _, h := range canaryspec.Hooks(c) {
		if h.Type == rollout.EventHook || h.Type == rollout.PostRollout {
			continue
		}
		driver, err := webhookgate.New(webhookgate.Config{
			URL: h.URL, Namespace: c.Namespace, Name: c.Name, Metadata: h.Metadata,
		}, d.reach(in, h))
		if err != nil {
			return nil, fmt.Errorf("hook %s: %w", h.Name, err)
		}
		hooks = append(hooks, gate.Hook{Name: h.Name, Driver: driver, Timeout: h.Timeout, Retries: h.Retries})
	}
	return gate.New(hooks, gate.Options{Logger: d.log})
}

// reach says how a hook is called.
func (d *daemon) reach(in ingredients, h canaryspec.Hook) courier.Options {
	return courier.Options{
		Pool:               d.pool,
		Authorization:      authorization(in.secrets[targetKey{Namespace: in.canary.Namespace, Name: h.Secret}]),
		InsecureSkipVerify: h.SkipVerify,
	}
}

// notifierOf makes what tells of a canary's events: hooks that decide nothing, and alerts. The sentences say which of
// them cannot be told.
func (d *daemon) notifierOf(in ingredients) (*notify.Notifier, []string, error) {
	c := in.canary
	var routes []notify.Route
	var muted, notes []string
	for _, h := range canaryspec.Hooks(c) {
		if h.MuteAlert {
			muted = append(muted, h.Name)
		}
		if h.Type != rollout.EventHook && h.Type != rollout.PostRollout {
			continue
		}
		driver, err := webhooknotify.New(webhooknotify.Hook{URL: h.URL, Type: h.Type, Metadata: h.Metadata}, d.reach(in, h))
		if err != nil {
			return nil, nil, fmt.Errorf("hook %s: %w", h.Name, err)
		}
		route := notify.EventHook(h.Name, driver)
		if h.Type == rollout.PostRollout {
			route = notify.PostRollout(h.Name, driver)
		}
		route.Timeout = h.Timeout
		routes = append(routes, route)
	}
	for _, a := range canaryspec.Alerts(c) {
		if in.providers[a.Name] == nil {
			notes = append(notes, fmt.Sprintf("alert %s is not sent: its AlertProvider is gone", a.Name))
			continue
		}
		driver, err := d.receiver(in, in.providers[a.Name])
		if err != nil {
			return nil, nil, fmt.Errorf("alert %s: %w", a.Name, err)
		}
		if driver == nil {
			notes = append(notes, fmt.Sprintf("alert %s is not sent: receivers of type %s are not supported yet", a.Name, in.providers[a.Name].Spec.Type))
			continue
		}
		routes = append(routes, notify.Alert(a.Name, a.Severity, muted, driver))
	}
	subject := notify.Subject{Namespace: c.Namespace, Name: c.Name, Target: c.Spec.TargetRef.Name}
	n, err := notify.New(subject, routes, notify.Options{})
	return n, notes, err
}

// receiver makes what delivers alerts to a provider, or nil for a kind that there is no driver for.
func (d *daemon) receiver(in ingredients, p *v1beta1.AlertProvider) (notify.Driver, error) {
	o := courier.Options{Proxy: p.Spec.Proxy, Pool: d.pool}
	s := secret{}
	if p.Spec.SecretRef != nil {
		s = in.secrets[targetKey{Namespace: p.Namespace, Name: p.Spec.SecretRef.Name}]
	}
	address := cmp.Or(string(s["address"]), p.Spec.Address)
	switch p.Spec.Type {
	case v1beta1.AlertSlack:
		return slacknotify.New(slacknotify.Config{
			Address: address, Token: string(s["token"]), Channel: p.Spec.Channel, Username: p.Spec.Username,
		}, o)
	case v1beta1.AlertGeneric:
		o.Authorization = authorization(s)
		return webhooknotify.NewAlert(address, o)
	default:
		return nil, nil //nolint:nilnil // The caller says that there is none.
	}
}

// nothing measures nothing and asks nobody: all that a canary needs that is only to be released.
type nothing struct{}

// Measure implements engine.Meter.
func (nothing) Measure(context.Context, rollout.Measure) analysis.Evidence {
	return analysis.Evidence{}
}

// Ask implements engine.Gate.
func (nothing) Ask(context.Context, rollout.Ask) rollout.Answer {
	return rollout.Answer{Message: "the canary is being released"}
}
