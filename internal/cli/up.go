package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/spelling"
)

// UpOptions are what the command line says about the daemon. What is empty has the daemon's default.
type UpOptions struct {
	// Dir holds the manifests, DataDir what must survive a restart.
	Dir, DataDir string
	// Listen is the address that all services share, API that of the API, which wants Token if there is one.
	Listen, API, Token string
	// Prometheus is the URL of a server that has the metrics; empty means the embedded one.
	Prometheus string
	// DataPlane names what carries requests; empty means the daemon's choice.
	DataPlane string
	Version   httpapi.Version
	Logger    *slog.Logger
	// Ready is called once canaries are worked on.
	Ready func(Addresses)
}

// Addresses are where a daemon is reached: its API, and the listener that all services share.
type Addresses struct{ API, Shared string }

const longUp = `Up works on a directory of ordinary manifests: Deployments (whose containers' commands run as processes with $PORT),
ConfigMaps, Secrets, Canaries, MetricTemplates and AlertProviders ("serin help manifests"). It watches the directory; a
changed pod template or configuration is a new revision, and is released step by step as its Canary says. A mistake in a
manifest is told with file, line and field, and leaves what runs untouched.

It runs in the foreground. Ctrl-C or SIGTERM drains and ends everything that it started; a second one ends at once, and
what still runs is adopted by the next "serin up". "serin help systemd" has a unit.

The API is for this machine only, unless --api names another address: then a token is required.`

func (a *app) upCommand() *cobra.Command {
	var o UpOptions
	var tokenFile string
	plane := "auto"
	logs := logOptions{format: format{value: asText, allowed: []string{asText, asJSON}}}
	cmd := &cobra.Command{
		Use: "up DIR", Short: "Work on a directory of manifests", Long: longUp, Args: wants("DIR"),
		Example: "  serin up .\n  serin up deploy --listen 0.0.0.0:8080\n  serin up deploy --api 0.0.0.0:7070 --token-file /etc/serin/token",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "`ADDRESS` that all services share, told apart by host name")
	f.StringVar(&o.API, "api", "127.0.0.1:7070", "`ADDRESS` of the API")
	f.StringVar(&o.Token, "token", "", "token that the API asks for (SERIN_TOKEN); others can see it in the list of processes")
	f.StringVar(&tokenFile, "token-file", "", "`FILE` that holds the token that the API asks for")
	f.StringVar(&o.DataDir, "data-dir", "", "`DIR` for what must survive a restart (default DIR/.serin)")
	f.StringVar(&o.Prometheus, "prometheus", "", "`URL` of a Prometheus server that scrapes this daemon, instead of the embedded one")
	f.StringVar(&plane, "data-plane", plane, "what carries requests: auto or builtin")
	f.Var(&logs.format, "log-format", "format of the log")
	f.TextVar(&logs.level, "log-level", slog.LevelInfo, "least `LEVEL` that is logged: debug, info, warn or error")
	cmd.MarkFlagsMutuallyExclusive("token", "token-file")
	cmd.RunE = a.run(func(cmd *cobra.Command, args []string) error {
		var err error
		if o.DataPlane, err = dataPlane(plane); err != nil {
			return err
		}
		if o.Token, err = a.tokenOf(connection{token: o.Token, tokenFile: tokenFile}); err != nil {
			return err
		}
		if o.Dir, err = directory(args[0]); err != nil {
			return err
		}
		o.Version, o.Logger = a.Version, a.logger(&logs)
		return a.up(cmd.Context(), o)
	})
	return cmd
}

// dataPlane checks the name of a data plane. The empty name is the daemon's own choice.
func dataPlane(name string) (string, error) {
	const builtin, auto, envoy = "builtin", "auto", "envoy"
	known := []string{auto, builtin}
	switch {
	case name == auto || name == "":
		return "", nil
	case name == envoy:
		return "", usagef("--data-plane envoy: this version carries requests with its built-in proxy only: use --data-plane builtin, or leave the flag out")
	case !slices.Contains(known, name):
		hint := ""
		if near := spelling.Nearest(name, known); near != "" {
			hint = ": did you mean " + near + "?"
		}
		return "", usagef("--data-plane %q is none of %s%s", name, strings.Join(known, ", "), hint)
	default:
		return name, nil
	}
}

// directory checks that there is a directory, before anything is created in it.
func directory(name string) (string, error) {
	info, err := os.Stat(name)
	switch {
	case os.IsNotExist(err):
		return "", usagef("there is no directory %s: make it and put a Deployment and a Canary into it (\"serin help manifests\")", name)
	case err != nil:
		return "", fmt.Errorf("look at the directory of manifests: %w", err)
	case !info.IsDir():
		return "", usagef("%s is no directory: name the one that holds the manifests", name)
	}
	dir, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("find the directory of manifests: %w", err)
	}
	return dir, nil
}

// up runs the daemon and tells people and systemd how it stands.
func (a *app) up(ctx context.Context, o UpOptions) error {
	system := systemd{socket: a.Env("NOTIFY_SOCKET"), log: o.Logger}
	stopping := sync.OnceFunc(func() { system.tell(context.WithoutCancel(ctx), "STOPPING=1") })
	o.Ready = func(at Addresses) {
		a.banner(&o, at)
		system.tell(ctx, "READY=1\nSTATUS=Working on "+o.Dir)
	}
	told := make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		defer close(told)
		stopping()
		if a.Terminal(a.Err) {
			fmt.Fprintln(a.Err, "Draining and ending everything. Ctrl-C again ends at once and leaves the rest to the next serin up.")
		}
	})
	err := a.Up(ctx, o)
	if !forget() {
		<-told
	}
	stopping()
	return err
}

// banner says where the daemon is reached and what to do next.
func (a *app) banner(o *UpOptions, at Addresses) {
	p := a.paint(a.Out)
	fmt.Fprintln(a.Out, p.bold("Serin "+o.Version.Version)+" works on "+o.Dir)
	t := &table{}
	t.plain("  API", withScheme(at.API))
	t.plain("  services", withScheme(at.Shared)+", by host name")
	t.write(a.Out, p)
	fmt.Fprintln(a.Out, p.dim("In another terminal: serin get --watch, serin explain NAME. Ctrl-C drains and ends everything."))
}

func withScheme(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "http://" + address
}
