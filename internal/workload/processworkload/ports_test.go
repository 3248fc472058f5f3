package processworkload

import (
	"slices"
	"testing"
)

func TestPortsAreNotHandedOutTwice(t *testing.T) {
	t.Parallel()
	var p ports
	seen := map[int]bool{}
	for range 20 {
		numbers, err := p.take(3)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range numbers {
			if seen[n] {
				t.Fatalf("port %d was handed out twice", n)
			}
			seen[n] = true
		}
		if n := numbers[0]; n%2 == 0 {
			// Given back a moment ago: a data plane may not know yet.
			p.free([]int{n})
		}
	}
	first := p.freed
	var more []int
	for n := range resting {
		more = append(more, -1-n)
	}
	p.free(more)
	for _, n := range first {
		if p.taken[n] && !slices.Contains(p.freed, n) {
			t.Errorf("port %d never comes back", n)
		}
	}
}
