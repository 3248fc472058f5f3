package prommeter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
)

// messageLimit is how much of a server's own words an error repeats.
const messageLimit = 300

// reply is the envelope of every answer of the API.
type reply struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// sample is one series of a vector or a matrix.
type sample struct {
	Metric    map[string]string `json:"metric"`
	Value     *point            `json:"value"`
	Values    []point           `json:"values"`
	Histogram json.RawMessage   `json:"histogram"`
	// Histograms are the native histograms of a matrix.
	Histograms json.RawMessage `json:"histograms"`
}

// point is a pair of a time in seconds and a value in a string.
type point meter.Point

// UnmarshalJSON reads [1700000000.123, "1.5"].
func (p *point) UnmarshalJSON(data []byte) error {
	var pair [2]any
	if err := json.Unmarshal(data, &pair); err != nil {
		return fmt.Errorf("a point is not a pair: %w", err)
	}
	seconds, ok := pair[0].(float64)
	if !ok {
		return errors.New("a point has no time")
	}
	text, ok := pair[1].(string)
	if !ok {
		return errors.New("a point has no value")
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("a point's value is not a number: %w", err)
	}
	*p = point{At: time.UnixMilli(int64(math.Round(seconds * 1000))), Value: value}
	return nil
}

// decode reads the answer to a successful query. Its errors are fault.Invalid for a result that no metric can
// have, and unclassified for an answer that is not one.
func decode(r io.Reader) ([]meter.Series, error) {
	var a reply
	if err := json.NewDecoder(r).Decode(&a); err != nil {
		return nil, fmt.Errorf("it is not the JSON of the API: %w", err)
	}
	if a.Status != "success" {
		return nil, fmt.Errorf("its status is %q", shortened(a.Status))
	}
	switch a.Data.ResultType {
	case "scalar":
		var p point
		if err := json.Unmarshal(a.Data.Result, &p); err != nil {
			return nil, fmt.Errorf("a scalar: %w", err)
		}
		return []meter.Series{{Points: []meter.Point{meter.Point(p)}}}, nil
	case "vector", "matrix":
		return decodeSamples(a.Data.Result)
	case "string":
		return nil, fault.Errorf(fault.Invalid, "the query gives a string and a metric needs a number")
	default:
		return nil, fmt.Errorf("its result type is %q", shortened(a.Data.ResultType))
	}
}

func decodeSamples(data json.RawMessage) ([]meter.Series, error) {
	var samples []sample
	if err := json.Unmarshal(data, &samples); err != nil {
		return nil, fmt.Errorf("its result: %w", err)
	}
	series := make([]meter.Series, 0, len(samples))
	for _, s := range samples {
		if len(s.Histogram) > 0 || len(s.Histograms) > 0 {
			return nil, fault.Errorf(fault.Invalid, "the query gives a native histogram and a metric needs a number")
		}
		points := make([]meter.Point, 0, len(s.Values)+1)
		if s.Value != nil {
			points = append(points, meter.Point(*s.Value))
		}
		for _, p := range s.Values {
			points = append(points, meter.Point(p))
		}
		series = append(series, meter.Series{Labels: s.Metric, Points: points})
	}
	return series, nil
}

// refusal turns a status other than 200 into an error of the kind that says whether asking again helps.
func (d *Driver) refusal(resp *http.Response, body io.Reader) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return d.errorf(fault.Denied, "access is denied (status %d): check the credentials", status)
	case status >= 300 && status < 400:
		return d.errorf(fault.Invalid, "it redirects (status %d), which is not followed: use the final address", status)
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly || status >= 500:
		err := d.errorf(fault.Unavailable, "status %d%s", status, d.words(body))
		return &fault.Error{Kind: fault.Unavailable, RetryAfter: retryAfter(resp, time.Now()), Err: err}
	case status == http.StatusNotFound:
		return d.errorf(fault.Invalid, "there is no query API at this address (status %d)", status)
	default:
		return d.errorf(fault.Invalid, "the query is refused (status %d)%s", status, d.words(body))
	}
}

// words returns what the server says about its refusal, or nothing. A body that is not the API's JSON is not
// repeated: it is a page of some proxy in between.
func (d *Driver) words(body io.Reader) string {
	var a reply
	if err := json.NewDecoder(io.LimitReader(body, 64<<10)).Decode(&a); err != nil || a.Error == "" {
		return ""
	}
	// Shortening first could leave the beginning of a secret.
	return ": " + shortened(d.redact(a.Error))
}

func shortened(text string) string {
	runes := []rune(text)
	if len(runes) <= messageLimit {
		return text
	}
	return string(runes[:messageLimit]) + "…"
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now).Round(time.Second)
	}
	return 0
}
