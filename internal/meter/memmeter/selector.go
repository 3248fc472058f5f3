package memmeter

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// selector is the part of PromQL that the source understands: name{label="value",label=~"pattern"}[range],
// where the name or the braces may be missing.
type selector struct {
	matchers []matcher
	window   time.Duration
}

type matcher struct {
	label   string
	value   string
	pattern *regexp.Regexp
}

func (s *selector) matches(labels map[string]string) bool {
	for _, m := range s.matchers {
		if m.pattern != nil && !m.pattern.MatchString(labels[m.label]) {
			return false
		}
		if m.pattern == nil && labels[m.label] != m.value {
			return false
		}
	}
	return true
}

// parse reads a selector from its beginning to its end.
func parse(text string) (selector, error) {
	var s selector
	rest := strings.TrimSpace(text)
	name, rest := identifier(rest)
	if name == "" && !strings.HasPrefix(rest, "{") {
		return s, errors.New("only selectors and prepared answers are understood")
	}
	if name != "" {
		s.matchers = append(s.matchers, matcher{label: "__name__", value: name})
	}
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		var err error
		if rest, err = s.braces(inner); err != nil {
			return s, err
		}
	}
	if inner, ok := strings.CutPrefix(rest, "["); ok {
		text, after, closed := strings.Cut(inner, "]")
		window, err := time.ParseDuration(text)
		if err != nil || !closed || window <= 0 {
			return s, fmt.Errorf("the range [%s is not a duration", inner)
		}
		s.window, rest = window, after
	}
	if strings.TrimSpace(rest) != "" {
		return s, fmt.Errorf("unexpected %q after the selector", rest)
	}
	return s, nil
}

// braces reads the matchers after an opening brace and returns what follows the closing one.
func (s *selector) braces(rest string) (string, error) {
	for {
		rest = strings.TrimLeft(rest, " ,")
		if after, ok := strings.CutPrefix(rest, "}"); ok {
			return after, nil
		}
		var m matcher
		m.label, rest = identifier(rest)
		after, isPattern := strings.CutPrefix(rest, "=~")
		if !isPattern {
			var ok bool
			if after, ok = strings.CutPrefix(rest, "="); !ok {
				return "", fmt.Errorf("expected = or =~ at %q", rest)
			}
		}
		quoted, err := strconv.QuotedPrefix(after)
		if err != nil {
			return "", fmt.Errorf("expected a string at %q", after)
		}
		if m.value, err = strconv.Unquote(quoted); err != nil {
			return "", fmt.Errorf("the string %s: %w", quoted, err)
		}
		if isPattern {
			if m.pattern, err = regexp.Compile("^(?s:" + m.value + ")$"); err != nil {
				return "", fmt.Errorf("the pattern %s: %w", quoted, err)
			}
		}
		s.matchers = append(s.matchers, m)
		rest = after[len(quoted):]
	}
}

func identifier(text string) (name, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool {
		letter := r == '_' || r == ':' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9')
	})
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:]
}
