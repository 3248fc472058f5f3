package proxy

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

// upgraded opens a connection and speaks the handshake of WebSocket by hand.
func upgraded(t *testing.T, r *rig) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.shared)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	b := bufio.NewReader(conn)
	res, err := http.ReadResponse(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, b, res
}

// echoUpgraded answers the handshake and echoes lines.
func echoUpgraded(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Upgrade") != "websocket" || req.Header.Get("Sec-WebSocket-Key") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	conn, b, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	for {
		line, err := b.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Fprint(conn, "echo ", line)
	}
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{Grace: 50 * time.Millisecond})
	s := appService([]table.Endpoint{serveOn(t, echoUpgraded)}, nil, weights(0))
	s.Timeout = 30 * time.Millisecond
	s.Protocol = table.H2C
	r.put(t, s)
	conn, b, res := upgraded(t, r) //nolint:bodyclose // The body is the connection.
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake was answered with %d", res.StatusCode)
	}
	over := time.After(3 * s.Timeout)
	for i := 0; ; i++ {
		fmt.Fprintln(conn, "line", i)
		if line, err := b.ReadString('\n'); err != nil || line != fmt.Sprintf("echo line %d\n", i) {
			t.Fatalf("%q came back, %v", line, err)
		}
		select {
		case <-over:
		default:
			continue
		}
		break
	}
	r.counts(t, rollout.PrimarySide, "101", 1)
	r.stop()
	if _, err := b.ReadByte(); err == nil {
		t.Error("the connection outlived the proxy")
	}
	if n := r.proxy.exchanges.Load(); n != 0 {
		t.Errorf("%d exchanges are left", n)
	}
}

func TestOfferOfH2CStaysHTTP1(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.put(t, appService([]table.Endpoint{serveOn(t, func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "%q %q", req.Header.Get("Upgrade"), req.Header.Get("HTTP2-Settings"))
	})}, nil, weights(0)))
	got := r.get(t, "/", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "HTTP2-Settings", "AAMAAABk")
	if got.status != http.StatusOK || got.body != `"" ""` {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
