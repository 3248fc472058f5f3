package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/xds/table"
)

func occupy(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestListenersFollowTheTable(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService(says(t, "primary"), nil, weights(0))
	first, second := freeAddress(t), freeAddress(t)
	s.Listen.Apex = first
	r.put(t, s)
	eventually(t, "the first is open", func() bool { return reachable(t, first) })
	s.Listen.Apex = second
	r.put(t, s)
	eventually(t, "the second is open and the first is not", func() bool { return reachable(t, second) && !reachable(t, first) })
	// A listener that moves to another service goes on.
	other := appService(says(t, "other"), nil, weights(0))
	other.Name = "other"
	s.Listen.Apex = ""
	r.put(t, s)
	other.Listen.Apex = second
	r.put(t, other)
	eventually(t, "it is open for the other service", func() bool { return reachable(t, second) })
	if err := r.store.Delete(other.Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is closed", func() bool { return !reachable(t, second) })
}

func TestListenerThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	address := freeAddress(t)
	taken := occupy(t, address)
	s := appService(says(t, "primary"), nil, weights(0))
	s.Listen.Apex = address
	r.put(t, s)
	var status table.Status
	rejected := func() bool {
		var err error
		if status, err = r.store.Status(app()); err != nil {
			t.Fatal(err)
		}
		return len(status.Rejected) > 0
	}
	eventually(t, "the refusal is reported", rejected)
	want := fmt.Sprintf("proxy: listen.apex cannot be opened: another program uses %s: end it, or choose another port", address)
	if status.Rejected[0] != want {
		t.Errorf("it says %q, want %q", status.Rejected[0], want)
	}
	if status.Acked == nil {
		t.Error("the split is not acknowledged, although the shared listener serves it")
	}
	if got := r.get(t, "/"); got.body != "primary" {
		t.Errorf("the shared listener answered %q", got.body)
	}
	_ = taken.Close()
	eventually(t, "the refusal is gone", func() bool { return !rejected() })
	if !reachable(t, address) {
		t.Error("the listener is not open")
	}
}

func TestSharedListenerThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	occupy(t, address)
	store, err := table.NewStore(table.Options{Shared: address})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Run(t.Context())
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "another program uses "+address) {
		t.Errorf("Run: %v", err)
	}
}

func TestLostListenerIsOpenedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService(says(t, "primary"), nil, weights(0))
	s.Listen.Apex = freeAddress(t)
	r.put(t, s)
	set := newListeners(t.Context(), r.proxy)
	l := &listener{address: freeAddress(t), field: "listen.apex", key: app()}
	if err := set.begin(l); err != nil {
		t.Fatal(err)
	}
	set.all[l.address] = l
	_ = l.socket.Close()
	set.lost(<-set.failed)
	if list := set.refusals(); len(list) != 1 || !strings.Contains(list[0].Message, "listen.apex was lost") {
		t.Errorf("refusals are %+v", list)
	}
	again, stop := set.again()
	defer stop()
	<-again
	set.try(l, time.Now())
	if !reachable(t, l.address) || len(set.refusals()) != 0 {
		t.Error("it is not open again")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	set.shutdown(ctx)
	set.close()
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		errno syscall.Errno
		kind  fault.Kind
		want  []string
	}{
		{syscall.EACCES, fault.Denied, []string{"setcap cap_net_bind_service=+ep", "net.ipv4.ip_unprivileged_port_start=80", "port from 1024"}},
		{syscall.EADDRINUSE, fault.Conflict, []string{"another program uses 10.0.0.1:80", "choose another port"}},
		{syscall.EADDRNOTAVAIL, fault.Invalid, []string{"this machine has no address 10.0.0.1:80"}},
		{syscall.EMFILE, fault.Invalid, []string{"ulimit -n"}},
		{syscall.EIO, fault.Invalid, []string{"input/output error"}},
	} {
		err := fmt.Errorf("listen: %w", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", c.errno)})
		text := explain("listen.apex", "10.0.0.1:80", err)
		for _, part := range c.want {
			if !strings.Contains(text, part) {
				t.Errorf("%v is explained as %q, without %q", c.errno, text, part)
			}
		}
		if kindOf(err) != c.kind || !errors.Is(err, c.errno) {
			t.Errorf("%v has the kind %s", c.errno, kindOf(err))
		}
	}
}

// countingListener knows how many connections are open.
type countingListener struct {
	net.Listener

	open *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

type countedConn struct {
	net.Conn

	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
