package meter

import (
	"strconv"
	"strings"

	"github.com/serin-dev/serin/internal/fault"
)

// promQL writes a PromQL query. It follows the quotes and comments of the literal text, because what a value
// may contain depends on where it stands.
type promQL struct {
	strings.Builder

	// in is the quote or comment sign that is open, or 0; escaped says that a backslash came last.
	in      byte
	escaped bool
}

func (w *promQL) literal(text string) {
	for i := range len(text) {
		w.step(text[i])
	}
	w.WriteString(text)
}

// step follows one byte of literal text. Bytes are enough: no byte of a longer UTF-8 character is ASCII.
func (w *promQL) step(b byte) {
	switch {
	case w.in == 0:
		if b == '"' || b == '\'' || b == '`' || b == '#' {
			w.in = b
		}
	case w.in == '#':
		if b == '\n' {
			w.in = 0
		}
	case w.escaped:
		w.escaped = false
	case b == '\\' && w.in != '`':
		w.escaped = true
	case b == w.in:
		w.in = 0
	}
}

func (w *promQL) value(name, value string) error {
	if w.escaped {
		return fault.Errorf(fault.Invalid, "the variable %q stands right after a backslash, which would change its value", name)
	}
	switch w.in {
	case '"':
		quoted := strconv.Quote(value)
		w.WriteString(quoted[1 : len(quoted)-1])
	case '\'':
		quoted := strconv.Quote(value)
		inner := strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
		w.WriteString(strings.ReplaceAll(inner, `'`, `\'`))
	case '`':
		// Nothing can be escaped between backticks.
		if strings.ContainsRune(value, '`') {
			return fault.Errorf(fault.Invalid, "the value of %q has a backtick and stands between backticks: write the string in double quotes", name)
		}
		w.WriteString(value)
	case '#':
		w.WriteString(strings.NewReplacer("\n", " ", "\r", " ").Replace(value))
	default:
		if !word(value) {
			return fault.Errorf(fault.Invalid,
				"the value of %q stands outside of quotes and is not a plain word, number or duration: put the variable between quotes", name)
		}
		w.WriteString(value)
	}
	return nil
}

// word reports whether a value outside of quotes is one token: a name, a number, a duration, or names between
// commas. It can then not bring in an operator, a matcher or another expression.
func word(value string) bool {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return true
	}
	const parts = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.,"
	return value != "" && !strings.ContainsFunc(value, func(r rune) bool { return !strings.ContainsRune(parts, r) })
}

// plain writes values as they are, for names that are not yet part of a query.
type plain struct{ strings.Builder }

func (w *plain) literal(text string) { w.WriteString(text) }

func (w *plain) value(_, value string) error {
	w.WriteString(value)
	return nil
}
