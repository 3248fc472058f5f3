package courier_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/courier"
	"github.com/serin-dev/serin/internal/fault"
)

func TestOneHostDoesNotUseUpWhatAllShare(t *testing.T) {
	t.Parallel()
	pool := courier.NewPool(courier.PoolOptions{PerHost: 2, Patience: 20 * time.Millisecond})
	o := courier.Options{Pool: pool}
	arrived := make(chan struct{}, 8)
	// Two couriers to one host, as two canaries have them.
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	for _, path := range []string{"/a", "/b"} {
		c := to(t, s.URL+path, o)
		calls.Go(func() { _, _ = c.Post(ctx, 1) })
	}
	<-arrived
	<-arrived
	_, err := to(t, s.URL+"/secretpath", o).Post(t.Context(), 1)
	if fault.KindOf(err) != fault.Unavailable || !strings.HasSuffix(err.Error(), "was not called: 2 calls to it are open already") {
		t.Errorf("a third call: %v", err)
	}
	wantNone(t, err, "secretpath")
	if _, err := serve(t, "/", o, status(http.StatusOK, "")).Post(t.Context(), 1); err != nil {
		t.Errorf("another host: %v", err)
	}
	cancel()
	calls.Wait()
	limited, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if _, err := to(t, s.URL, o).Post(limited, 1); err == nil || !strings.HasSuffix(err.Error(), "did not answer in time") {
		t.Errorf("after the calls have ended: %v", err)
	}
}

// A receiver with a short memory closes connections that are idle, at times just as they are used again.
func TestConnectionThatTheReceiverClosedIsReplaced(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(status(http.StatusNoContent, ""))
	idle := make(chan net.Conn, 100)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateIdle {
			idle <- c
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := to(t, s.URL, courier.Options{})
	for range 50 {
		if _, err := c.Post(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if err := (<-idle).Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	c := serve(t, "/", courier.Options{}, status(http.StatusOK, "ok"))
	var calls sync.WaitGroup
	for range 100 {
		calls.Go(func() {
			if _, err := c.Post(t.Context(), 1); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
}
