package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/httpapi"
)

// versions are those of this program and of the daemon.
type versions struct {
	Client httpapi.Version  `json:"client"`
	Daemon *httpapi.Version `json:"daemon,omitempty"`
}

func (a *app) versionCommand() *cobra.Command {
	var c connection
	var daemon bool
	cmd := &cobra.Command{
		Use: "version", Short: "Show the version", Args: wants(),
		Long:    "Version shows which build this is and, with --daemon, which one the running daemon is.",
		Example: "  serin version\n  serin version --daemon -o json",
	}
	output := outputFlag(cmd)
	cmd.Flags().BoolVar(&daemon, "daemon", false, "ask the running daemon, too")
	c.flags(cmd)
	cmd.RunE = a.run(func(cmd *cobra.Command, _ []string) error {
		v := versions{Client: a.Version}
		if daemon {
			err := a.talk(&c, func(ctx context.Context, s *session, _ []string) error {
				running, err := s.client.Version(ctx)
				v.Daemon = &running
				return err
			})(cmd, nil)
			if err != nil {
				return err
			}
		}
		return a.show(output, v, func(w io.Writer) {
			fmt.Fprintln(w, "serin "+versionText(v.Client))
			if v.Daemon != nil {
				fmt.Fprintln(w, "daemon "+versionText(*v.Daemon))
			}
		})
	})
	return cmd
}

func versionText(v httpapi.Version) string {
	text := v.Version
	if v.Commit != "" {
		text += " (" + v.Commit + ")"
	}
	if v.Go != "" {
		text += " " + v.Go
	}
	return text
}
