// Package canaryspec reads the objects of the API: it turns a Canary into the Spec that the core understands, and
// says in sentences what is wrong with an object, or probably not meant. Both modes use it, and its sentences are
// those of the CRD's own rules.
package canaryspec

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with an object, or probably not meant.
type Problem struct {
	// Field is the path inside the object, such as spec.analysis.stepWeights[2].
	Field string `json:"field"`
	// Message says what is wrong and what to write instead. It holds no secret.
	Message string `json:"message"`
}

// String returns FIELD: MESSAGE.
func (p Problem) String() string { return p.Field + ": " + p.Message }

// Problems are all that is wrong with one object, in the order of its fields.
type Problems []Problem //nolint:errname // It is a list of sentences that is an error only where it is not empty.

// Error returns one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems as an error, or nil where there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// report collects problems.
type report struct{ found Problems }

func (r *report) addf(field, format string, args ...any) {
	r.found = append(r.found, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
}

// number reports n where it is not within low..high.
func (r *report) number(field string, n, low, high int32) {
	if n < low || n > high {
		r.addf(field, "%d is out of range: write a number from %d to %d", n, low, high)
	}
}

// length reports a list or a map with more than limit entries.
func (r *report) length(field string, n, limit int) {
	if n > limit {
		r.addf(field, "there are %d entries: the limit is %d", n, limit)
	}
}

// text reports a text of more than limit bytes, without repeating it.
func (r *report) text(field, value string, limit int) {
	if len(value) > limit {
		r.addf(field, "the text is %d bytes long: the limit is %d", len(value), limit)
	}
}
