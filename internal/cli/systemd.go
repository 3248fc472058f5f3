package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// systemd is the service manager that started us, if one did: it wants to know when we are ready.
type systemd struct {
	// socket is where it listens: a path, or a name in the abstract namespace that begins with @. Empty means nowhere.
	socket string
	log    *slog.Logger
}

// tell sends the service manager a message. That it does not listen is worth a line in the log and nothing more.
func (s systemd) tell(ctx context.Context, message string) {
	if s.socket == "" {
		return
	}
	if err := notify(ctx, s.socket, message); err != nil && s.log != nil {
		s.log.Warn("Telling the service manager failed", slog.Any("error", err))
	}
}

// notify sends one datagram.
func notify(ctx context.Context, socket, message string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unixgram", socket)
	if err != nil {
		return fmt.Errorf("reach the socket in NOTIFY_SOCKET: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte(message)); err != nil {
		return fmt.Errorf("write to the socket in NOTIFY_SOCKET: %w", err)
	}
	return nil
}
