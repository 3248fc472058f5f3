package cli

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/httpapi/httpapitest"
)

// write writes a file below the bench's directory.
func (b *bench) write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// announce writes what a daemon says about itself.
func (b *bench) announce(t *testing.T, name string, d daemon) {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, name, string(data))
}

// closed is an address at which nobody answers.
func closed(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	ln, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return "http://" + ln.Addr().String()
}

func TestTheDaemonIsFound(t *testing.T) {
	t.Parallel()
	const token = "a token of the daemon"
	cases := map[string]struct {
		reason  string
		prepare func(t *testing.T, b *bench) (args []string)
		code    int
		says    string
	}{
		"Flag": {"the flag wins over all", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_SERVER"] = closed(t)
			return []string{"--server", b.address, "--token", token}
		}, Done, "web"},
		"Environment": {"the environment names server and token", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_TOKEN"] = token
			return nil
		}, Done, "web"},
		"TokenFile": {"a token comes from a file", func(t *testing.T, b *bench) []string {
			t.Helper()
			return []string{"--token-file", b.write(t, "token", token+"\n")}
		}, Done, "web"},
		"EmptyTokenFile": {"an empty token is a mistake", func(t *testing.T, b *bench) []string {
			t.Helper()
			return []string{"--token-file", b.write(t, "token", "\n")}
		}, Usage, "is empty"},
		"NoTokenFile": {"a token file has to exist", func(t *testing.T, b *bench) []string {
			t.Helper()
			return []string{"--token-file", filepath.Join(b.dir, "none")}
		}, Failure, "no such file"},
		"BothTokens": {"two tokens are one too many", func(t *testing.T, _ *bench) []string {
			t.Helper()
			return []string{"--token-file", "x", "--token", "y"}
		}, Usage, "token"},
		"HereAndAbove": {"a daemon of a directory above is found with its token", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_SERVER"] = ""
			b.announce(t, ".serin/daemon.json", daemon{PID: 1, API: b.address, Token: token})
			b.dir = filepath.Dir(b.write(t, "a/b/file", ""))
			return nil
		}, Done, "web"},
		"Dir": {"--dir wins over the environment", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_SERVER"] = closed(t)
			b.announce(t, "x/.serin/daemon.json", daemon{API: b.address, Token: token})
			return []string{"--dir", filepath.Join(b.dir, "x")}
		}, Done, "web"},
		"DataDir": {"--dir may be the data directory", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.announce(t, "x/daemon.json", daemon{API: b.address, Token: token})
			return []string{"--dir", filepath.Join(b.dir, "x")}
		}, Done, "web"},
		"NoDaemonInDir": {"a directory without a daemon says what to run", func(t *testing.T, b *bench) []string {
			t.Helper()
			return []string{"--dir", b.dir}
		}, Unreachable, "serin up TEMP"},
		"NoDir": {"a directory that does not exist", func(t *testing.T, b *bench) []string {
			t.Helper()
			return []string{"--dir", filepath.Join(b.dir, "none")}
		}, Usage, "is no directory"},
		"DamagedFile": {"a damaged file says what to do", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_SERVER"] = ""
			b.write(t, ".serin/daemon.json", "{")
			return nil
		}, Failure, "--server URL"},
		"StaleFile": {"a daemon that has gone says how to start it again", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_SERVER"] = ""
			b.announce(t, ".serin/daemon.json", daemon{API: closed(t)})
			return nil
		}, Unreachable, "start it again with: serin up TEMP"},
		"Absent": {"an address that was given and does not answer", func(t *testing.T, b *bench) []string {
			t.Helper()
			b.env["SERIN_SERVER"] = closed(t)
			return nil
		}, Unreachable, "which SERIN_SERVER names: check the address, or start one with: serin up DIR"},
		"NoToken":    {"a missing token says how to give it", func(*testing.T, *bench) []string { return nil }, Failure, "--token, --token-file or SERIN_TOKEN"},
		"WrongToken": {"a wrong token too", func(*testing.T, *bench) []string { return []string{"--token", "x"} }, Failure, "wants its token"},
		"NoURL":      {"an address that is none", func(*testing.T, *bench) []string { return []string{"--server", "ftp://x", "--token", token} }, Usage, "http://127.0.0.1:7070"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchWith(t, httpapitest.Options{}, httpapi.Options{Token: token})
			b.fake.Put(httpapitest.Progressing(web()))
			root := b.dir
			args := append([]string{"get"}, tc.prepare(t, b)...)
			if code := b.serin(t.Context(), args...); code != tc.code {
				t.Errorf("%s: exit code %d, want %d", tc.reason, code, tc.code)
			}
			said := strings.ReplaceAll(b.out.String()+b.err.String(), root, "TEMP")
			if !strings.Contains(said, tc.says) {
				t.Errorf("%s: it says %q, want %q in it", tc.reason, said, tc.says)
			}
			if strings.Contains(said, token) {
				t.Errorf("%s: it tells the token", tc.reason)
			}
		})
	}
}

func TestEveryCommandSaysThatThereIsNoDaemon(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"get", "get web", "get --watch", "list", "status web", "explain web", "wait web", "events", "events -f", "logs web",
		"history web", "promote web", "pause --all", "resume --all", "down", "version --daemon",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.env["SERIN_SERVER"] = closed(t)
			if code := b.serin(t.Context(), strings.Fields(line)...); code != Unreachable {
				t.Errorf("exit code %d: %s", code, b.err.String())
			}
			if !strings.Contains(b.err.String(), "serin up DIR") {
				t.Errorf("it says %q", b.err.String())
			}
		})
	}
}

func TestWaitIsPatientWithADaemonThatStarts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["SERIN_SERVER"] = ""
	b.fake.Put(become("Succeeded"))
	ended := make(chan int, 1)
	go func() {
		ended <- b.serin(t.Context(), "wait", "web", "--dir", b.dir, "--connect", "30s")
	}()
	select {
	case code := <-ended:
		t.Fatalf("it did not wait: exit code %d: %s", code, b.err.String())
	case <-time.After(3 * firstPause):
	}
	b.announce(t, ".serin/daemon.json", daemon{API: b.address})
	if code := <-ended; code != Done {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestPatienceHasAnEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.env["SERIN_SERVER"] = closed(t)
	if code := b.serin(t.Context(), "wait", "web", "--connect", "80ms"); code != Unreachable {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}

func TestDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		select {
		case <-b.fake.Ended():
			b.end()
		case <-ctx.Done():
		}
	}()
	args := []string{"down", "--reason", "the kernel"}
	golden(t, "down", b.transcript(b.serin(t.Context(), args...), args))
}

func TestDownDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if code := b.serin(t.Context(), "down", "--timeout", "80ms", "--as", "grace"); code != TimedOut {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
	if who := <-b.fake.Ended(); who.By != "grace" {
		t.Errorf("ended by %v", who)
	}
	b.out, b.err = buffer{}, buffer{}
	if code := b.serin(t.Context(), "down", "--no-wait"); code != Done || !strings.Contains(b.out.String(), "is ending") {
		t.Errorf("exit code %d: %s", code, b.err.String())
	}
}
