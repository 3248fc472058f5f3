package prom

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/serin-dev/serin/internal/fault"
)

// labelReader reads names or values of labels of the series that matchers select.
type labelReader func(ctx context.Context, q storage.Querier, matchers []*labels.Matcher) ([]string, error)

func (p *Prometheus) serveLabels(w http.ResponseWriter, r *http.Request) {
	p.respondLabels(w, r, func(ctx context.Context, q storage.Querier, m []*labels.Matcher) ([]string, error) {
		names, _, err := q.LabelNames(ctx, &storage.LabelHints{}, m...)
		return names, err
	})
}

func (p *Prometheus) serveLabelValues(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.respondLabels(w, r, func(ctx context.Context, q storage.Querier, m []*labels.Matcher) ([]string, error) {
		values, _, err := q.LabelValues(ctx, name, &storage.LabelHints{}, m...)
		return values, err
	})
}

func (p *Prometheus) respondLabels(w http.ResponseWriter, r *http.Request, read labelReader) {
	found, err := p.labels(r, read)
	if err != nil {
		respondError(w, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"status": "success", "data": found})
}

// labels reads for each selector of match[], or once without one.
func (p *Prometheus) labels(r *http.Request, read labelReader) ([]string, error) {
	start, err := timeOf(r, "start", time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	end, err := timeOf(r, "end", time.Now().Add(time.Hour))
	if err != nil {
		return nil, err
	}
	selectors, err := newParser().ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "match[] cannot be read: %w", err)
	}
	if len(selectors) == 0 {
		selectors = [][]*labels.Matcher{nil}
	}
	p.open.RLock()
	defer p.open.RUnlock()
	if p.closed {
		return nil, fault.Errorf(fault.Unavailable, "the metrics are closed")
	}
	q, err := p.db.Querier(start.UnixMilli(), end.UnixMilli())
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "read the labels: %w", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.o.QueryTimeout)
	defer cancel()
	set := map[string]bool{}
	for _, s := range selectors {
		found, err := read(ctx, q, s)
		if err != nil {
			return nil, closeAfter(q, fault.Errorf(fault.Unavailable, "read the labels: %w", err))
		}
		for _, f := range found {
			set[f] = true
		}
	}
	if err := q.Close(); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "read the labels: %w", err)
	}
	return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(set)))), nil
}

// closeAfter gives the reader back after a failure, which is the error that matters.
func closeAfter(q storage.Querier, err error) error {
	_ = q.Close()
	return err
}
