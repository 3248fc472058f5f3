package badinput

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// TestCalls makes one bad call of the API after the other. A case is a request as it goes over the wire, without what
// every client adds: METHOD PATH, headers, an empty line, the body.
func TestCalls(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	secret := newKeeper(t, "--token", token)
	for _, path := range paths(t, "testdata/api/*.txt") {
		comment, examples := read(t, path)
		for i, e := range examples {
			to := k
			if strings.HasPrefix(e.name, "token-") {
				to = secret
			}
			examples[i].want = to.call(t, e)
			e.compare(t, "calls of the API", examples[i].want)
			k.detail(t)
			to.intact(t, e.name)
		}
		if *update {
			write(t, path, comment, examples)
		}
	}
}

// call makes the request of a case and returns what a person is told: the status, and the sentences.
func (k *keeper) call(t *testing.T, e example) string {
	t.Helper()
	text := grown(e.files[0].Text)
	head, body, _ := strings.Cut(text, "\n\n")
	line, headers, _ := strings.Cut(head, "\n")
	method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
	req, err := http.NewRequestWithContext(t.Context(), method, k.d.API+path, strings.NewReader(strings.TrimSuffix(body, "\n")))
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	parsed, err := textproto.NewReader(bufio.NewReader(strings.NewReader(headers + "\n\n"))).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%s: %v", e.name, err)
	}
	req.Header = http.Header(parsed)
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	if resp.StatusCode < http.StatusBadRequest || resp.StatusCode >= http.StatusInternalServerError {
		t.Errorf("%s: the status is %s", e.name, resp.Status)
	}
	return resp.Status + "\n" + told(answer)
}

// told are the sentences of an answer that is a problem.
func told(answer []byte) string {
	var problem huma.ErrorModel
	if json.Unmarshal(answer, &problem) != nil || problem.Detail == "" {
		return strings.TrimSpace(string(answer))
	}
	lines := []string{problem.Detail}
	for _, d := range problem.Errors {
		lines = append(lines, fmt.Sprintf("%s: %s", d.Location, d.Message))
	}
	return strings.Join(lines, "\n")
}
