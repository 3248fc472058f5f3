package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi/client"
)

const (
	// fallback is where a daemon serves its API unless it is told otherwise.
	fallback = "http://127.0.0.1:7070"
	// dataDir and daemonFile are where a daemon says how it is reached, below the directory of its manifests.
	dataDir    = ".serin"
	daemonFile = "daemon.json"
	// maxSecret bounds a file that holds a token, or says where a daemon is.
	maxSecret = 64 << 10
	// maxParents bounds the search for a daemon.
	maxParents = 64
)

// connection is what the flags say about the daemon to talk to.
type connection struct {
	server, token, tokenFile, dir, namespace string
}

// flags adds the flags that find a daemon.
func (c *connection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.server, "server", "", "`URL` of the daemon's API (SERIN_SERVER)")
	f.StringVar(&c.token, "token", "", "token of the API (SERIN_TOKEN)")
	f.StringVar(&c.tokenFile, "token-file", "", "`FILE` that holds the token of the API")
	f.StringVar(&c.dir, "dir", "", "`DIR` that the daemon works on; default: the current directory or one above it")
	cmd.MarkFlagsMutuallyExclusive("token", "token-file")
	cmd.MarkFlagsMutuallyExclusive("server", "dir")
}

// scoped adds the flags that find a daemon and name a namespace.
func (c *connection) scoped(cmd *cobra.Command) {
	c.flags(cmd)
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "namespace of the canary (default \""+defaultNamespace+"\")")
}

// daemon is what a running daemon writes about itself.
type daemon struct {
	PID   int    `json:"pid"`
	API   string `json:"api"`
	Token string `json:"token"`
	Dir   string `json:"dir"`
}

// session is a conversation with one daemon.
type session struct {
	*app

	client *client.Client
	// namespace is what a NAME without one means; scoped says that the user chose it.
	namespace string
	scoped    bool
	// source says how the daemon was found, for the error that says that it is not there.
	source string
	// pid is the daemon's process, where it is one of this machine.
	pid int
}

func (a *app) connect(c connection) (*session, error) {
	token, err := a.tokenOf(c)
	if err != nil {
		return nil, err
	}
	found, source, err := a.find(c)
	if err != nil {
		return nil, err
	}
	if token == "" {
		token = found.Token
	}
	connected, err := client.New(found.API, client.Options{Token: token})
	if err != nil {
		return nil, usagef("%w", err)
	}
	s := &session{app: a, client: connected, namespace: c.namespace, scoped: c.namespace != "", source: source, pid: found.PID}
	if s.namespace == "" {
		s.namespace = defaultNamespace
	}
	return s, nil
}

// tokenOf returns the token that flags or the environment name.
func (a *app) tokenOf(c connection) (string, error) {
	switch {
	case c.token != "":
		return c.token, nil
	case c.tokenFile != "":
		data, err := readBounded(c.tokenFile)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		token := strings.TrimSpace(string(data))
		if token == "" {
			return "", usagef("the token file %s is empty", c.tokenFile)
		}
		return token, nil
	default:
		return a.Env("SERIN_TOKEN"), nil
	}
}

// find looks for the daemon: what was said wins over what a daemon wrote, and that over the default address.
func (a *app) find(c connection) (found daemon, source string, err error) {
	if c.server != "" {
		return daemon{API: c.server}, "--server", nil
	}
	if c.dir != "" {
		return inDir(c.dir)
	}
	if server := a.Env("SERIN_SERVER"); server != "" {
		return daemon{API: server}, "SERIN_SERVER", nil
	}
	dir, err := filepath.Abs(a.Dir)
	if err != nil {
		return daemon{}, "", fmt.Errorf("find the current directory: %w", err)
	}
	for range maxParents {
		file := filepath.Join(dir, dataDir, daemonFile)
		found, err := readDaemon(file)
		switch {
		case err == nil:
			return found, file, nil
		case !errors.Is(err, os.ErrNotExist):
			return daemon{}, "", err
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return daemon{API: fallback}, "", nil
}

// inDir reads what the daemon of a directory wrote. A data directory that lies elsewhere is a directory, too.
func inDir(dir string) (daemon, string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return daemon{}, "", usagef("--dir %s is no directory", dir)
	}
	for _, file := range []string{filepath.Join(dir, dataDir, daemonFile), filepath.Join(dir, daemonFile)} {
		found, err := readDaemon(file)
		if err == nil {
			return found, file, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return daemon{}, "", err
		}
	}
	return daemon{}, "", exitf(Unreachable, "no daemon works on %s: start one with: serin up %s", dir, dir)
}

func readDaemon(file string) (daemon, error) {
	data, err := readBounded(file)
	if err != nil {
		return daemon{}, fmt.Errorf("find the daemon: %w", err)
	}
	var found daemon
	if err := json.Unmarshal(data, &found); err != nil || found.API == "" {
		return daemon{}, fmt.Errorf("%s does not say where the daemon is: remove it, or name the daemon with --server URL", file)
	}
	return found, nil
}

func readBounded(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", file, maxSecret)
	}
	return os.ReadFile(file) //nolint:gosec // G304: the user names the file.
}

// talk runs a command that needs a daemon.
func (a *app) talk(c *connection, work func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return a.run(func(cmd *cobra.Command, args []string) error {
		s, err := a.connect(*c)
		if err != nil {
			return err
		}
		defer s.client.Close()
		return s.hinted(work(cmd.Context(), s, args))
	})
}

// hinted adds what to do to the errors that many users see first.
func (s *session) hinted(err error) error {
	var told *exitError
	switch {
	case err == nil || errors.As(err, &told):
		return err
	case errors.Is(err, client.ErrUnreachable):
		return exitf(Unreachable, "%s", s.absent())
	case fault.KindOf(err) == fault.Denied && strings.Contains(err.Error(), "token"):
		return exitf(Failure, "%s wants its token: give it with --token, --token-file or SERIN_TOKEN", s.client.Address())
	default:
		return err
	}
}

// absent says that the daemon is not there, and what to run.
func (s *session) absent() string {
	address := s.client.Address()
	switch {
	case s.source == "":
		return "no daemon answers at " + address + ": start one with: serin up DIR (or name another with --server URL or --dir DIR)"
	case strings.HasSuffix(s.source, daemonFile):
		dir := filepath.Dir(filepath.Dir(s.source))
		return "no daemon answers at " + address + ", which is the address in " + s.source + ": start it again with: serin up " + dir
	default:
		return "no daemon answers at " + address + ", which " + s.source + " names: check the address, or start one with: serin up DIR"
	}
}

// reachable waits up to patience for a daemon that is starting.
func (a *app) reachable(ctx context.Context, c connection, patience time.Duration) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := newPause()
	for {
		s, err := a.connect(c)
		if err == nil {
			if err = s.client.Ready(ctx); err == nil {
				return s, nil
			}
			s.client.Close()
			err = s.hinted(err)
		}
		if kind := fault.KindOf(err); codeOf(err) != Unreachable && kind != fault.Unavailable {
			return nil, err
		}
		if pause.wait(ctx) != nil {
			return nil, err
		}
	}
}
