package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/serin-dev/serin/internal/xds/table"
)

// condition is met by a request that has all of its headers and query parameters.
type condition struct {
	headers []valueMatch
	query   []valueMatch
}

type valueMatch struct {
	textMatch

	name string
}

// textMatch compares one value.
type textMatch struct {
	table.StringMatch

	regex *regexp.Regexp
}

func compileConditions(list []table.Condition) ([]condition, error) {
	conditions := make([]condition, 0, len(list))
	for _, l := range list {
		headers, err := compileValues(l.Headers, headerName)
		if err != nil {
			return nil, err
		}
		query, err := compileValues(l.Query, func(name string) string { return name })
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, condition{headers: headers, query: query})
	}
	return conditions, nil
}

// headerName leaves the pseudo headers as they are.
func headerName(name string) string {
	if strings.HasPrefix(name, ":") {
		return strings.ToLower(name)
	}
	return http.CanonicalHeaderKey(name)
}

func compileValues(values map[string]table.StringMatch, nameOf func(string) string) ([]valueMatch, error) {
	list := make([]valueMatch, 0, len(values))
	for name, m := range values {
		text, err := compileText(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, valueMatch{name: nameOf(name), textMatch: text})
	}
	return list, nil
}

func compileText(m table.StringMatch) (textMatch, error) {
	if m.Regex == "" {
		return textMatch{StringMatch: m}, nil
	}
	regex, err := regexp.Compile(m.Regex)
	if err != nil {
		return textMatch{}, fmt.Errorf("%q is not an RE2 expression: %w", m.Regex, err)
	}
	// The longest match from the left is the whole value if any match is. To wrap the expression instead would change
	// the meaning of some, like an unclosed \Q.
	regex.Longest()
	return textMatch{StringMatch: m, regex: regex}, nil
}

func (m textMatch) matches(value string) bool {
	switch {
	case m.Exact != "":
		return value == m.Exact
	case m.Prefix != "":
		return strings.HasPrefix(value, m.Prefix)
	case m.Suffix != "":
		return strings.HasSuffix(value, m.Suffix)
	case m.regex != nil:
		at := m.regex.FindStringIndex(value)
		return len(at) == 2 && at[0] == 0 && at[1] == len(value)
	default:
		return true
	}
}

func (s *service) matches(r *http.Request) bool {
	var query url.Values
	for i := range s.match {
		c := &s.match[i]
		if !c.headersMatch(r) {
			continue
		}
		if len(c.query) > 0 && query == nil {
			query = r.URL.Query()
		}
		if c.queryMatches(query) {
			return true
		}
	}
	return false
}

func (c *condition) headersMatch(r *http.Request) bool {
	for i := range c.headers {
		value, ok := headerOf(r, c.headers[i].name)
		if !ok || !c.headers[i].matches(value) {
			return false
		}
	}
	return true
}

// queryMatches looks at the first value of each parameter, as Envoy does.
func (c *condition) queryMatches(query url.Values) bool {
	for i := range c.query {
		values, ok := query[c.query[i].name]
		if !ok || !c.query[i].matches(values[0]) {
			return false
		}
	}
	return true
}

// headerOf returns a header or pseudo header of a request. Values of a repeated header are joined.
func headerOf(r *http.Request, name string) (string, bool) {
	switch name {
	case ":authority", "Host":
		return r.Host, true
	case ":path":
		return r.URL.RequestURI(), true
	case ":method":
		return r.Method, true
	case ":scheme":
		return "http", true
	}
	values := r.Header[name]
	switch len(values) {
	case 0:
		return "", false
	case 1:
		return values[0], true
	default:
		return strings.Join(values, ","), true
	}
}
