package prom

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/metertest"
	"github.com/serin-dev/serin/internal/meter/prommeter"
)

// overHTTP is the engine behind its own API. Troubles of the network are prommeter's own tests.
type overHTTP struct {
	direct

	driver *prommeter.Driver
}

func (h overHTTP) Driver() meter.Driver { return h.driver }

func TestConformanceOverHTTP(t *testing.T) {
	t.Parallel()
	metertest.Run(t, func(t *testing.T) metertest.Harness {
		t.Helper()
		p := open(t, t.TempDir(), Options{})
		s := httptest.NewServer(p.Handler())
		t.Cleanup(s.Close)
		d, err := prommeter.New(s.URL, prommeter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return overHTTP{direct{p}, d}
	})
}

func call(t *testing.T, p *Prometheus, method, target string, form url.Values) (int, string) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else {
		target += "?" + form.Encode()
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAPI(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{})
	base := time.Now().Truncate(10 * time.Second).Add(-time.Minute)
	var points []meter.Point
	for i := range 3 {
		points = append(points, meter.Point{At: base.Add(time.Duration(i) * time.Second), Value: float64(i)})
	}
	if err := p.store(series("a", points...), series("b", points...)); err != nil {
		t.Fatal(err)
	}
	at := func(s int) string { return base.Add(time.Duration(s) * time.Second).Format(time.RFC3339Nano) }
	unix := base.Unix()
	cases := map[string]struct {
		path   string
		form   url.Values
		status int
		want   string
	}{
		"a vector":      {"/api/v1/query", url.Values{"query": {"a"}, "time": {at(2)}}, 200, `{"resultType":"vector","result":[{"metric":{"__name__":"a"},"value":[T2,"2"]}]}`},
		"a matrix":      {"/api/v1/query", url.Values{"query": {"a[2s]"}, "time": {at(2)}}, 200, `{"resultType":"matrix","result":[{"metric":{"__name__":"a"},"values":[[T1,"1"],[T2,"2"]]}]}`},
		"a scalar":      {"/api/v1/query", url.Values{"query": {"1"}, "time": {at(2)}}, 200, `{"resultType":"scalar","result":[T2,"1"]}`},
		"a string":      {"/api/v1/query", url.Values{"query": {`"x"`}, "time": {at(2)}}, 200, `{"resultType":"string","result":[T2,"x"]}`},
		"nothing":       {"/api/v1/query", url.Values{"query": {"none"}}, 200, `{"resultType":"vector","result":[]}`},
		"a range":       {"/api/v1/query_range", url.Values{"query": {"a"}, "start": {at(0)}, "end": {at(2)}, "step": {"2"}}, 200, `{"resultType":"matrix","result":[{"metric":{"__name__":"a"},"values":[[T0,"0"],[T2,"2"]]}]}`},
		"an empty one":  {"/api/v1/query_range", url.Values{"query": {"none"}, "start": {at(0)}, "end": {at(2)}, "step": {"1s"}}, 200, `{"resultType":"matrix","result":[]}`},
		"labels":        {"/api/v1/labels", nil, 200, `["__name__"]`},
		"their match":   {"/api/v1/labels", url.Values{"match[]": {`none`}}, 200, `[]`},
		"a bad query":   {"/api/v1/query", url.Values{"query": {"a{"}}, 400, "bad_data"},
		"a bad time":    {"/api/v1/query", url.Values{"query": {"a"}, "time": {"soon"}}, 400, "is not a time"},
		"no step":       {"/api/v1/query_range", url.Values{"query": {"a"}, "start": {at(0)}, "end": {at(2)}}, 400, "not a positive duration"},
		"no start":      {"/api/v1/query_range", url.Values{"query": {"a"}, "end": {at(2)}, "step": {"1"}}, 400, "start and end are needed"},
		"backwards":     {"/api/v1/query_range", url.Values{"query": {"a"}, "start": {at(2)}, "end": {at(0)}, "step": {"1"}}, 400, "before the start"},
		"too many":      {"/api/v1/query_range", url.Values{"query": {"a"}, "start": {"0"}, "end": {at(0)}, "step": {"1"}}, 400, "more than 11000 points"},
		"a bad match":   {"/api/v1/labels", url.Values{"match[]": {`{`}}, 400, "cannot be read"},
		"an ended time": {"/api/v1/labels", url.Values{"end": {"x"}}, 400, "is not a time"},
	}
	times := strings.NewReplacer("T0", strconv.FormatInt(unix, 10), "T1", strconv.FormatInt(unix+1, 10), "T2", strconv.FormatInt(unix+2, 10))
	for name, c := range cases {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, body := call(t, p, method, c.path, c.form)
			if status != c.status {
				t.Errorf("%s by %s: want status %d, have %d: %s", name, method, c.status, status, body)
				continue
			}
			if status != http.StatusOK {
				if !strings.Contains(body, c.want) || !strings.Contains(body, `"status":"error"`) {
					t.Errorf("%s by %s: want an error with %q, have %s", name, method, c.want, body)
				}
				continue
			}
			var have, want any
			if err := json.Unmarshal([]byte(body), &have); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(`{"status":"success","data":`+times.Replace(c.want)+`}`), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("%s by %s (-want +have):\n%s", name, method, diff)
			}
		}
	}
}

func TestAPIRefuses(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{})
	if status, body := call(t, p, http.MethodPost, "/api/v1/query", url.Values{"query": {strings.Repeat("x", formLimit)}}); status != http.StatusBadRequest {
		t.Errorf("want a large form refused, have %d: %s", status, body)
	}
	if status, _ := call(t, p, http.MethodDelete, "/api/v1/query", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("want DELETE refused, have %d", status)
	}
	if status, _ := call(t, p, http.MethodGet, "/api/v1/admin", nil); status != http.StatusNotFound {
		t.Errorf("want an unknown path refused, have %d", status)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/v1/query", "/api/v1/labels", "/api/v1/label/a/values"} {
		if status, body := call(t, p, http.MethodGet, path, url.Values{"query": {"a"}}); status != http.StatusServiceUnavailable {
			t.Errorf("%s after Close: want 503, have %d: %s", path, status, body)
		}
	}
}

func TestLabelValues(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir(), Options{})
	at := time.Now()
	for _, app := range []string{"x", "y"} {
		s := series("m", meter.Point{At: at, Value: 1})
		s.Labels["app"] = app
		if err := p.store(s); err != nil {
			t.Fatal(err)
		}
	}
	for match, want := range map[string]string{``: `["x","y"]`, `m{app="y"}`: `["y"]`} {
		form := url.Values{}
		if match != "" {
			form.Set("match[]", match)
		}
		status, body := call(t, p, http.MethodGet, "/api/v1/label/app/values", form)
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%q: want %s, have %d: %s", match, want, status, body)
		}
	}
}
