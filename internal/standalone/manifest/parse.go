package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// parser turns the bytes of one file into trees. It is bounded: aliases are counted each time they are used.
type parser struct {
	// left is how many values the file may still have, depth how deep they may be nested.
	left, depth int
	docs        []*node
}

// parse returns the documents of a file, or the first thing that keeps it from being read.
func (p *parser) parse(data []byte, asJSON bool) ([]*node, *mistake) {
	if line := invalidUTF8(data); line > 0 {
		return nil, mistakef(line, "the text is not UTF-8: save the file as UTF-8")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, mistakef(0, "the file is empty: an editor may be writing it; remove it if it is not needed")
	}
	var m *mistake
	if asJSON {
		m = p.json(data)
	} else {
		m = p.yaml(data)
	}
	if m != nil {
		// What ends too early is told of after the end.
		m.line = min(m.line, lineAt(data, len(bytes.TrimRight(data, " \t\r\n"))))
	}
	return p.docs, m
}

// enter counts one value.
func (p *parser) enter(line, depth int) *mistake {
	p.left--
	if p.left < 0 {
		return mistakef(line, "the file has too many values, each alias counted with all that it stands for: split the file")
	}
	if depth > p.depth {
		return mistakef(line, "the values are nested more than %d deep", p.depth)
	}
	return nil
}

func invalidUTF8(data []byte) (line int) {
	if utf8.Valid(data) {
		return 0
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return lineAt(data, i)
		}
		i += size
	}
	return 0
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), len(data))], []byte("\n"))
}

// json reads one JSON value after the other. The YAML parser would do for most of them, but not for all.
func (p *parser) json(data []byte) *mistake {
	r := &jsonReader{parser: p, data: data, dec: json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, byteOrderMark())))}
	r.dec.UseNumber()
	for {
		t, err := r.dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.broken(err)
		}
		n, m := r.value(t, 1)
		if m != nil {
			return m
		}
		if n.kind != null {
			p.docs = append(p.docs, n)
		}
	}
}

func byteOrderMark() []byte { return []byte("\xef\xbb\xbf") }

type jsonReader struct {
	parser *parser
	data   []byte
	dec    *json.Decoder
	// passed is the offset up to which lines were counted.
	passed, lines int
}

// line returns the line of the token that was read last. Tokens come in order, so every byte is looked at once.
func (r *jsonReader) line() int {
	at := min(int(r.dec.InputOffset()), len(r.data))
	r.lines += bytes.Count(r.data[r.passed:max(at, r.passed)], []byte("\n"))
	r.passed = max(at, r.passed)
	return r.lines + 1
}

// broken says where the text is no JSON, and none of what is there: it may be a secret.
func (r *jsonReader) broken(err error) *mistake {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return mistakef(lineAt(r.data, len(bytes.TrimSpace(r.data))), "the file ends in the middle of a value")
	case errors.As(err, &syntax) && int(syntax.Offset) >= len(bytes.TrimRight(r.data, " \t\r\n")):
		return mistakef(lineAt(r.data, len(bytes.TrimSpace(r.data))), "the file ends in the middle of a value")
	case errors.As(err, &syntax):
		return mistakef(lineAt(r.data, int(syntax.Offset)), "this is no JSON: check commas, quotes and brackets here and in the line before")
	default:
		return mistakef(r.line(), "this is no JSON: check commas, quotes and brackets here and in the line before")
	}
}

// value makes a node of the value that begins with the token.
func (r *jsonReader) value(t json.Token, depth int) (*node, *mistake) {
	line := r.line()
	if m := r.parser.enter(line, depth); m != nil {
		return nil, m
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return r.object(line, depth)
		}
		return r.list(line, depth)
	case string:
		return &node{kind: text, line: line, text: v}, nil
	case bool:
		return boolNode(v, line), nil
	case json.Number:
		if n := numeral(v.String(), 10, line); n != nil {
			return n, nil
		}
		return nil, mistakef(line, "the number is too large")
	default:
		return &node{kind: null, line: line, text: "null"}, nil
	}
}

func (r *jsonReader) object(line, depth int) (*node, *mistake) {
	n := newObject(line)
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		name, _ := key.(string) // The decoder accepts nothing else for a key.
		at := r.line()
		t, err := r.dec.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		v, m := r.value(t, depth+1)
		if m != nil {
			return nil, m
		}
		n.add(field{name: name, line: at, value: v})
	}
	return n, r.end()
}

func (r *jsonReader) list(line, depth int) (*node, *mistake) {
	n := &node{kind: list, line: line}
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		v, m := r.value(t, depth+1)
		if m != nil {
			return nil, m
		}
		n.items = append(n.items, v)
	}
	return n, r.end()
}

// end takes the closing bracket.
func (r *jsonReader) end() *mistake {
	if _, err := r.dec.Token(); err != nil {
		return r.broken(err)
	}
	return nil
}

func boolNode(v bool, line int) *node {
	if v {
		return &node{kind: boolean, line: line, text: "true"}
	}
	return &node{kind: boolean, line: line, text: "false"}
}
