package prommeter_test

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
	"github.com/serin-dev/serin/internal/meter/prommeter"
)

// serve starts a server with one answer and returns a driver for it.
func serve(t *testing.T, o prommeter.Options, h http.HandlerFunc) *prommeter.Driver {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	d, err := prommeter.New(s.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestRequest(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		o        prommeter.Options
		wantAuth string
	}{
		"nothing": {prommeter.Options{}, ""},
		"token":   {prommeter.Options{Token: "t0k"}, "Bearer t0k"},
		"basic":   {prommeter.Options{Username: "ann", Password: "pw"}, "Basic YW5uOnB3"},
		"header":  {prommeter.Options{Headers: http.Header{"authorization": {"Custom x"}}}, "Custom x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Headers = c.o.Headers.Clone()
			if c.o.Headers == nil {
				c.o.Headers = http.Header{}
			}
			c.o.Headers.Set("X-Scope-Orgid", "team-a")
			got := make(chan *http.Request, 1)
			d := serve(t, c.o, func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				got <- r
				fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
			})
			if _, err := d.Query(t.Context(), `up{a="&b=c"}`, time.UnixMilli(1700000000042)); err != nil {
				t.Fatal(err)
			}
			r := <-got
			if r.Method != http.MethodPost || r.URL.String() != "/api/v1/query" {
				t.Errorf("want POST /api/v1/query, have %s %s", r.Method, r.URL)
			}
			have := map[string]string{
				"auth": r.Header.Get("Authorization"), "org": r.Header.Get("X-Scope-Orgid"),
				"query": r.PostForm.Get("query"), "time": r.PostForm.Get("time"), "lookback": r.PostForm.Get("lookback_delta"),
			}
			want := map[string]string{
				"auth": c.wantAuth, "org": "team-a", "query": `up{a="&b=c"}`, "time": "1700000000.042", "lookback": "150",
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("(-want +have):\n%s", diff)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	point := func(ms int64, v float64) meter.Point { return meter.Point{At: time.UnixMilli(ms), Value: v} }
	cases := map[string]struct {
		body string
		want []meter.Series
		kind fault.Kind
		text string
	}{
		"scalar": {`{"status":"success","data":{"resultType":"scalar","result":[1.5,"2"]}}`, []meter.Series{{Points: []meter.Point{point(1500, 2)}}}, "", ""},
		"vector": {
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1700000000.123,"0.25"]}]}}`,
			[]meter.Series{{Labels: map[string]string{"a": "b"}, Points: []meter.Point{point(1700000000123, 0.25)}}}, "", "",
		},
		"matrix": {
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[2,"1e3"]]}]}}`,
			[]meter.Series{{Labels: map[string]string{}, Points: []meter.Point{point(1000, 1), point(2000, 1000)}}}, "", "",
		},
		"warnings are no error":       {`{"status":"success","warnings":["w"],"infos":["i"],"data":{"resultType":"vector","result":[]}}`, []meter.Series{}, "", ""},
		"string":                      {`{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, nil, fault.Invalid, "a string"},
		"native histogram":            {`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}`, nil, fault.Invalid, "native histogram"},
		"native histograms":           {`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{}]]}]}}`, nil, fault.Invalid, "native histogram"},
		"an unknown type":             {`{"status":"success","data":{"resultType":"tensor","result":[]}}`, nil, fault.Unavailable, `result type is "tensor"`},
		"an error with status 200":    {`{"status":"error","error":"no"}`, nil, fault.Unavailable, `status is "error"`},
		"a value that is no number":   {`{"status":"success","data":{"resultType":"scalar","result":[1,"abc"]}}`, nil, fault.Unavailable, "cannot be read"},
		"a value that is no string":   {`{"status":"success","data":{"resultType":"scalar","result":[1,2]}}`, nil, fault.Unavailable, "no value"},
		"a time that is no number":    {`{"status":"success","data":{"resultType":"scalar","result":["1","2"]}}`, nil, fault.Unavailable, "no time"},
		"a point that is not a pair":  {`{"status":"success","data":{"resultType":"scalar","result":"1"}}`, nil, fault.Unavailable, "not a pair"},
		"a result that is not a list": {`{"status":"success","data":{"resultType":"vector","result":{}}}`, nil, fault.Unavailable, "its result"},
		"half an answer":              {`{"status":"success","data":{"resultType":"vec`, nil, fault.Unavailable, "not the JSON"},
		"nothing":                     {``, nil, fault.Unavailable, "not the JSON"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := serve(t, prommeter.Options{}, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.body) })
			have, err := d.Query(t.Context(), "q", time.Unix(1, 0))
			if c.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, have); diff != "" {
					t.Errorf("(-want +have):\n%s", diff)
				}
				return
			}
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Errorf("want %s with %q, have %q: %v", c.kind, c.text, fault.KindOf(err), err)
			}
		})
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	cases := map[int]fault.Kind{
		301: fault.Invalid, 302: fault.Invalid, 307: fault.Invalid,
		400: fault.Invalid, 401: fault.Denied, 403: fault.Denied, 404: fault.Invalid, 405: fault.Invalid,
		408: fault.Unavailable, 413: fault.Invalid, 422: fault.Invalid, 425: fault.Unavailable, 429: fault.Unavailable,
		500: fault.Unavailable, 502: fault.Unavailable, 503: fault.Unavailable, 504: fault.Unavailable,
		204: fault.Invalid,
	}
	for status, kind := range cases {
		var calls atomic.Int32
		d := serve(t, prommeter.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		_, err := d.Query(t.Context(), "q", time.Unix(1, 0))
		if fault.KindOf(err) != kind {
			t.Errorf("%d: want %s, have %q: %v", status, kind, fault.KindOf(err), err)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d: want one request and no retry, had %d", status, n)
		}
	}
}

