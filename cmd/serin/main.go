// Serin releases new versions of a service safely. The commands are in internal/cli; this is where they meet the daemon.
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/serin-dev/serin/internal/cli"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/standalone"
)

// version is set by the linker, which can set nothing but a variable.
var version = "unknown"

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Deps{Version: build(), Up: up}))
}

// up runs the standalone daemon as the command line says.
func up(ctx context.Context, o cli.UpOptions) error {
	return standalone.Run(ctx, standalone.Options{
		Dir: o.Dir, DataDir: o.DataDir, Listen: o.Listen, API: o.API, Token: o.Token, Prometheus: o.Prometheus,
		DataPlane: o.DataPlane, Version: o.Version, Logger: o.Logger,
		Ready: func(at standalone.Addresses) { o.Ready(cli.Addresses(at)) },
	})
}

// build says what this program was built from.
func build() httpapi.Version {
	v := httpapi.Version{Version: version, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value[:min(len(s.Value), 12)]
		}
	}
	return v
}
