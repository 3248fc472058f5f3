package meter

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// Builtin says how one kind of data plane counts the requests of both versions. Thresholds and statistics read
// the same counters through it.
type Builtin struct {
	// Requests is the counter of answered requests, with the label Code for the response code.
	Requests, Code string
	// Latency is the series of cumulative buckets of the time to answer, Millis what one unit of their bounds is
	// in milliseconds.
	Latency string
	Millis  float64
	// Version is the label that tells the versions apart. Primary and Canary are its values, as templates.
	Version         string
	Primary, Canary string
	// Started is a gauge with the Unix time at which a target began to count, or empty where there is none.
	Started string
}

// builtins is the table of data planes whose counters Serin can read.
func builtins() map[string]Builtin {
	return map[string]Builtin{
		// Envoy books an attempt that it retries under envoy_cluster_retry_upstream_rq, so these counters and this
		// histogram hold what the client got. The built-in proxy emits the same names.
		"envoy": {
			Requests: "envoy_cluster_upstream_rq",
			Code:     "envoy_response_code",
			Latency:  "envoy_cluster_upstream_rq_time_bucket",
			Millis:   1,
			Version:  "envoy_cluster_name",
			Primary:  "{{ namespace }}/{{ service }}-primary",
			Canary:   "{{ namespace }}/{{ service }}-canary",
			Started:  "process_start_time_seconds",
		},
	}
}

// BuiltinOf returns the counters of a data plane, or a fault.Invalid error that names those that exist.
func BuiltinOf(provider string) (Builtin, error) {
	table := builtins()
	b, ok := table[provider]
	if !ok {
		known := slices.Sorted(maps.Keys(table))
		return Builtin{}, fault.Errorf(fault.Invalid, "no builtin metrics for %q; there are: %s", provider, strings.Join(known, ", "))
	}
	return b, nil
}

// Counts is where the requests of one canary are counted.
type Counts struct {
	Driver  Driver
	Builtin Builtin
	// Primary and Canary are the values of the version label.
	Primary, Canary string
}

// CountsOf returns the counts of a canary behind a data plane of the table.
func CountsOf(d Driver, provider string, s Subject) (*Counts, error) {
	b, err := BuiltinOf(provider)
	if err != nil {
		return nil, err
	}
	c := &Counts{Driver: d, Builtin: b}
	if c.Primary, err = fill(b.Primary, Vars{Subject: s}, new(plain)); err != nil {
		return nil, err
	}
	if c.Canary, err = fill(b.Canary, Vars{Subject: s}, new(plain)); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Counts) validate() error {
	b := &c.Builtin
	switch {
	case c.Driver == nil:
		return fault.Errorf(fault.Invalid, "there is no source to ask")
	case b.Requests == "" || b.Code == "" || b.Latency == "" || b.Version == "" || b.Millis <= 0:
		return fault.Errorf(fault.Invalid, "the counters of the data plane are not described completely")
	case c.Primary == "" || c.Canary == "" || c.Primary == c.Canary:
		return fault.Errorf(fault.Invalid, "the versions are named %q and %q: two different names are needed", c.Primary, c.Canary)
	}
	return nil
}

// rangeQuery asks for the raw points of both versions from the beginning of the window to its end. It is one
// query for counters and histograms, so that all come from the same scrapes: between two queries the source may
// store another one.
func (c *Counts) rangeQuery(window time.Duration) string {
	b := &c.Builtin
	names := regexp.QuoteMeta(b.Requests) + "|" + regexp.QuoteMeta(b.Latency)
	versions := regexp.QuoteMeta(c.Primary) + "|" + regexp.QuoteMeta(c.Canary)
	return "{__name__=~" + strconv.Quote(names) + "," + b.Version + "=~" + strconv.Quote(versions) + "}" + rangeOf(window)
}

// startQuery asks when the targets that have one of the values of a label began to count.
func (c *Counts) startQuery(label string, values []string, window time.Duration) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return c.Builtin.Started + "{" + label + "=~" + strconv.Quote(strings.Join(quoted, "|")) + "}" + rangeOf(window)
}

// rangeOf is one millisecond longer than the window, because a range does not contain its own beginning.
func rangeOf(window time.Duration) string {
	return "[" + strconv.FormatInt(window.Milliseconds()+1, 10) + "ms]"
}
