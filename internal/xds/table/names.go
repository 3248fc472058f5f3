package table

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// isLabel says whether s can be one part of a host name.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isHost says whether s is a lower-case host name. Underscores are refused as in the names of Kubernetes.
func isHost(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isHostPattern(s string) bool {
	s = strings.ToLower(s)
	return s == "*" || isHost(strings.TrimPrefix(s, "*."))
}

func isHeaderName(s string) bool { return httpguts.ValidHeaderFieldName(s) }

// isCookieValue says whether s can be sent as the value of a cookie without quotes.
func isCookieValue(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\' {
			return false
		}
	}
	return true
}

func isCookiePath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.ContainsAny(s, "; \t\r\n")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
