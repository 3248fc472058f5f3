package proxy

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// TestEndOfRun ends the proxy while an exchange is under way: it ends well, and nothing new begins.
func TestEndOfRun(t *testing.T) {
	t.Parallel()
	for _, h2c := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2c %v", h2c), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			began, goOn := make(chan struct{}), make(chan struct{})
			r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, _ *http.Request) {
				began <- struct{}{}
				<-goOn
				_, _ = io.WriteString(w, "done")
			})}, nil, weights(0)))
			c := r.client
			if h2c {
				c = r.h2c
			}
			answered := make(chan string, 1)
			go func() { answered <- do(t, c, r.request(t, http.MethodGet, "/", http.NoBody)).body }()
			<-began
			stopped := make(chan struct{})
			go func() { r.stop(); close(stopped) }()
			eventually(t, "nothing new is accepted", func() bool { return !reachable(t, r.shared) })
			close(goOn)
			if body := <-answered; body != "done" {
				t.Errorf("the last answer is %q", body)
			}
			<-stopped
			if status, err := r.store.Status(app()); err != nil || status.Acked != nil {
				t.Errorf("after the end %+v is acknowledged, %v", status.Acked, err)
			}
		})
	}
}

// TestEndOfGrace cuts what does not end.
func TestEndOfGrace(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Grace: 30 * time.Millisecond})
	began := make(chan struct{}, 2)
	hangs := []table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		began <- struct{}{}
		hang(w, req)
	})}
	r.put(t, appService(hangs, hangs, &rollout.Split{Primary: rollout.Whole, Mirror: rollout.Whole}))
	failed := make(chan bool, 1)
	go func() {
		res, err := r.client.Do(r.request(t, http.MethodGet, "/", http.NoBody))
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err != nil || res.StatusCode == http.StatusServiceUnavailable
	}()
	<-began
	<-began
	r.stop()
	if !<-failed {
		t.Error("an exchange without end was answered")
	}
	if n := r.proxy.exchanges.Load(); n != 0 {
		t.Errorf("%d exchanges are left", n)
	}
	if n := r.answers(t, rollout.PrimarySide, "503") + r.answers(t, rollout.CanarySide, "503"); n != 0 {
		t.Errorf("%v of them count against a version", n)
	}
}
