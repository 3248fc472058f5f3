package manifest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/serin-dev/serin/internal/spelling"
)

// shapes compares trees with the Go types of the API. encoding/json would stop at the first value of a wrong type
// and knows no lines; this finds everything, each with its place.
type shapes struct {
	known map[reflect.Type]map[string]reflect.Type
}

// maxMistakes bounds what is said about one object.
const maxMistakes = 50

// checker collects everything about a tree that does not fit its type, and later what else is wrong with it.
type checker struct {
	shapes *shapes
	found  []mistake
	// private means that names of unknown fields may be parts of a secret, torn out by a wrong indentation.
	private bool
}

func (c *checker) addf(line int, path, format string, args ...any) {
	if len(c.found) < maxMistakes {
		c.found = append(c.found, mistake{line: line, field: path, message: fmt.Sprintf(format, args...)})
	}
}

// value checks one value. line is that of its key, where people look for it.
func (c *checker) value(n *node, t reflect.Type, path string, line int) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.kind == null:
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		c.own(n, t, path, line)
	case t.Kind() == reflect.Struct:
		c.structure(n, t, path, line)
	case t.Kind() == reflect.Map:
		c.dictionary(n, t, path, line)
	case t == reflect.TypeFor[[]byte]():
		c.bytes(n, path, line)
	case t.Kind() == reflect.Slice:
		c.list(n, t, path, line)
	default:
		c.scalar(n, t, path, line)
	}
}

// is says whether the value is of the kind, and reports it otherwise.
func (c *checker) is(want kind, n *node, path string, line int) bool {
	if n.kind == want || want == number && n.kind == integer {
		return true
	}
	hint := ""
	if want == text && slices.Contains([]kind{integer, number, boolean}, n.kind) {
		hint = ": put it in quotes"
	}
	got := n.kind
	if got == boolean {
		got = kind(n.text)
	}
	c.addf(line, path, "expected %s, got %s%s", want, got, hint)
	return false
}

func (c *checker) structure(n *node, t reflect.Type, path string, line int) {
	if !c.is(object, n, path, line) {
		return
	}
	c.twice(n, path)
	fields := c.shapes.fields(t)
	for _, f := range n.fields {
		if ft, known := fields[f.name]; known {
			c.value(f.value, ft, join(path, f.name), f.line)
			continue
		}
		c.unknown(f, fields, path)
	}
}

func (c *checker) unknown(f field, fields map[string]reflect.Type, path string) {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	near := spelling.Nearest(f.name, names)
	switch {
	case c.private && near == "":
		c.addf(f.line, path, "a field is not known: write one of %s, and indent texts of several lines", strings.Join(names, ", "))
	case near != "":
		c.addf(f.line, join(path, shortName(f.name)), "the field is not known: did you mean %s?", near)
	case len(names) <= 12:
		c.addf(f.line, join(path, shortName(f.name)), "the field is not known: write one of %s", strings.Join(names, ", "))
	default:
		c.addf(f.line, join(path, shortName(f.name)), "the field is not known: check its spelling and its indentation")
	}
}

// shortName keeps a name in one line.
func shortName(name string) string {
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return quoted(name)
	}
	return name
}

func (c *checker) twice(n *node, path string) {
	for _, f := range n.twice {
		first := n.fields[n.index[f.name]].line
		c.addf(f.line, join(path, shortName(f.name)), "the field is there twice, first in line %d: remove one of them", first)
	}
}

func (c *checker) dictionary(n *node, t reflect.Type, path string, line int) {
	if !c.is(object, n, path, line) {
		return
	}
	c.twice(n, path)
	for _, f := range n.fields {
		c.value(f.value, t.Elem(), join(path, shortName(f.name)), f.line)
	}
}

func (c *checker) list(n *node, t reflect.Type, path string, line int) {
	if !c.is(list, n, path, line) {
		return
	}
	for i, item := range n.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		if item.kind == null {
			c.addf(item.line, at, "the entry is empty: write it, or remove the dash")
			continue
		}
		c.value(item, t.Elem(), at, item.line)
	}
}

func (c *checker) bytes(n *node, path string, line int) {
	if !c.is(text, n, path, line) {
		return
	}
	if _, err := base64.StdEncoding.DecodeString(n.text); err != nil {
		plain := "data"
		if c.private {
			plain = "stringData"
		}
		c.addf(line, path, "the value is not base64: encode it, or write a text as it is in %s", plain)
	}
}

func (c *checker) scalar(n *node, t reflect.Type, path string, line int) {
	switch t.Kind() {
	case reflect.String:
		c.is(text, n, path, line)
	case reflect.Bool:
		c.is(boolean, n, path, line)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if !c.is(integer, n, path, line) {
			return
		}
		if i, err := strconv.ParseInt(n.text, 10, 64); err != nil || reflect.Zero(t).OverflowInt(i) {
			c.addf(line, path, "%s is out of range", n.text)
		}
	case reflect.Float32, reflect.Float64:
		c.is(number, n, path, line)
	case reflect.Interface:
	default:
		c.addf(line, path, "the field cannot be read")
	}
}

// quantityPattern is narrower than what a quantity may be: exponents that need no computing.
var quantityPattern = regexp.MustCompile(`^[+-]?[0-9.]{1,32}([eE][+-]?\d{1,2}|[numkMGTPE]i?)?$`)

// own checks a value whose type reads itself.
func (c *checker) own(n *node, t reflect.Type, path string, line int) {
	good, want := true, "another value"
	switch t {
	case reflect.TypeFor[resource.Quantity]():
		good, want = quantityPattern.MatchString(n.text), "a quantity such as 500m or 64Mi"
	case reflect.TypeFor[intstr.IntOrString]():
		want = "integer or string"
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		want = "a time such as 2006-01-02T15:04:05Z"
	}
	if good {
		into, ok := reflect.TypeAssert[json.Unmarshaler](reflect.New(t))
		good = ok && into.UnmarshalJSON(n.canonical(nil)) == nil
	}
	if !good {
		c.addf(line, path, "expected %s", want)
	}
}

// fields returns the JSON names of a struct with their types, those of inlined structs too.
func (s *shapes) fields(t reflect.Type) map[string]reflect.Type {
	if known, ok := s.known[t]; ok {
		return known
	}
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			maps.Copy(fields, s.fields(inner))
		case name == "":
			fields[f.Name] = f.Type
		default:
			fields[name] = f.Type
		}
	}
	if s.known == nil {
		s.known = map[reflect.Type]map[string]reflect.Type{}
	}
	s.known[t] = fields
	return fields
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
