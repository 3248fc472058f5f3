package proxy

import (
	"bufio"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// Metrics serves what was counted in Prometheus' text format under Envoy's names. Clusters without a request are
// left out, so that the size of a scrape depends on what is used and not on what exists.
func (p *Proxy) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		b := bufio.NewWriterSize(w, 32<<10)
		expose(b, p.counted())
		started := float64(p.started.UnixMilli()) / 1000
		fmt.Fprintf(b, "# HELP process_start_time_seconds Unix time at which the proxy began to count.\n"+
			"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %s\n", formatFloat(started))
		_ = b.Flush()
	})
}

// counted reads all clusters that were used, ordered by name.
func (p *Proxy) counted() []*counted {
	p.mu.Lock()
	list := make([]*cluster, 0, 2*len(p.clusters))
	for _, c := range p.clusters {
		list = append(list, &c.primary, &c.canary)
	}
	p.mu.Unlock()
	used := make([]*counted, 0)
	spare := new(counted)
	for _, c := range list {
		if c.read(spare) {
			used = append(used, spare)
			spare = new(counted)
		}
	}
	slices.SortFunc(used, func(a, b *counted) int { return cmp.Compare(a.name, b.name) })
	return used
}

func expose(b *bufio.Writer, list []*counted) {
	family(b, "envoy_cluster_upstream_rq", "counter", "Requests by the status that the client got.")
	for _, c := range list {
		for status, n := range &c.codes {
			if n > 0 {
				sample(b, "envoy_cluster_upstream_rq", c.name, "envoy_response_code", strconv.Itoa(status), strconv.FormatUint(n, 10))
			}
		}
	}
	family(b, "envoy_cluster_upstream_rq_xx", "counter", "Requests by the class of the status that the client got.")
	for _, c := range list {
		for class := range maxStatus / 100 {
			var n uint64
			for _, m := range c.codes[100*class : 100*class+100] {
				n += m
			}
			if n > 0 {
				sample(b, "envoy_cluster_upstream_rq_xx", c.name, "envoy_response_code_class", strconv.Itoa(class), strconv.FormatUint(n, 10))
			}
		}
	}
	family(b, "envoy_cluster_upstream_rq_retry", "counter", "Further attempts at requests.")
	for _, c := range list {
		sample(b, "envoy_cluster_upstream_rq_retry", c.name, "", "", strconv.FormatUint(c.retries, 10))
	}
	family(b, "envoy_cluster_upstream_rq_active", "gauge", "Requests under way.")
	for _, c := range list {
		sample(b, "envoy_cluster_upstream_rq_active", c.name, "", "", strconv.FormatInt(c.active, 10))
	}
	family(b, "envoy_cluster_upstream_rq_time", "histogram", "Time to answer in milliseconds.")
	bounds := bucketBounds()
	for _, c := range list {
		for i, bound := range bounds {
			sample(b, "envoy_cluster_upstream_rq_time_bucket", c.name, "le", formatFloat(bound), strconv.FormatUint(c.buckets[i], 10))
		}
		total := strconv.FormatUint(c.total, 10)
		sample(b, "envoy_cluster_upstream_rq_time_bucket", c.name, "le", "+Inf", total)
		sample(b, "envoy_cluster_upstream_rq_time_sum", c.name, "", "", formatFloat(c.sumMilli))
		sample(b, "envoy_cluster_upstream_rq_time_count", c.name, "", "", total)
	}
}

func family(b *bufio.Writer, name, kind, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes one line. Names of clusters consist of letters, digits, hyphens and slashes, so nothing is escaped.
func sample(b *bufio.Writer, name, cluster, label, value, number string) {
	for _, s := range []string{name, `{envoy_cluster_name="`, cluster, `"`} {
		_, _ = b.WriteString(s)
	}
	if label != "" {
		for _, s := range []string{",", label, `="`, value, `"`} {
			_, _ = b.WriteString(s)
		}
	}
	for _, s := range []string{"} ", number, "\n"} {
		_, _ = b.WriteString(s)
	}
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
