package courier_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/fault"
)

// serve starts a receiver and returns a courier to the path of it.
func serve(t *testing.T, path string, o courier.Options, h http.HandlerFunc) *courier.Courier {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return to(t, s.URL+path, o)
}

func to(t *testing.T, address string, o courier.Options) *courier.Courier {
	t.Helper()
	c, err := courier.New(address, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	bodies := make(chan string, 1)
	c := serve(t, "/a%20b?x=1", courier.Options{Authorization: "Bearer t0k"}, func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		bodies <- string(data)
		got <- r
	})
	if _, err := c.Post(t.Context(), map[string]string{"a": "<&>"}); err != nil {
		t.Fatal(err)
	}
	r := <-got
	have := []string{r.Method, r.URL.String(), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), r.Header.Get("User-Agent")}
	want := []string{"POST", "/a%20b?x=1", "application/json", "Bearer t0k", "serin"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
	if _, there := r.Header["Idempotency-Key"]; there {
		t.Error("a header without a value was sent")
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(<-bodies), &body); err != nil || body["a"] != "<&>" {
		t.Errorf("the body is %v (%v)", body, err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		code int
		body string
		kind fault.Kind
		want string
	}{
		"ok":                {200, "whatever", "", ""},
		"accepted":          {202, "", "", ""},
		"no content":        {204, "", "", ""},
		"moved":             {301, "", fault.Invalid, "redirects (status 301), which is not followed: use the final address"},
		"temporary":         {307, "", fault.Invalid, "redirects (status 307)"},
		"bad request":       {400, "invalid_payload", fault.Invalid, "answered with status 400: invalid_payload"},
		"unauthorized":      {401, "", fault.Denied, "answered with status 401"},
		"forbidden":         {403, "closed by ann\nsecond line", fault.Denied, "answered with status 403: closed by ann"},
		"not found":         {404, "<html>big page</html>", fault.Invalid, "answered with status 404"},
		"proxy":             {407, "", fault.Denied, "answered with status 407"},
		"request timeout":   {408, "", fault.Unavailable, "answered with status 408"},
		"gone":              {410, "", fault.Invalid, "answered with status 410"},
		"too early":         {425, "", fault.Unavailable, "answered with status 425"},
		"too many":          {429, "slow down", fault.Unavailable, "answered with status 429: slow down"},
		"failing":           {500, "", fault.Unavailable, "answered with status 500"},
		"unavailable":       {503, "\x1b[31mred\x00\tbell\a", fault.Unavailable, "answered with status 503: [31mred bell"},
		"long words":        {500, strings.Repeat("ä", 500), fault.Unavailable, strings.Repeat("ä", 200) + "…"},
		"words of no UTF-8": {500, "a\xff\xfeb", fault.Unavailable, "status 500: ab"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := serve(t, "/", courier.Options{}, status(c.code, c.body)).Post(t.Context(), 1)
			if kind := fault.KindOf(err); kind != c.kind {
				t.Errorf("want kind %q, have %q: %v", c.kind, kind, err)
			}
			if c.want == "" {
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "http://127.0.0.1:") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, have %v", c.want, err)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, code := range []int{301, 302, 303, 307, 308} {
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("status %d was followed", code) }))
		t.Cleanup(other.Close)
		c := serve(t, "/", courier.Options{Authorization: "Bearer secret"}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/?token=elsewhere", code)
		})
		if _, err := c.Post(t.Context(), 1); fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("status %d: %v", code, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		header        string
		least, atMost time.Duration
	}{
		"none":        {"", 0, 0},
		"seconds":     {"7", 7 * time.Second, 7 * time.Second},
		"negative":    {"-7", 0, 0},
		"a day":       {"100000000", 24 * time.Hour, 24 * time.Hour},
		"no int":      {"99999999999999999999999", 24 * time.Hour, 24 * time.Hour},
		"nonsense":    {"soon", 0, 0},
		"a past date": {"Wed, 21 Oct 2015 07:28:00 GMT", 0, 0},
		"a date":      {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), 50 * time.Second, time.Minute},
		"a far date":  {"Wed, 21 Oct 2399 07:28:00 GMT", 24 * time.Hour, 24 * time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := serve(t, "/", courier.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(http.StatusTooManyRequests)
			}).Post(t.Context(), 1)
			if have := fault.RetryAfter(err); have < c.least || have > c.atMost {
				t.Errorf("want %s to %s, have %s", c.least, c.atMost, have)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	c := serve(t, "/", courier.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	limited, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Post(limited, 1)
	if fault.KindOf(err) != fault.Unavailable || !strings.HasSuffix(err.Error(), "did not answer in time") {
		t.Errorf("a receiver that hangs: %v", err)
	}
	<-arrived
	ended, end := context.WithCancel(t.Context())
	go func() {
		<-arrived
		end()
	}()
	if _, err = c.Post(ended, 1); fault.KindOf(err) != fault.Unavailable || !strings.HasSuffix(err.Error(), "was cancelled") {
		t.Errorf("a cancelled call: %v", err)
	}
	broken := serve(t, "/", courier.Options{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err = broken.Post(t.Context(), 1); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a connection that breaks: %v", err)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err = to(t, s.URL+"/secret-path-1", courier.Options{}).Post(t.Context(), 1)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "path") {
		t.Errorf("nobody listens: %v", err)
	}
}

// endless answers with a gigabyte and says how much of it was taken.
func endless(code int, taken chan<- int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		n, _ := io.Copy(w, io.LimitReader(zeros{}, 1<<30))
		taken <- n
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'z'
	}
	return len(p), nil
}

func TestHugeAnswerIsNotRead(t *testing.T) {
	t.Parallel()
	for code, kind := range map[int]fault.Kind{200: fault.Unknown, 500: fault.Unavailable, 404: fault.Invalid} {
		taken := make(chan int64, 1)
		reply, err := serve(t, "/", courier.Options{Reply: 10}, endless(code, taken)).Post(t.Context(), 1)
		if fault.KindOf(err) != kind {
			t.Errorf("status %d: %v", code, err)
		}
		if code == http.StatusOK && string(reply) != "zzzzzzzzzz" {
			t.Errorf("the reply is %q", reply)
		}
		if n := <-taken; n > 64<<20 {
			t.Errorf("status %d: %d bytes were taken", code, n)
		}
	}
}

func TestWordsThatDoNotComeLeaveTheStatus(t *testing.T) {
	t.Parallel()
	c := serve(t, "/", courier.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "the reason is")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	_, err := c.Post(t.Context(), 1)
	if fault.KindOf(err) != fault.Denied || !strings.HasSuffix(err.Error(), "status 403: the reason is") {
		t.Error(err)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		address string
		o       courier.Options
		want    string
	}{
		"nothing":       {"", courier.Options{}, "is not a URL"},
		"no scheme":     {"example.com/secret", courier.Options{}, "is not a URL"},
		"another":       {"ftp://example.com/secret", courier.Options{}, "is not a URL"},
		"no host":       {"http://:80/secret", courier.Options{}, "is not a URL"},
		"not parseable": {"http://example.com/secret\x7f", courier.Options{}, "is not a URL"},
		"two lines":     {"http://example.com/secret", courier.Options{Authorization: "Bearer secret\nX: y"}, "control character"},
		"proxy":         {"http://example.com/", courier.Options{Proxy: "secret:1"}, "the proxy is not a URL"},
		"proxy's host":  {"http://example.com/", courier.Options{Proxy: "http://"}, "the proxy is not a URL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := courier.New(c.address, c.o)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("want %q, have %v", c.want, err)
			}
		})
	}
	c := serve(t, "/", courier.Options{}, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, document := range []any{make(chan int), strings.Repeat("a", 1<<20)} {
		if _, err := c.Post(t.Context(), document); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a document that cannot be sent: %v", err)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	c := to(t, " https://user:pw@hooks.example.com:8443/services/T00/B00/x?y=z#f ", courier.Options{})
	if have, want := c.Place(), "https://hooks.example.com:8443"; have != want {
		t.Errorf("want %s, have %s", want, have)
	}
}
