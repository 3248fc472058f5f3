package analysis_test

import (
	"testing"

	"github.com/serin-dev/serin/internal/analysis"
)

// BenchmarkJudge is one check with the builtin metrics and a query.
func BenchmarkJudge(b *testing.B) {
	least, most := 99.0, 500.0
	metrics := []analysis.Metric{
		{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &least},
		{Name: "request-duration", Source: analysis.Duration, Max: &most},
		{Name: "queue", Source: analysis.Query, Max: &most},
	}
	e := analysis.Evidence{
		Batch: &analysis.Batch{Canary: analysis.Counts{
			Requests: 10_000, Errors: 3,
			Buckets: []analysis.Bucket{{LE: 10, Count: 9000}, {LE: 100, Count: 9950}, {LE: 250, Count: 9990}, {LE: 0, Count: 10_000}},
		}},
		Gauges: map[string]analysis.Gauge{"queue": {Value: 17}},
	}
	b.ReportAllocs()
	for b.Loop() {
		analysis.Judge(metrics, e)
	}
}
