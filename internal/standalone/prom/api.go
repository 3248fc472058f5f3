package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/serin-dev/serin/internal/fault"
)

const (
	// formLimit bounds the body of a request.
	formLimit = 1 << 20
	// pointLimit bounds the steps of a range query, as Prometheus does.
	pointLimit = 11_000
)

// Handler serves the part of Prometheus' HTTP API that reads: query, query_range, labels and label values,
// under /api/v1. It does no authentication of its own.
func (p *Prometheus) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		mux.HandleFunc(method+" /api/v1/query", p.serveQuery)
		mux.HandleFunc(method+" /api/v1/query_range", p.serveRange)
		mux.HandleFunc(method+" /api/v1/labels", p.serveLabels)
	}
	mux.HandleFunc("GET /api/v1/label/{name}/values", p.serveLabelValues)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit)
		if err := r.ParseForm(); err != nil {
			respondError(w, fault.Errorf(fault.Invalid, "the form cannot be read: %w", err))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (p *Prometheus) serveQuery(w http.ResponseWriter, r *http.Request) {
	at, err := timeOf(r, "time", time.Now())
	if err != nil {
		respondError(w, err)
		return
	}
	p.respondValue(w, r, func(ctx context.Context) (promql.Query, error) {
		return p.engine.NewInstantQuery(ctx, p.db, nil, r.Form.Get("query"), at)
	})
}

func (p *Prometheus) serveRange(w http.ResponseWriter, r *http.Request) {
	start, errStart := timeOf(r, "start", time.Time{})
	end, errEnd := timeOf(r, "end", time.Time{})
	step, errStep := stepOf(r)
	err := errors.Join(errStart, errEnd, errStep)
	switch {
	case err != nil:
	case start.IsZero() || end.IsZero():
		err = fault.Errorf(fault.Invalid, "start and end are needed")
	case end.Before(start):
		err = fault.Errorf(fault.Invalid, "the end lies before the start")
	case end.Sub(start)/step > pointLimit:
		err = fault.Errorf(fault.Invalid, "more than %d points for each series: take a longer step or a shorter range", pointLimit)
	}
	if err != nil {
		respondError(w, fault.Errorf(fault.Invalid, "%w", err))
		return
	}
	p.respondValue(w, r, func(ctx context.Context) (promql.Query, error) {
		return p.engine.NewRangeQuery(ctx, p.db, nil, r.Form.Get("query"), start, end, step)
	})
}

func (p *Prometheus) respondValue(w http.ResponseWriter, r *http.Request, prepare preparer) {
	var data json.RawMessage
	err := p.evaluate(r.Context(), prepare, func(v parser.Value) error {
		result, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		if string(result) == "null" {
			result = []byte("[]")
		}
		data, err = json.Marshal(map[string]any{"resultType": v.Type(), "result": json.RawMessage(result)})
		return err
	})
	if err != nil {
		respondError(w, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"status": "success", "data": data})
}

// respondError writes a failure in the form of the API.
func respondError(w http.ResponseWriter, err error) {
	status, kind := http.StatusInternalServerError, "internal"
	switch fault.KindOf(err) {
	case fault.Invalid:
		status, kind = http.StatusBadRequest, "bad_data"
	case fault.Unavailable:
		status, kind = http.StatusServiceUnavailable, "unavailable"
	default:
	}
	respond(w, status, map[string]any{"status": "error", "errorType": kind, "error": err.Error()})
}

func respond(w http.ResponseWriter, status int, body map[string]any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Nobody is left to tell when the client has gone.
	_, _ = w.Write(data)
}

// timeOf reads a time as Prometheus' API writes it: seconds since 1970, or RFC 3339.
func timeOf(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.Form.Get(name)
	if text == "" {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > -1e11 && seconds < 1e11 {
		return time.UnixMilli(int64(seconds*1000 + 0.5)), nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	return time.Time{}, fault.Errorf(fault.Invalid, "%s=%q is not a time", name, text)
}

func stepOf(r *http.Request) (time.Duration, error) {
	text := r.Form.Get("step")
	step := time.Duration(0)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds < 1e9 {
		step = time.Duration(seconds * float64(time.Second))
	} else if d, err := model.ParseDuration(text); err == nil {
		step = time.Duration(d)
	}
	if step < time.Millisecond {
		return 0, fault.Errorf(fault.Invalid, "step=%q is not a positive duration", text)
	}
	return step, nil
}
