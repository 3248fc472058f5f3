package main

import (
	"bufio"
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are the numbers of a run by benchmark and unit: those of all its repetitions.
type results map[string]map[string][]float64

// processors is what the name of a benchmark ends in where it ran on several processors.
var processors = regexp.MustCompile(`-\d+$`)

// parse reads the output of go test -bench. What is no result is passed over.
func parse(text []byte) results {
	all := results{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if all[name] == nil {
			all[name] = map[string][]float64{}
		}
		for pair := range slices.Chunk(fields[2:], 2) {
			value, err := strconv.ParseFloat(pair[0], 64)
			if err == nil && len(pair) == 2 {
				all[name][pair[1]] = append(all[name][pair[1]], value)
			}
		}
	}
	return all
}

// of returns the median of a benchmark's number, if it was measured.
func (r results) of(name, unit string) (float64, bool) {
	values := r[name][unit]
	return median(values), len(values) > 0
}

// median returns the middle one of numbers, or 0 without any.
func median(numbers []float64) float64 {
	if len(numbers) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
