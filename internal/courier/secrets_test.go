package courier_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/fault"
)

// wantNone fails for each secret in an error or in one that it wraps.
func wantNone(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("want an error")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		text := fmt.Sprintf("%v %+v %#v", e, e, e)
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%q is in: %s", s, text)
			}
		}
	}
}

// gossip repeats all that it was sent, in its refusal.
func gossip(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusBadRequest)
	user, password, _ := r.BasicAuth()
	fmt.Fprintf(w, "path=%s raw=%s query=%s auth=%s user=%s:%s body=%s ",
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Header.Get("Authorization"), user, password, body)
	for _, values := range r.URL.Query() {
		fmt.Fprint(w, values, " ")
	}
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		fmt.Fprint(w, part, " ")
	}
}

func TestNoSecretIsRepeated(t *testing.T) {
	t.Parallel()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:opensesame"))
	cases := map[string]struct {
		path    string
		o       courier.Options
		secrets []string
	}{
		"path":    {"/services/T01/B00ABC/hunter2swordfish", courier.Options{}, []string{"B00ABC", "hunter2swordfish"}},
		"escaped": {"/a/p%40ss%2Fword1", courier.Options{}, []string{"p@ss/word1", "p%40ss%2Fword1"}},
		"query":   {"/?key=hunter2&other=a%2Bb%20c", courier.Options{}, []string{"hunter2", "a+b c", "a%2Bb"}},
		"bearer":  {"/", courier.Options{Authorization: "Bearer hunter2"}, []string{"hunter2"}},
		"plain":   {"/", courier.Options{Authorization: "hunter2"}, []string{"hunter2"}},
		"basic":   {"/", courier.Options{Authorization: basic}, []string{"opensesame", "YW5uOm9wZW5zZXNhbWU="}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := serve(t, c.path, c.o, gossip).Post(t.Context(), "harmless")
			wantNone(t, err, c.secrets...)
			if !strings.Contains(err.Error(), "[redacted]") {
				t.Errorf("this receiver repeats everything: %v", err)
			}
		})
	}
}

func TestUserOfTheAddressIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(gossip))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("ann", "open!sesame/1")
	_, err = to(t, u.String(), courier.Options{}).Post(t.Context(), 1)
	wantNone(t, err, "open!sesame", "sesame%2F1", base64.StdEncoding.EncodeToString([]byte("ann:open!sesame/1")))
	u.User = url.User("lonelytoken")
	_, err = to(t, u.String(), courier.Options{}).Post(t.Context(), 1)
	wantNone(t, err, "lonelytoken")
}

func TestShortWordsStayReadable(t *testing.T) {
	t.Parallel()
	_, err := serve(t, "/api/v1/hooks?q=1", courier.Options{}, status(400, "no api hooks of v1 here: 1")).Post(t.Context(), 1)
	if err == nil || !strings.HasSuffix(err.Error(), "no api hooks of v1 here: 1") {
		t.Error(err)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 2)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		w.WriteHeader(http.StatusProxyAuthRequired)
		fmt.Fprint(w, "who is ann:opensesame, ", r.Header.Get("Proxy-Authorization"))
	}))
	t.Cleanup(proxy.Close)
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("ann", "opensesame")
	_, err = to(t, "http://receiver.invalid/some/secretpath", courier.Options{Proxy: u.String()}).Post(t.Context(), 1)
	wantNone(t, err, "opensesame", "YW5uOm9wZW5zZXNhbWU=", "secretpath")
	if r := <-seen; fault.KindOf(err) != fault.Denied || r.Host != "receiver.invalid" || r.Header.Get("Proxy-Authorization") == "" {
		t.Errorf("the proxy got %s for %s, its answer became %v", r.Method, r.Host, err)
	}
	_, err = to(t, "https://receiver.invalid/some/secretpath", courier.Options{Proxy: u.String()}).Post(t.Context(), 1)
	wantNone(t, err, "opensesame", "YW5uOm9wZW5zZXNhbWU=", "secretpath")
	if r := <-seen; r.Method != http.MethodConnect || r.Host != "receiver.invalid:443" {
		t.Errorf("the proxy got %s for %s", r.Method, r.Host)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(status(http.StatusNoContent, ""))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := to(t, s.URL+"/secretpath", courier.Options{}).Post(t.Context(), 1)
	wantNone(t, err, "secretpath")
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
	if _, err = to(t, s.URL, courier.Options{InsecureSkipVerify: true}).Post(t.Context(), 1); err != nil {
		t.Errorf("any certificate: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if _, err = to(t, s.URL, courier.Options{RootCAs: roots}).Post(t.Context(), 1); err != nil {
		t.Errorf("a certificate of ours: %v", err)
	}
}
