package proxy

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/serin-dev/serin/internal/fault"
)

// explain says why an address cannot be listened on, and what to do about it.
func explain(what, address string, err error) string {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("%s cannot be opened: another program uses %s: end it, or choose another port", what, address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("%s cannot be opened: port %s is privileged: allow it with `setcap cap_net_bind_service=+ep` on the "+
			"serin binary or with `sysctl net.ipv4.ip_unprivileged_port_start=%s`, or choose a port from 1024", what, port, port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("%s cannot be opened: this machine has no address %s: choose one of its own, or 127.0.0.1", what, address)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Sprintf("%s cannot be opened: too many files are open: raise the limit (`ulimit -n`)", what)
	default:
		return fmt.Sprintf("%s cannot be opened on %s: %v", what, address, err)
	}
}

// kindOf classifies an error of listening.
func kindOf(err error) fault.Kind {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.Conflict
	case errors.Is(err, syscall.EACCES):
		return fault.Denied
	default:
		return fault.Invalid
	}
}
