package prom

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzQuery sends arbitrary forms to the query API: the answer is JSON that says what is wrong, and never that the
// server is at fault.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"query=up", "query=up{", "query=sum(rate(a[5m]))by(b)&time=1700000000", "query=1/0&time=NaN", "query=a&time=1e400",
		"query=a&start=0&end=10&step=1", "query=a&start=10&end=0&step=1", "query=a&start=0&end=1e18&step=1ms", "query=a&start=0&end=1&step=0",
		"match[]={a=~\"(((\"}", "match[]=up&start=x", "%zz", "query=%00", "", "query=vector(1)&time=2030-01-01T00:00:00Z",
		"query=" + strings.Repeat("(", 200), "query=topk(1e9,a)&time=-1",
	} {
		for _, path := range []string{"query", "query_range", "labels", "label/a/values"} {
			f.Add(path, seed)
		}
	}
	p, err := New(f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := p.Close(); err != nil {
			f.Error(err)
		}
	})
	h := p.Handler()
	f.Fuzz(func(t *testing.T, path, form string) {
		known := map[string]bool{"query": true, "query_range": true, "labels": true, "label/a/values": true}
		if !known[path] {
			return
		}
		method, body := http.MethodGet, ""
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/"+path, strings.NewReader(form))
		if strings.HasPrefix(path, "label/") {
			r = httptest.NewRequestWithContext(t.Context(), method, "/api/v1/"+path, strings.NewReader(body))
			r.URL.RawQuery = form
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct{ Status, ErrorType, Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%d is no JSON: %v %q", w.Code, err, w.Body)
		}
		switch {
		case w.Code == http.StatusOK && answer.Status == "success":
		case w.Code == http.StatusBadRequest && answer.Status == "error" && answer.Error != "":
		case w.Code == http.StatusServiceUnavailable && answer.ErrorType == "unavailable" && answer.Error != "":
		default:
			t.Errorf("%s?%s: %d %s", path, form, w.Code, w.Body)
		}
	})
}
