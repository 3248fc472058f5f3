package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const output = `load: 0.25
goos: linux
BenchmarkStep-2   	  214873	      1500 ns/op	    2497 B/op	      10 allocs/op
BenchmarkStep-2   	  214873	      4500 ns/op	    2497 B/op	      10 allocs/op
BenchmarkStep-2   	  214873	      1700 ns/op	    2497 B/op	      10 allocs/op
BenchmarkPass/rest-2         	   39805	    514651 ns/op	    8090 B/op	      56 allocs/op
BenchmarkSwap 	    1000	   1867616 ns/op	         0 dropped	        11.98 swap-p99-ms
--- BENCH: BenchmarkProxies-2
PASS
`

func TestParse(t *testing.T) {
	t.Parallel()
	want := results{
		"Step":      {"ns/op": {1500, 4500, 1700}, "B/op": {2497, 2497, 2497}, "allocs/op": {10, 10, 10}},
		"Pass/rest": {"ns/op": {514651}, "B/op": {8090}, "allocs/op": {56}},
		"Swap":      {"ns/op": {1867616}, "dropped": {0}, "swap-p99-ms": {11.98}},
	}
	if diff := cmp.Diff(want, parse([]byte(output))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	text := page(machine{processor: "abacus", cores: 2, load: loadOf([]byte(output))}, parse([]byte(output)))
	for _, line := range []string{
		"| One `Step` of a release of ten steps, at the mean | ≤ 5 µs | 1.7 µs | yes |",
		"| Allocations of one `Step`, at the mean | ≤ 20 | 10 | yes |",
		"| One pass of the engine over drivers in memory, at rest | ≤ 100 µs | 515 µs | **no** |",
		"| Memory of a process with 10,000 idle canaries | ≤ 300 MiB | not measured | |",
		"| Requests dropped over 1,000 new weights among 10,000 routes at full load | 0 | 0 | yes |",
		"| processor | abacus |",
		"| load before the run | 0.25 |",
	} {
		if !slices.Contains(strings.Split(text, "\n"), line) {
			t.Errorf("the page lacks %q", line)
		}
	}
	if !strings.Contains(text, "Why a goal is missed") {
		t.Error("the page has no cause of a miss")
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 0.9: "0.9", 1.2345: "1.23", 12: "12", 123.4: "123", 12345: "12,345", 1234567: "1,234,567"} {
		if got := number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
