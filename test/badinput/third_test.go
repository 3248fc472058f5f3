package badinput

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// gib is more than anybody reads of an answer.
const gib = 1 << 30

// thirdParty is a server whose paths misbehave, each in its own way, and returns its address.
func thirdParty(t *testing.T) string {
	t.Helper()
	value := func(result string) string {
		return fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
	}
	sample := func(labels, v string) string {
		return fmt.Sprintf(`{"metric":{%s},"value":[%d,%q]}`, labels, time.Now().Unix(), v)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)); err != nil {
			return
		}
		behaviour, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch behaviour {
		case "hang":
			<-r.Context().Done()
		case "lie":
			_, _ = io.WriteString(w, "<html>All is well.</html>")
		case "redirect":
			http.Redirect(w, r, "/good", http.StatusFound)
		case "flood":
			flood(w)
		case "flood-fail":
			w.WriteHeader(http.StatusInternalServerError)
			flood(w)
		case "nan":
			_, _ = io.WriteString(w, value(sample("", "NaN")))
		case "two":
			_, _ = io.WriteString(w, value(sample(`"a":"1"`, "1")+","+sample(`"a":"2"`, "2")))
		case "fail":
			http.Error(w, "no", http.StatusInternalServerError)
		case "denied":
			http.Error(w, "no", http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, value(sample("", "1")))
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// flood sends a gibibyte, or as much as the other side takes.
func flood(w http.ResponseWriter) {
	block := []byte(strings.Repeat(" ", 1<<20))
	for sent := 0; sent < gib; sent += len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}
