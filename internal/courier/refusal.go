package courier

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/serin-dev/serin/internal/fault"
)

const (
	// wordsRead is how much of a refusal is read, in bytes, and wordsTold how much of it is repeated, in characters.
	wordsRead = 4 << 10
	wordsTold = 200
	// longestDelay bounds the delay that a receiver can ask for.
	longestDelay = 24 * time.Hour
)

// refusal turns an answer that is not 2xx into an error whose kind says whether sending again may help.
func (c *Courier) refusal(resp *http.Response) error {
	status := resp.StatusCode
	kind := fault.Invalid
	switch {
	case status >= 300 && status < 400:
		return fault.Errorf(fault.Invalid,
			"%s redirects (status %d), which is not followed: use the final address", c.place, status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		kind = fault.Denied
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly,
		status == http.StatusTooManyRequests, status >= 500:
		kind = fault.Unavailable
	}
	text := fmt.Sprintf("%s answered with status %d", c.place, status)
	if words := c.words(resp.Body); words != "" {
		text += ": " + words
	}
	failure := &fault.Error{Kind: kind, Err: errors.New(text)}
	if kind == fault.Unavailable {
		failure.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return failure
}

// words is the first line of what the receiver says about its refusal. A page for browsers says nothing.
func (c *Courier) words(body io.Reader) string {
	// A body that breaks off has said what it has said; the status is what counts.
	data, _ := io.ReadAll(io.LimitReader(body, wordsRead))
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "<") {
		return ""
	}
	return c.sentence(text)
}

// sentence makes foreign text fit for a message: one line, no secret, printable, short. Secrets go first, so that no
// piece of one is left where the text is cut.
func (c *Courier) sentence(text string) string {
	text = c.redact.Replace(text)
	if line, _, more := strings.Cut(text, "\n"); more {
		text = line
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\t", " "))
	runes := []rune(strings.TrimSpace(text))
	if len(runes) > wordsTold {
		return string(runes[:wordsTold]) + "…"
	}
	return string(runes)
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(max(seconds, 0), int64(longestDelay/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), longestDelay)
	}
	return 0
}
