package canaryspec

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/spelling"
)

const (
	nameLimit  = 253
	labelLimit = 63
	// serviceLimit leaves room for -primary in a label.
	serviceLimit = labelLimit - len("-primary")
	urlLimit     = 2048
	regexLimit   = 1024
)

// duration parses d and reports what is no positive length of time. An absent one is 0.
func (r *report) duration(field string, d v1beta1.Duration) time.Duration {
	if d == "" {
		return 0
	}
	parsed, err := time.ParseDuration(string(d))
	switch {
	case err != nil || len(d) > 32 || strings.ContainsAny(string(d), "+-µμn"):
		r.addf(field, "%s is no duration: write a number with a unit, such as 500ms, 30s, 1m or 2h", quoted(string(d)))
		return 0
	case parsed == 0:
		r.addf(field, "the duration is zero: write a longer one, or remove the field for its default")
	}
	return parsed
}

// pattern of a window: the durations of PromQL.
func (r *report) window(field string, w v1beta1.Window) {
	if w == "" {
		return
	}
	rest := string(w)
	for rest != "" {
		digits := strings.TrimLeft(rest, "0123456789")
		unit := unitOf(digits)
		if len(digits) == len(rest) || unit == "" {
			r.addf(field, "%s is no window: write a number with a unit, such as 30s, 1m or 7d", quoted(string(w)))
			return
		}
		rest = digits[len(unit):]
	}
	r.text(field, string(w), 32)
}

func unitOf(s string) string {
	for _, unit := range []string{"ms", "s", "m", "h", "d", "w", "y"} {
		if strings.HasPrefix(s, unit) {
			return unit
		}
	}
	return ""
}

// oneOf reports a value that is not among the allowed ones. An absent one is allowed.
func oneOf[T ~string](r *report, field string, value T, allowed []T) {
	if value == "" {
		return
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		if a == value {
			return
		}
		words[i] = string(a)
	}
	if near := spelling.Nearest(string(value), words); near != "" {
		r.addf(field, "%s is not known: did you mean %s?", quoted(string(value)), near)
		return
	}
	r.addf(field, "%s is not known: write one of %s", quoted(string(value)), strings.Join(words, ", "))
}

// required reports an empty text.
func (r *report) required(field, value, example string) bool {
	if value == "" {
		r.addf(field, "the field is missing: write %s", example)
		return false
	}
	return true
}

// label reports what is no DNS label of at most limit characters. An absent one is allowed.
func (r *report) label(field, value string, limit int) {
	switch {
	case value == "":
	case len(value) > limit:
		r.addf(field, "the name is %d characters long: the limit is %d", len(value), limit)
	case !isLabel(value):
		r.addf(field, "%s is no DNS label: write lower-case letters, digits and hyphens, beginning and ending with a letter or a digit", quoted(value))
	}
}

// subdomain reports what is no DNS subdomain: what objects that get no host of their own are named.
func (r *report) subdomain(field, value string) {
	switch {
	case len(value) > nameLimit:
		r.addf(field, "the name is %d characters long: the limit is %d", len(value), nameLimit)
	case slices.ContainsFunc(strings.Split(value, "."), func(label string) bool { return !isLabel(label) }):
		r.addf(field, "%s is no DNS name: write lower-case letters, digits, hyphens and dots, beginning and ending with a letter or a digit", quoted(value))
	}
}

// IsLabel says whether a name is a DNS label: what every name that Serin makes hosts and files of has to be.
func IsLabel(name string) bool { return len(name) <= labelLimit && isLabel(name) }

func isLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// absolute says whether a text is an http or https URL with a host.
func absolute(text string) bool {
	if len(text) > urlLimit {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// match reports a comparison that is not exactly one, or whose expression is wrong.
func (r *report) match(field string, m *v1beta1.Match) {
	if m == nil {
		return
	}
	set := 0
	for _, text := range []*string{m.Exact, m.Prefix, m.Suffix, m.Regex} {
		if text != nil {
			set++
		}
	}
	if set != 1 {
		r.addf(field, "write exactly one of exact, prefix, suffix and regex")
	}
	if m.Regex != nil {
		r.regex(field+".regex", *m.Regex)
	}
}

func (r *report) regex(field, expr string) {
	if len(expr) > regexLimit {
		r.text(field, expr, regexLimit)
		return
	}
	if _, err := regexp.Compile(expr); err != nil {
		reason := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		r.addf(field, "the expression does not compile (%s): write RE2 syntax", reason)
	}
}

// quoted returns a text for a sentence: short, and on one line.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return `"` + strings.Map(printable, s) + `"`
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '·'
	}
	return r
}
