package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong in the directory, or probably not meant. It holds no value of a Secret.
type Problem struct {
	// File is relative to the directory, with slashes. It is empty for what concerns the directory itself.
	File string `json:"file,omitempty"`
	// Line counts from 1; 0 means the whole file.
	Line int `json:"line,omitempty"`
	// Kind, Namespace and Name are those of the object, where there is one.
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Field is the path inside the object, such as spec.template.spec.containers[0].command.
	Field string `json:"field,omitempty"`
	// Message says what is wrong and what to write instead.
	Message string `json:"message"`
}

// String returns FILE:LINE: KIND/NAME: FIELD: MESSAGE, without the parts that are not known.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			b.WriteString(":" + strconv.Itoa(p.Line))
		}
		b.WriteString(": ")
	}
	switch {
	case p.Kind != "" && p.Name != "":
		b.WriteString(p.Kind + "/" + p.Name + ": ")
	case p.Kind != "":
		b.WriteString(p.Kind + ": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	return b.String() + p.Message
}

// Problems are all that is wrong in the directory, ordered by file and line.
type Problems []Problem //nolint:errname // It is a list of sentences, as in canaryspec.

// Error returns one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// mistake is a problem whose file and object are not known where it is found.
type mistake struct {
	line           int
	field, message string
}

func mistakef(line int, format string, args ...any) *mistake {
	return &mistake{line: line, message: fmt.Sprintf(format, args...)}
}

// journal collects problems up to a limit, so that a damaged file of some megabytes does not make an error of
// some gigabytes.
type journal struct {
	limit int
	found []Problem
	more  int
}

func (j *journal) add(p Problem) {
	if len(j.found) >= j.limit {
		j.more++
		return
	}
	j.found = append(j.found, p)
}

// sorted returns what was collected, the same for the same directory however it was read.
func (j *journal) sorted() []Problem {
	slices.SortStableFunc(j.found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
	sorted := slices.Clip(j.found)
	if j.more > 0 {
		sorted = append(sorted, Problem{Message: fmt.Sprintf("there are %d more: correct these first", j.more)})
	}
	return sorted
}

// quoted returns a text for a sentence: short, and on one line.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
