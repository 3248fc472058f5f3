package spelling_test

import (
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	fields := []string{"stepWeight", "stepWeights", "maxWeight", "interval", "threshold", "url"}
	for word, want := range map[string]string{
		"stepweight":                "stepWeight",
		"stepWieght":                "stepWeight",
		"intervall":                 "interval",
		"treshold":                  "threshold",
		"ulr":                       "url",
		"maximumWeight":             "",
		"x":                         "",
		"":                          "",
		strings.Repeat("step", 1e5): "",
	} {
		if got := spelling.Nearest(word, fields); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}