func TestServersWordsAreRepeatedShortAndRedacted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	cases := map[string]prommeter.Options{
		"token":  {Token: "s3cret"},
		"basic":  {Username: "ann", Password: "s3cret"},
		"header": {Headers: http.Header{"X-Key": {"s3cret"}}},
	}
	for name, o := range cases {
		d := serve(t, o, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprintf(w, `{"status":"error","error":"bad: %s %s s3cret %s"}`, r.Header.Get("Authorization"), r.Header.Get("X-Key"), long)
		})
		_, err := d.Query(t.Context(), "q", time.Unix(1, 0))
		if err == nil || !strings.Contains(err.Error(), "bad: ") || !strings.Contains(err.Error(), "***") {
			t.Fatalf("%s: want the server's words, have %v", name, err)
		}
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		if strings.Contains(text, "s3cret") || strings.Contains(text, "YW5uOnMzY3JldA==") {
			t.Errorf("%s: the secret is in the error: %v", name, err)
		}
		if len(err.Error()) > 500 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	d := serve(t, prommeter.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := d.Query(t.Context(), "q", time.Unix(1, 0))
	if have := fault.RetryAfter(err); have < 50*time.Minute || have > time.Hour {
		t.Errorf("want about an hour, have %s", have)
	}
}

func TestCompressedBodyIsLimitedAsUnpacked(t *testing.T) {
	t.Parallel()
	d := serve(t, prommeter.Options{BodyLimit: 1 << 16}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		fmt.Fprint(z, `{"status":"success","data":{"resultType":"vector","result":[`)
		fmt.Fprint(z, strings.Repeat(" ", 1<<20))
		fmt.Fprint(z, `]}}`)
		if err := z.Close(); err != nil {
			return
		}
	})
	_, err := d.Query(t.Context(), "q", time.Unix(1, 0))
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "larger than 65536 bytes") {
		t.Errorf("want Invalid, have %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`)
	}))
	t.Cleanup(s.Close)
	for insecure, want := range map[bool]fault.Kind{false: fault.Unavailable, true: fault.Unknown} {
		d, err := prommeter.New(s.URL, prommeter.Options{InsecureSkipVerify: insecure})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		if _, err := d.Query(t.Context(), "q", time.Unix(1, 0)); fault.KindOf(err) != want {
			t.Errorf("insecure %t: want %q, have %v", insecure, want, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "prometheus:9090", "ftp://x", "http://", "http://x?a=s3cret", "http://x#s3cret", "http://a:s3cret@x:bad"} {
		_, err := prommeter.New(address, prommeter.Options{})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: want Invalid, have %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: the secret is in the error: %v", address, err)
		}
	}
	if _, err := prommeter.New("http://x", prommeter.Options{Token: "a", Username: "b"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("want two kinds of credentials refused, have %v", err)
	}
}

func TestCredentialsAndPathInTheAddress(t *testing.T) {
	t.Parallel()
	type seen struct{ path, user, password string }
	got := make(chan seen, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		got <- seen{r.URL.Path, user, password}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(s.Close)
	d, err := prommeter.New(strings.Replace(s.URL, "http://", "http://ann:s3cret@", 1)+"/prom/", prommeter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	_, err = d.Query(t.Context(), "q", time.Unix(1, 0))
	if diff := cmp.Diff(seen{"/prom/api/v1/query", "ann", "s3cret"}, <-got, cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("want an error without the password, have %v", err)
	}
	s.Close()
	if _, err = d.Query(t.Context(), "q", time.Unix(1, 0)); fault.KindOf(err) != fault.Unavailable || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("want Unavailable without the password, have %v", err)
	}
}
