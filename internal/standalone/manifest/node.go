package manifest

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// kind is what a node is, in the words of an error.
type kind string

const (
	object  kind = "an object"
	list    kind = "a list"
	text    kind = "string"
	integer kind = "integer"
	number  kind = "number"
	boolean kind = "true or false"
	null    kind = "null"
)

// node is one value of a manifest with the line where it stands. YAML and JSON become the same tree, and everything
// that is said about a manifest is said with the lines of this tree.
type node struct {
	kind kind
	line int
	// text is the value of a scalar: the string itself, or the JSON of anything else.
	text   string
	fields []field
	index  map[string]int
	// twice are the fields whose name was there before.
	twice []field
	items []*node
}

type field struct {
	name  string
	line  int
	value *node
}

func newObject(line int) *node { return &node{kind: object, line: line, index: map[string]int{}} }

// add puts a field into an object. The first of a name wins; a second is remembered as a mistake.
func (n *node) add(f field) {
	if _, known := n.index[f.name]; known {
		n.twice = append(n.twice, f)
		return
	}
	n.index[f.name] = len(n.fields)
	n.fields = append(n.fields, f)
}

// get returns the value of a field of an object, or nil where there is none or it is null.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	i, known := n.index[name]
	if !known || n.fields[i].value.kind == null {
		return nil
	}
	return n.fields[i].value
}

// string returns the text of a field, or "".
func (n *node) string(name string) string {
	if v := n.get(name); v != nil && v.kind == text {
		return v.text
	}
	return ""
}

// names returns the names of all fields, sorted.
func (n *node) names() []string { return slices.Sorted(maps.Keys(n.index)) }

// lineOf returns the line of what a path such as spec.steps[2].name leads to, or of the deepest part of it that
// there is.
func (n *node) lineOf(path string) int {
	line := n.line
	for path != "" {
		next, at, rest := n.child(path)
		if next == nil {
			return line
		}
		n, line, path = next, at, rest
	}
	return line
}

// child takes the first element off a path. The names of fields may have dots themselves, so the names that are
// there decide where an element ends; of several the longest does.
func (n *node) child(path string) (next *node, line int, rest string) {
	if inner, ok := strings.CutPrefix(path, "["); ok {
		inner, after, _ := strings.Cut(inner, "]")
		i, err := strconv.Atoi(inner)
		if err != nil || i < 0 || i >= len(n.items) {
			return nil, 0, ""
		}
		return n.items[i], n.items[i].line, after
	}
	path = strings.TrimPrefix(path, ".")
	best := -1
	for i := range n.fields {
		name := n.fields[i].name
		after, ok := strings.CutPrefix(path, name)
		if ok && ends(after) && (best < 0 || len(name) > len(n.fields[best].name)) {
			best = i
		}
	}
	if best < 0 {
		return nil, 0, ""
	}
	f := n.fields[best]
	return f.value, f.line, path[len(f.name):]
}

// ends says whether what follows in a path begins another element, so that what comes before is one.
func ends(rest string) bool { return rest == "" || rest[0] == '.' || rest[0] == '[' }

// canonical appends the value as JSON with sorted keys and without absent values: equal for equal content, however it
// was written.
func (n *node) canonical(b []byte) []byte {
	switch n.kind {
	case object:
		b = append(b, '{')
		first := true
		for _, name := range n.names() {
			v := n.get(name)
			if v == nil {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendString(b, name), ':')
			b = v.canonical(b)
		}
		return append(b, '}')
	case list:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.canonical(b)
		}
		return append(b, ']')
	case text:
		return appendString(b, n.text)
	case integer, number, boolean, null:
		return append(b, n.text...)
	default:
		return b
	}
}

func appendString(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) //nolint:errchkjson // A string has no way to fail.
	return append(b, quoted...)
}

// numeral makes a node of a number, written as JSON writes it. It returns nil for what is not finite.
func numeral(written string, base, line int) *node {
	if i, err := strconv.ParseInt(written, base, 64); err == nil {
		return &node{kind: integer, line: line, text: strconv.FormatInt(i, 10)}
	}
	if u, err := strconv.ParseUint(written, base, 64); err == nil {
		return &node{kind: integer, line: line, text: strconv.FormatUint(u, 10)}
	}
	f, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	// 1.0 and 1 are the same number, as they are for kubectl.
	const exact = 1 << 53
	if f == math.Trunc(f) && math.Abs(f) <= exact {
		return &node{kind: integer, line: line, text: strconv.FormatInt(int64(f), 10)}
	}
	return &node{kind: number, line: line, text: strconv.FormatFloat(f, 'g', -1, 64)}
}
