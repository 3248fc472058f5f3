package badinput

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func summary(areas map[string]int, cases, messages int) string {
	var parts []string
	for _, area := range slices.Sorted(maps.Keys(areas)) {
		parts = append(parts, fmt.Sprintf("%s %d", area, areas[area]))
	}
	return fmt.Sprintf("bad input: %d cases (%s), %d different messages\n", cases, strings.Join(parts, ", "), messages)
}
