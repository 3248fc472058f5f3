package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listenForSystemd plays the service manager.
func listenForSystemd(t *testing.T) (path string, next func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // The path of a socket has to be short.
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = os.RemoveAll(dir)
	})
	return path, func() string {
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 4096)
		n, err := conn.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		return string(data[:n])
	}
}

func TestUpTellsTheServiceManager(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	socket, next := listenForSystemd(t)
	b.env["NOTIFY_SOCKET"] = socket
	b.up = idle
	enough := b.background(t, "up", b.dir)
	if got := next(); !strings.HasPrefix(got, "READY=1\n") {
		t.Errorf("the first message is %q", got)
	}
	if code := enough(); code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	if got := next(); got != "STOPPING=1" {
		t.Errorf("the last message is %q", got)
	}
	golden(t, "up_banner", b.scrub(b.out.String()))
}

func TestAServiceManagerThatDoesNotListenIsAWarning(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["NOTIFY_SOCKET"] = filepath.Join(b.dir, "nobody")
	b.up = func(_ context.Context, o UpOptions) error {
		o.Ready(Addresses{})
		return nil
	}
	if code := b.serin(t.Context(), "up", b.dir); code != Done || !strings.Contains(b.err.String(), "Telling the service manager failed") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestWhatUpHandsToTheDaemon(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token := b.write(t, "token", "a token\n")
	var got UpOptions
	b.up = func(_ context.Context, o UpOptions) error {
		got = o
		return errors.New("it cannot listen")
	}
	args := []string{
		"up", b.dir, "--listen", "127.0.0.1:1", "--api", "127.0.0.1:2", "--token-file", token, "--data-dir", "data",
		"--prometheus", "http://prometheus", "--data-plane", "builtin",
	}
	if code := b.serin(t.Context(), args...); code != Failure || !strings.Contains(b.err.String(), "serin: it cannot listen") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	got.Logger, got.Ready = nil, nil
	want := UpOptions{
		Dir: b.dir, DataDir: "data", Listen: "127.0.0.1:1", API: "127.0.0.1:2", Token: "a token",
		Prometheus: "http://prometheus", DataPlane: "builtin", Version: testVersion(),
	}
	if got.Dir != want.Dir || got.DataDir != want.DataDir || got.Listen != want.Listen || got.API != want.API ||
		got.Token != want.Token || got.Prometheus != want.Prometheus || got.DataPlane != want.DataPlane || got.Version != want.Version {
		t.Errorf("the daemon gets %+v, want %+v", got, want)
	}
}

// process starts the test binary as serin, with pipes for what it writes.
func process(t *testing.T, args ...string) (cmd *exec.Cmd, out, log *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asSerin+"=1", "NOTIFY_SOCKET=")
	outPipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errPipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(outPipe), bufio.NewReader(errPipe)
}

func TestASignalEndsUpInOrder(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd, out, log := process(t, "up", t.TempDir(), "--log-format", "json")
			if line, err := out.ReadString('\n'); err != nil || !strings.HasPrefix(line, "Serin v0.0.0-test works on ") {
				t.Errorf("it says %q, %v", line, err)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			lines, err := io.ReadAll(log)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(lines, []byte(`"msg":"Ended"`)) {
				t.Errorf("the log is %s", lines)
			}
			_, _ = io.Copy(io.Discard, out)
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestTheLogForPeople(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := &app{Deps: b.deps().withDefaults()}
	logger := a.logger(&logOptions{format: format{value: asText}, level: slog.LevelDebug})
	logger = slog.New(withoutTime{logger.Handler()})
	logger.Debug("Looking", "canary", "default/web", "pods", 2)
	logger.With("canary", "default/web").WithGroup("run").Info("Promoting", "name", "x-1", slog.Group("by", "who", "ada", "why", "it is fine"))
	logger.Warn("Refusing", "reason", "", "quoted", `a "b"`, "assigned", "a=b", "odd", "\x1b[31mred")
	logger.Error("The manifests are wrong", "error", "a.yaml:3: spec: x\nb.yaml:7: spec: y\n", "dir", "/srv")
	logger.WithGroup("").LogAttrs(t.Context(), slog.LevelInfo, "Nothing", slog.Attr{})
	golden(t, "log", b.err.String())

	b.err, b.terminal = buffer{}, true
	quiet := a.logger(&logOptions{format: format{value: asText}, level: slog.LevelWarn})
	quiet.Info("Not shown")
	quiet.Error("Shown")
	if got := b.err.String(); strings.Contains(got, "Not shown") || !strings.Contains(got, "\x1b[31mERROR") {
		t.Errorf("the log is %q", got)
	}
}

// withoutTime takes the time out of records.
type withoutTime struct{ slog.Handler }

func (h withoutTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func (h withoutTime) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutTime{h.Handler.WithAttrs(attrs)}
}
func (h withoutTime) WithGroup(name string) slog.Handler {
	return withoutTime{h.Handler.WithGroup(name)}
}
