package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The tags of YAML's own types.
const (
	tagNull    = "!!null"
	tagBool    = "!!bool"
	tagString  = "!!str"
	tagInt     = "!!int"
	tagFloat   = "!!float"
	tagTime    = "!!timestamp"
	tagMerge   = "!!merge"
	nestedLast = 10_000
)

// yaml reads the documents of a YAML stream.
func (p *parser) yaml(data []byte) *mistake {
	if m := p.brackets(data); m != nil {
		return m
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := decodeYAML(dec, &doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return brokenYAML(err, data)
		}
		for _, c := range doc.Content {
			n, m := p.convert(c, 1)
			if m != nil {
				return m
			}
			if n.kind != null {
				p.docs = append(p.docs, n)
			}
		}
	}
}

// errGaveUp stands for a parser that failed in a way of its own.
var errGaveUp = errors.New("this is no valid YAML")

// decodeYAML reads one document. The parser is somebody else's, and the daemon that reads a half-written file must
// outlive it.
func decodeYAML(dec *yaml.Decoder, doc *yaml.Node) (err error) {
	defer func() {
		if recover() != nil {
			err = errGaveUp
		}
	}()
	return dec.Decode(doc)
}

// linePattern takes the parser's messages apart.
var linePattern = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)`)

// sentences say what to do about what the parser found. The first whose beginning fits is taken.
var sentences = []struct{ found, said string }{ //nolint:gochecknoglobals // Go has no constant lists.
	{"mapping values are not allowed", "a colon is not expected here: check the indentation, or put the value in quotes"},
	{"did not find expected key", "a key is expected here: check the indentation of this line and of those around it"},
	{"did not find expected '-' indicator", "an entry of a list is expected here: check the indentation"},
	{"did not find expected ',' or", "a comma or a closing bracket is missing"},
	{"did not find expected node content", "a value is expected here: put values that begin with *, &, !, %, @ or ` in quotes"},
	{"did not find expected <document start>", "a new document is expected here: separate documents by a line with ---"},
	{"did not find expected alphabetic or numeric character", "a name is expected after * or &: put the value in quotes"},
	{"could not find expected ':'", "a colon is missing: write KEY: VALUE"},
	{"could not find expected directive name", "a line begins with %: put the value in quotes"},
	{"found unexpected end of stream", "a quote is not closed"},
	{"found unexpected document indicator", "a quote is not closed before the line with ---"},
	{"found unknown escape character", "a backslash in double quotes has no meaning here: use single quotes"},
	{"found character that cannot start any token", "a value cannot begin like this: indent with spaces instead of tabs, and put values that begin with @, ` or % in quotes"},
	{"found a tab character", "a tab stands where spaces are expected: indent with spaces"},
	{"found invalid Unicode character escape", "the escaped character does not exist"},
	{"block sequence entries are not allowed", "a list cannot begin here: put the dash on a line of its own"},
	{"block mapping", "a key is expected here: check the indentation"},
	{"control characters are not allowed", "there is a control character: remove it, or write it as an escape in double quotes"},
	{"unknown anchor", "an alias has no anchor: put a value that begins with * in quotes"},
}

// brokenYAML turns the parser's error into a sentence. What it repeats of the text is left out: it may be a secret.
func brokenYAML(err error, data []byte) *mistake {
	parts := linePattern.FindStringSubmatch(err.Error())
	if parts == nil {
		return mistakef(0, "%s", errGaveUp)
	}
	line, message := 0, parts[2]
	if n, err := strconv.Atoi(parts[1]); err == nil {
		line = n
	}
	// The parser counts from 0 where its scanner counts from 1.
	if strings.HasPrefix(message, "did not find expected") && !strings.Contains(message, "alphabetic") {
		line++
	}
	// Of an alias the parser tells the name only.
	if name, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		line = lineAt(data, bytes.Index(data, []byte("*"+name)))
	}
	for _, s := range sentences {
		if strings.HasPrefix(message, s.found) {
			return mistakef(line, "%s", s.said)
		}
	}
	return mistakef(line, "%s", errGaveUp)
}

