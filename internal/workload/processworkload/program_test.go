package processworkload_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/serin-dev/serin/internal/workload/processworkload"
)

// The test binary is the program that the pods run, too. Its environment says which one.
const (
	role = "TEST_ROLE"
	// exits with $CODE after it printed $SAY.
	exits = "exits"
	// serves answers on every port; /ready exists while the file $READY does.
	serves = "serves"
	// sits only exists.
	sits = "sits"
	// supervises is a supervisor of the directory $DIR with one target of the role serves, which waits to be killed.
	supervises = "supervises"
)

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case exits:
		fmt.Fprintln(os.Stderr, os.Getenv("SAY"))
		code, _ := strconv.Atoi(os.Getenv("CODE"))
		os.Exit(code)
	case serves:
		os.Exit(serve())
	case sits:
		select {}
	case supervises:
		supervise()
	default:
		goleak.VerifyTestMain(m)
	}
}

// serve is a small server. With $STUBBORN it ignores SIGTERM, with $CHILD it leaves a process behind in a session of
// its own, whose pid it writes to that file. It says $SAY when it begins.
func serve() int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if file := os.Getenv("CHILD"); file != "" {
		child := exec.CommandContext(context.Background(), os.Args[0]) //nolint:gosec // G702: this binary.
		child.Env = append(os.Environ(), role+"="+sits)
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			return 1
		}
		if err := os.WriteFile(file, []byte(strconv.Itoa(child.Process.Pid)), 0o600); err != nil { //nolint:gosec // G703: the test names it.
			return 1
		}
	}
	fmt.Println(os.Getenv("SAY"))
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := os.Stat(os.Getenv("READY")); err != nil { //nolint:gosec // G703: the test names it.
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Join(os.Environ(), "\n"), "\n", strings.Join(os.Args[1:], " "))
	})
	mux.HandleFunc("/say", func(_ http.ResponseWriter, r *http.Request) { fmt.Println(r.URL.Query().Get("text")) })
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	for _, v := range os.Environ() {
		name, port, _ := strings.Cut(v, "=")
		if name != "PORT" && !strings.HasPrefix(name, "PORT_") {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)) //nolint:noctx // It returns at once.
		if err != nil {
			if name == "PORT" {
				fmt.Println(err)
				return 1
			}
			continue
		}
		go func() { _ = http.Serve(l, mux) }() //nolint:gosec // It lives as long as a test.
	}
	for range term {
		if os.Getenv("STUBBORN") == "" {
			return 0
		}
	}
	return 0
}

// supervise runs until it is killed.
func supervise() {
	s, err := processworkload.New(os.Getenv("DIR"), processworkload.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	target := server("r1", 2)
	target.Plain = true
	target.Template.Env = append(target.Template.Env, variable("CHILD", filepath.Join(os.Getenv("DIR"), "child")))
	if err := s.Apply(target); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Run(context.Background()))
}
