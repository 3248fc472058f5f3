package prom

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/internal/fault"
)

// pool is the name under which the scrape manager knows our targets.
const pool = "serin"

// Target is an endpoint that shows metrics.
type Target struct {
	// Job becomes the label of that name.
	Job string
	// URL is where the metrics are, for example http://127.0.0.1:9100/metrics.
	URL string
	// Labels are added to each series. The label instance is the URL's host unless it is among them.
	Labels map[string]string
}

// targets are what is to be scraped. A change is a signal and not a queue: only the newest list counts.
type targets struct {
	mu      sync.Mutex
	groups  []*targetgroup.Group
	changed chan struct{}
}

// SetTargets replaces the list of what is scraped, before or while Run runs. A list with a mistake is refused
// as fault.Invalid and changes nothing. Series of a target that is gone end at once.
func (p *Prometheus) SetTargets(list []Target) error {
	if len(list) > p.o.MaxTargets {
		return fault.Errorf(fault.Invalid, "%d targets are more than the limit of %d", len(list), p.o.MaxTargets)
	}
	group := &targetgroup.Group{Source: pool}
	for _, t := range list {
		set, err := t.labels()
		if err != nil {
			return fmt.Errorf("target %q of job %q: %w", t.URL, t.Job, err)
		}
		group.Targets = append(group.Targets, set)
	}
	p.targets.mu.Lock()
	p.targets.groups = []*targetgroup.Group{group}
	p.targets.mu.Unlock()
	select {
	case p.targets.changed <- struct{}{}:
	default:
	}
	return nil
}

// labels is the target in the form of the scrape manager.
func (t Target) labels() (model.LabelSet, error) {
	u, err := url.Parse(t.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fault.Errorf(fault.Invalid, "it needs a URL such as http://127.0.0.1:9100/metrics")
	}
	if t.Job == "" {
		return nil, fault.Errorf(fault.Invalid, "it needs a job")
	}
	set := model.LabelSet{}
	for name, value := range t.Labels {
		if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, model.ReservedLabelPrefix) || name == model.JobLabel {
			return nil, fault.Errorf(fault.Invalid, "%q cannot be the name of a label", name)
		}
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	set[model.JobLabel] = model.LabelValue(t.Job)
	set[model.AddressLabel] = model.LabelValue(u.Host)
	set[model.SchemeLabel] = model.LabelValue(u.Scheme)
	set[model.MetricsPathLabel] = model.LabelValue(u.EscapedPath())
	for name, values := range u.Query() {
		set[model.LabelName(model.ParamLabelPrefix+name)] = model.LabelValue(values[0])
	}
	return set, nil
}

// Run scrapes until the context ends.
func (p *Prometheus) Run(ctx context.Context) error {
	log := quiet(p.o.Logger)
	settings, err := p.settings(log)
	if err != nil {
		return err
	}
	manager, err := scrape.NewManager(&scrape.Options{
		// The manager looks for changed targets this often; its own default of 5 s is five scrapes.
		DiscoveryReloadInterval:  model.Duration(100 * time.Millisecond),
		DiscoveryReloadOnStartup: true,
	}, log, nil, p.db, nil, prometheus.NewRegistry())
	if err != nil {
		return fmt.Errorf("prepare scraping: %w", err)
	}
	if err := manager.ApplyConfig(settings); err != nil {
		return fmt.Errorf("prepare scraping: %w", err)
	}
	sets := make(chan map[string][]*targetgroup.Group)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return manager.Run(sets) })
	g.Go(func() error {
		defer manager.Stop()
		p.feed(ctx, sets)
		return nil
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("scrape: %w", err)
	}
	return nil
}

// feed hands every new list of targets to the manager until the context ends.
func (p *Prometheus) feed(ctx context.Context, sets chan<- map[string][]*targetgroup.Group) {
	for {
		p.targets.mu.Lock()
		groups := p.targets.groups
		p.targets.mu.Unlock()
		select {
		case sets <- map[string][]*targetgroup.Group{pool: groups}:
		case <-ctx.Done():
			return
		}
		select {
		case <-p.targets.changed:
		case <-ctx.Done():
			return
		}
	}
}

// settings makes the configuration of the scrape manager. It goes through its own YAML because only that sets
// the defaults that the manager relies on.
func (p *Prometheus) settings(log *slog.Logger) (*config.Config, error) {
	interval := model.Duration(p.o.Interval).String()
	c, err := config.Load(fmt.Sprintf(`
global:
  scrape_interval: %[1]s
  scrape_timeout: %[1]s
scrape_configs:
  - job_name: %[2]s
    honor_timestamps: false
    follow_redirects: false
    enable_http2: false
    fallback_scrape_protocol: PrometheusText0.0.4
    sample_limit: %[3]d
    body_size_limit: %[4]dB
    label_limit: 64
    label_name_length_limit: 256
    label_value_length_limit: 2048
`, interval, pool, p.o.SampleLimit, p.o.BodyLimit), log)
	if err != nil {
		return nil, fmt.Errorf("prepare scraping: %w", err)
	}
	return c, nil
}
