package prommeter_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/memmeter"
	"github.com/serin-dev/serin/internal/meter/metertest"
	"github.com/serin-dev/serin/internal/meter/prommeter"
)

const token = "correct-horse-battery"

// server is an HTTP server that speaks the query API over a source in memory, and goes wrong when told to.
type server struct {
	source *memmeter.Driver
	driver *prommeter.Driver

	mu      sync.Mutex
	trouble metertest.Trouble
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{source: memmeter.New(), trouble: metertest.Calm}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	d, err := prommeter.New(h.URL, prommeter.Options{Token: token, BodyLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	s.driver = d
	return s
}

func (s *server) Driver() meter.Driver { return s.driver }
func (s *server) Caps() metertest.Caps { return metertest.Caps{Ranges: true, Remote: true} }
func (s *server) Secrets() []string    { return []string{token} }

func (s *server) Store(series ...meter.Series) error {
	for _, one := range series {
		s.source.Append(one.Labels, one.Points...)
	}
	return nil
}

func (s *server) Disturb(t metertest.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = t
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	if trouble != metertest.Calm {
		goWrong(w, r, trouble)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/api/v1/query" || r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	s.answer(w, r)
}

// goWrong echoes the credentials wherever a server could.
func goWrong(w http.ResponseWriter, r *http.Request, trouble metertest.Trouble) {
	echo := r.Header.Get("Authorization")
	fail := func(status int) { writeJSON(w, status, map[string]any{"status": "error", "error": "you sent " + echo}) }
	switch trouble {
	case metertest.Unauthorized:
		fail(http.StatusUnauthorized)
	case metertest.Forbidden:
		fail(http.StatusForbidden)
	case metertest.Overloaded:
		w.Header().Set("Retry-After", strconv.Itoa(int(metertest.RetryAfter.Seconds())))
		fail(http.StatusTooManyRequests)
	case metertest.Failing:
		fail(http.StatusInternalServerError)
	case metertest.Down:
		panic(http.ErrAbortHandler)
	case metertest.Hanging:
		// The server sees that the client has gone only after it has read the request.
		_ = r.ParseForm()
		<-r.Context().Done()
	case metertest.Huge:
		chunk := []byte(strings.Repeat(`{"metric":{"a":"b"},"value":[1,"1"]},`, 1000))
		_, err := w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[`))
		for err == nil {
			_, err = w.Write(chunk)
		}
	case metertest.Garbage:
		_, _ = w.Write([]byte("<html>" + echo))
	case metertest.Redirecting:
		http.Redirect(w, r, "http://elsewhere.invalid/?"+echo, http.StatusTemporaryRedirect)
	case metertest.Calm:
	}
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	text := r.PostFormValue("query")
	seconds, err := strconv.ParseFloat(r.PostFormValue("time"), 64)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"status": "error", "errorType": "bad_data", "error": err.Error()})
		return
	}
	at := time.UnixMilli(int64(seconds*1000 + 0.5))
	series, err := s.source.Query(r.Context(), text, at)
	if err != nil {
		status := http.StatusServiceUnavailable
		if fault.KindOf(err) == fault.Invalid {
			status = http.StatusBadRequest
		}
		writeJSON(w, status, map[string]any{"status": "error", "errorType": "bad_data", "error": err.Error()})
		return
	}
	kind, result := "vector", []any{}
	if strings.HasSuffix(text, "]") {
		kind = "matrix"
	}
	for _, one := range series {
		if kind == "matrix" {
			result = append(result, map[string]any{"metric": one.Labels, "values": pairs(one.Points)})
		} else {
			result = append(result, map[string]any{"metric": one.Labels, "value": pairs(one.Points)[0]})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "success", "data": map[string]any{"resultType": kind, "result": result}})
}

func pairs(points []meter.Point) [][2]any {
	out := make([][2]any, len(points))
	for i, p := range points {
		out[i] = [2]any{float64(p.At.UnixMilli()) / 1000, strconv.FormatFloat(p.Value, 'g', -1, 64)}
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		status, data = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	metertest.Run(t, func(t *testing.T) metertest.Harness {
		t.Helper()
		return newServer(t)
	})
}
