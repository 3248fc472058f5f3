// Package standalone is Serin on one machine: `serin up` watches a directory of ordinary manifests, runs their
// workloads as processes behind the built-in proxy, and releases new versions with the engine that both modes share.
//
// Run is the whole life of the daemon. daemon.go holds its parts and the order in which they begin and end, apply.go
// makes what runs out of a set of manifests, canary.go makes one canary of the engine out of its manifest.
package standalone

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/httpapi"
)

// Options say what the daemon works with. Dir is required.
type Options struct {
	// Dir holds the manifests. DataDir holds what must survive a restart; default .serin in Dir.
	Dir, DataDir string
	// Listen is the address of the listener that all services share by host name. Default 127.0.0.1:8080.
	Listen string
	// API is the address of the API. Default 127.0.0.1:7070. Another interface than the loopback's needs a Token.
	API   string
	Token string
	// Prometheus is the address of a server that scrapes this daemon's /metrics already; empty means the embedded one.
	Prometheus string
	// DataPlane is what carries requests: empty or DataPlaneBuiltin.
	DataPlane string
	// Version is what the API says of itself.
	Version httpapi.Version
	// Logger gets what operators need; nil logs nothing.
	Logger *slog.Logger
	// Ready is called once canaries are worked on.
	Ready func(Addresses)
	// Farewell bounds how long the end of everything may take before what still runs is killed. Default 1 m.
	Farewell time.Duration
}

// DataPlaneBuiltin is the proxy that is part of this program.
const DataPlaneBuiltin = "builtin"

// Addresses are where the daemon is reached.
type Addresses struct {
	// API is the URL of the API, Shared that of the listener which routes by host name.
	API, Shared string
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, fault.Errorf(fault.Invalid, "there is no directory of manifests: serin up DIR")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fault.Errorf(fault.Invalid, "find the directory of manifests: %w", err)
	}
	o.Dir = dir
	o.DataDir = cmp.Or(o.DataDir, filepath.Join(o.Dir, ".serin"))
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return o, fault.Errorf(fault.Invalid, "find the data directory: %w", err)
	}
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:8080")
	o.API = cmp.Or(o.API, "127.0.0.1:7070")
	o.Farewell = cmp.Or(o.Farewell, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func(Addresses) {}
	}
	if o.DataPlane != "" && o.DataPlane != DataPlaneBuiltin {
		return o, fault.Errorf(fault.Unsupported, "there is no data plane %q: use %s", o.DataPlane, DataPlaneBuiltin)
	}
	if err := addressed("the shared listener", o.Listen); err != nil {
		return o, err
	}
	return o, addressed("the API", o.API)
}

func addressed(what, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Errorf(fault.Invalid, "the address of %s is %q: write HOST:PORT, such as 127.0.0.1:8080", what, address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fault.Errorf(fault.Invalid, "the address of %s is %q: the port is a number from 0 to 65535", what, address)
	}
	return nil
}

// Run works on the manifests of a directory until ctx ends or somebody asks over the API for the end. Then it drains
// and ends everything that it started. After a kill instead of an end, the next Run adopts what still runs.
func Run(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	d, err := open(ctx, o)
	if err != nil {
		return err
	}
	return d.run(ctx)
}

// reachable is an address as a client on this machine dials it.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
