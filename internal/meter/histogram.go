package meter

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
)

// reading is what one histogram showed at one time: cumulative counts by upper bound in milliseconds.
type reading map[float64]uint64

// histograms adds up the increments of a version's histograms, one per target.
func (c *Counts) histograms(version string, births births, latency []Series) ([]analysis.Bucket, error) {
	readings := map[string]map[time.Time]reading{}
	for _, s := range latency {
		if s.Labels[c.Builtin.Version] != version {
			continue
		}
		le, err := strconv.ParseFloat(s.Labels["le"], 64)
		if err != nil || math.IsNaN(le) {
			return nil, fault.Errorf(fault.Invalid, "%s has a bucket with the bound %q", c.Builtin.Latency, s.Labels["le"])
		}
		key := c.target(s)
		if readings[key] == nil {
			readings[key] = map[time.Time]reading{}
		}
		for _, p := range s.Points {
			if readings[key][p.At] == nil {
				readings[key][p.At] = reading{}
			}
			readings[key][p.At][le*c.Builtin.Millis] = uint64(math.Round(p.Value))
		}
	}
	var sum reading
	for _, key := range slices.Sorted(maps.Keys(readings)) {
		times := slices.SortedFunc(maps.Keys(readings[key]), time.Time.Compare)
		in := grown(readings[key], times, births.inside(key, times[0]))
		if in != nil {
			sum = merged(sum, in)
		}
	}
	return buckets(sum), nil
}

// grown is the increment of one histogram over its readings, or nil where it has fewer than two. A histogram is
// reset as a whole: where any bucket falls, or the bounds change, all its new values are increments.
func grown(at map[time.Time]reading, times []time.Time, born bool) reading {
	var sum reading
	if born {
		sum = merged(sum, at[times[0]])
	}
	for i := 1; i < len(times); i++ {
		prev, cur := at[times[i-1]], at[times[i]]
		if reset(prev, cur) {
			sum = merged(sum, cur)
			continue
		}
		in := make(reading, len(cur))
		for le, n := range cur {
			in[le] = n - prev[le]
		}
		sum = merged(sum, in)
	}
	return sum
}

func reset(prev, cur reading) bool {
	if len(prev) != len(cur) {
		return true
	}
	for le, n := range cur {
		if before, ok := prev[le]; !ok || n < before {
			return true
		}
	}
	return false
}

// merged adds two histograms. Cumulative counts can only be added at bounds that both have; +Inf always is one.
func merged(a, b reading) reading {
	if a == nil {
		return maps.Clone(b)
	}
	sum := reading{}
	for le, n := range a {
		if other, ok := b[le]; ok {
			sum[le] = n + other
		}
	}
	return sum
}

// buckets lists a histogram in the form of the evidence: ascending, with the bound 0 for +Inf.
func buckets(r reading) []analysis.Bucket {
	list := make([]analysis.Bucket, 0, len(r))
	for _, le := range slices.Sorted(maps.Keys(r)) {
		b := analysis.Bucket{LE: le, Count: r[le]}
		if math.IsInf(le, 1) {
			b.LE = 0
		}
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil
	}
	return list
}
