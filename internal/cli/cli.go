// Package cli is the command line of Serin: each command is a function that talks to a running daemon over its API, or
// starts one. It decides nothing about releases; it shows what is, hands in what people want, and says how it went
// with an exit code that scripts can rely on.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/spelling"
)

// Deps are what the commands stand on. Version and Up are required; the zero value of the rest is the real thing.
type Deps struct {
	// Version is what this build says of itself.
	Version httpapi.Version
	// Up is the standalone daemon: it works until ctx ends or somebody asks over the API for the end.
	Up func(ctx context.Context, o UpOptions) error

	// Out and Err are the standard streams.
	Out, Err io.Writer
	// Env reads an environment variable.
	Env func(name string) string
	// Now is the clock behind "10s ago".
	Now func() time.Time
	// Terminal says whether a person looks at what is written.
	Terminal func(io.Writer) bool
	// Dir is where the search for a daemon begins. Default: the working directory.
	Dir string
	// Executable finds this program, which the demo starts as its sample app.
	Executable func() (string, error)
	// Person names who gives commands, as USER@HOST.
	Person func() string
}

func (d Deps) withDefaults() Deps {
	d.Out = cmp.Or[io.Writer](d.Out, os.Stdout)
	d.Err = cmp.Or[io.Writer](d.Err, os.Stderr)
	d.Dir = cmp.Or(d.Dir, ".")
	if d.Env == nil {
		d.Env = os.Getenv
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Terminal == nil {
		d.Terminal = isTerminal
	}
	if d.Executable == nil {
		d.Executable = os.Executable
	}
	if d.Person == nil {
		d.Person = person
	}
	if d.Up == nil {
		d.Up = func(context.Context, UpOptions) error { return errors.New("this build has no daemon") }
	}
	return d
}

// Main runs one command line and returns its exit code. The first SIGINT or SIGTERM lets the command end in order, the
// second one ends the process at once.
func Main(ctx context.Context, args []string, d Deps) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	return run(ctx, args, d)
}

func run(ctx context.Context, args []string, d Deps) int {
	a := &app{Deps: d.withDefaults()}
	root := a.root() //nolint:contextcheck // Each command gets ctx from cobra when it runs.
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return Done
	}
	if !a.ran {
		topic := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), root.Name()), " ")
		err = usagef("%w\nTo see how it is used: %s", err, strings.TrimSpace("serin help "+topic))
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(a.Err, a.paint(a.Err).bad("serin: ")+clean(text))
	}
	return codeOf(err)
}

// app is one command line in execution.
type app struct {
	Deps

	// ran means that the arguments made sense and that the command itself has begun.
	ran bool
}

// Root returns the command tree, for those who write documentation from it.
func Root(d Deps) *cobra.Command {
	a := &app{Deps: d.withDefaults()}
	return a.root()
}

const longRoot = `Serin releases new versions of a service safely: it sends a small share of real requests to the new version, looks at
how that version does, sends more or takes it all back, and says why.

Begin with a look at the whole:

  serin demo                    three releases, one good and two bad, on this machine

Then with your own service. DIR holds ordinary manifests: a Deployment and a Canary that refers to it.

  serin lint DIR                say what is wrong with the manifests
  serin up DIR                  run them, and release each change of them
  serin get --watch             see what happens
  serin explain NAME            see what a canary waits for, and who must do what`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "serin", Short: "Release new versions safely, by themselves", Long: longRoot,
		SilenceErrors: true, SilenceUsage: true, Args: knownCommand,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.ran = true
			return cmd.Help()
		},
	}
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SuggestionsMinimumDistance = 2
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"}, &cobra.Group{ID: groupSee, Title: "See:"},
		&cobra.Group{ID: groupAct, Title: "Act:"}, &cobra.Group{ID: groupFiles, Title: "Prepare:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupRun, a.upCommand(), a.downCommand(), a.demoCommand())
	add(groupSee, a.getCommand(), a.listCommand(), a.statusCommand(), a.explainCommand(), a.waitCommand(),
		a.eventsCommand(), a.logsCommand(), a.historyCommand())
	add(groupAct, a.verbCommands()...)
	add(groupFiles, a.lintCommand(), a.diffCommand())
	root.AddCommand(a.versionCommand(), a.demoAppCommand())
	root.AddCommand(topics()...)
	return root
}

// knownCommand is the error for a command that does not exist.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	if near := spelling.Nearest(args[0], names); near != "" {
		return fmt.Errorf("there is no command %q: did you mean %s?", args[0], near)
	}
	return fmt.Errorf("there is no command %q", args[0])
}

// wants checks that the arguments are those whose names are given. A name in brackets may be left out.
func wants(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return fmt.Errorf("%q is one argument too many", args[len(names)])
		}
		for _, name := range names[len(args):] {
			if !strings.HasPrefix(name, "[") {
				return fmt.Errorf("%s is missing", name)
			}
		}
		return nil
	}
}

// The groups of the overview.
const (
	groupRun   = "run"
	groupSee   = "see"
	groupAct   = "act"
	groupFiles = "files"
)

// run wraps the work of a command: an error from here on is not one of usage, unless it says so.
func (a *app) run(work func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.ran = true
		return work(cmd, args)
	}
}
