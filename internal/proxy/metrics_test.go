package proxy

import (
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService(says(t, "primary"), says(t, "canary"), weights(0))
	r.put(t, s)
	for range 7 {
		r.get(t, "/")
	}
	cluster := app().Cluster(rollout.PrimarySide)
	r.counts(t, rollout.PrimarySide, "200", 7)
	if n := r.metric(t, "envoy_cluster_upstream_rq_xx", cluster, "envoy_response_code_class", "2"); n != 7 {
		t.Errorf("class 2 counts %v", n)
	}
	eventually(t, "the times are counted", func() bool { return r.metric(t, "envoy_cluster_upstream_rq_time", cluster) == 7 })
	eventually(t, "nothing is under way", func() bool { return r.metric(t, "envoy_cluster_upstream_rq_active", cluster) == 0 })
	started := r.metric(t, "process_start_time_seconds", "")
	if now := float64(time.Now().Unix()); math.Abs(now-started) > 600 {
		t.Errorf("it began to count at %v, now is %v", started, now)
	}
	text := func() string {
		w := httptest.NewRecorder()
		r.proxy.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		return w.Body.String()
	}
	if strings.Contains(text(), app().Cluster(rollout.CanarySide)) {
		t.Error("a cluster that was never used is there")
	}
	r.route(t, app(), *weights(rollout.Whole))
	r.get(t, "/")
	if n := r.answers(t, rollout.PrimarySide, "200"); n != 7 {
		t.Errorf("after another table it counts %v", n)
	}
	if err := r.store.Delete(app()); err != nil {
		t.Fatal(err)
	}
	r.sync(t)
	if strings.Contains(text(), "test/app") {
		t.Error("the counters of a deleted service are there")
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	bounds := bucketBounds()
	for _, d := range []time.Duration{0, 500 * time.Microsecond, 501 * time.Microsecond, time.Millisecond, 99 * time.Millisecond, 2 * time.Hour} {
		ms := float64(d) / float64(time.Millisecond)
		i := bucketOf(ms)
		edges := slices.Concat([]float64{-1}, bounds[:], []float64{math.Inf(1)})
		if ms <= edges[i] || ms > edges[i+1] {
			t.Errorf("%s falls in the bucket from %v to %v", d, edges[i], edges[i+1])
		}
	}
	envoy := []float64{0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000}
	for _, bound := range envoy {
		if bounds[bucketOf(bound)] != bound {
			t.Errorf("Envoy's bound %v is missing", bound)
		}
	}
}