// brackets refuses text with so many open brackets that the parser, which calls itself for each, would take long.
func (p *parser) brackets(data []byte) *mistake {
	open := 0
	for i, c := range data {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		if open > nestedLast {
			return mistakef(lineAt(data, i), "the values are nested more than %d deep", p.depth)
		}
	}
	return nil
}

// convert makes a node of what the parser made.
func (p *parser) convert(y *yaml.Node, depth int) (*node, *mistake) {
	if m := p.enter(y.Line, depth); m != nil {
		return nil, m
	}
	switch y.Kind {
	case yaml.AliasNode:
		n, m := p.convert(y.Alias, depth+1)
		if m != nil {
			return nil, m
		}
		n.line = y.Line
		return n, nil
	case yaml.MappingNode:
		return p.mapping(y, depth)
	case yaml.SequenceNode:
		return p.sequence(y, depth)
	case yaml.ScalarNode:
		return scalar(y)
	case yaml.DocumentNode:
	}
	return nil, mistakef(y.Line, "%s", errGaveUp)
}

func (p *parser) sequence(y *yaml.Node, depth int) (*node, *mistake) {
	if tag := y.ShortTag(); tag != "!!seq" {
		return nil, unknownTag(y)
	}
	n := &node{kind: list, line: y.Line}
	for _, c := range y.Content {
		item, m := p.convert(c, depth+1)
		if m != nil {
			return nil, m
		}
		n.items = append(n.items, item)
	}
	return n, nil
}

func (p *parser) mapping(y *yaml.Node, depth int) (*node, *mistake) {
	if tag := y.ShortTag(); tag != "!!map" {
		return nil, unknownTag(y)
	}
	n := newObject(y.Line)
	var merged []*node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		line := key.Line
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == tagNull {
			return nil, mistakef(line, "a key must be a text: write KEY: VALUE, and put a value that begins with { in quotes")
		}
		v, m := p.convert(y.Content[i+1], depth+1)
		if m != nil {
			return nil, m
		}
		if key.ShortTag() != tagMerge {
			n.add(field{name: key.Value, line: line, value: v})
			continue
		}
		sources, m := mergeSources(v, line)
		if m != nil {
			return nil, m
		}
		merged = append(merged, sources...)
	}
	n.merge(merged)
	return n, nil
}

// mergeSources are the objects that << takes fields from.
func mergeSources(v *node, line int) ([]*node, *mistake) {
	sources := []*node{v}
	if v.kind == list {
		sources = v.items
	}
	for _, s := range sources {
		if s.kind != object {
			return nil, mistakef(line, "<< takes an object, or a list of them")
		}
	}
	return sources, nil
}

// merge takes over the fields that the object does not have itself; of several the first wins.
func (n *node) merge(sources []*node) {
	for _, s := range sources {
		for _, f := range s.fields {
			if _, own := n.index[f.name]; !own {
				n.add(f)
			}
		}
	}
}

func scalar(y *yaml.Node) (*node, *mistake) {
	plain := strings.ReplaceAll(y.Value, "_", "")
	switch y.ShortTag() {
	case tagString, tagTime, tagMerge:
		return &node{kind: text, line: y.Line, text: y.Value}, nil
	case tagNull:
		return &node{kind: null, line: y.Line, text: "null"}, nil
	case tagBool:
		v, err := strconv.ParseBool(strings.ToLower(y.Value))
		if err != nil {
			return nil, mistakef(y.Line, "expected true or false")
		}
		return boolNode(v, y.Line), nil
	case tagInt, tagFloat:
		base := 0
		if y.ShortTag() == tagFloat {
			base = 10
		}
		if n := numeral(plain, base, y.Line); n != nil {
			return n, nil
		}
		return nil, mistakef(y.Line, "the number is not finite, or too large: put it in quotes if it is a text")
	default:
		return nil, unknownTag(y)
	}
}

func unknownTag(y *yaml.Node) *mistake {
	return mistakef(y.Line, "the value has a tag that is not known here: remove what begins with !")
}
