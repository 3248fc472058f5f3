// Package httpapi is the HTTP API of a running Serin: JSON for what is and was, commands for people, server-sent
// events for what changes. The command line and the dashboard read nothing else.
package httpapi

import (
	"context"
	"io"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Backend is the daemon behind the API. All of it is required.
type Backend struct {
	Canaries Canaries
	History  History
	Desk     Desk
	Daemon   Daemon
	// Feed has every change that the stream tells.
	Feed *feed.Feed
}

// Canaries knows what runs. Its methods return what was seen last and do not look again.
type Canaries interface {
	// Snapshots returns all canaries, in any order.
	Snapshots(ctx context.Context) ([]Snapshot, error)
	// Snapshot returns one canary, or a fault.NotFound error.
	Snapshot(ctx context.Context, key engine.Key) (Snapshot, error)
}

// History has the records of runs. The store of standalone mode is one.
type History interface {
	// Runs returns the headers of the runs of a canary, newest first.
	Runs(ctx context.Context, key engine.Key) ([]record.Run, error)
	// Run returns the record of one run with its events, or a fault.NotFound error.
	Run(ctx context.Context, key engine.Key, name string) (record.Run, error)
	// Events returns the events of one canary, or of all if key is zero, oldest first.
	Events(ctx context.Context, key engine.Key, q record.Query) ([]record.Entry, error)
}

// Desk takes the commands of people. The store of standalone mode is one; the daemon has to wake the canary that a
// command is for (the feed says so too).
type Desk interface {
	// Give hands a command in. The same UID again returns the ticket that there is.
	Give(ctx context.Context, key engine.Key, c rollout.Command) (record.Ticket, error)
	// Ticket says what became of a command, or returns a fault.NotFound error.
	Ticket(ctx context.Context, key engine.Key, uid string) (record.Ticket, error)
	// PauseAll pauses every canary, and ResumeAll lets them go on; both are noted in the records of runs in progress.
	PauseAll(ctx context.Context, by rollout.Intent) error
	ResumeAll(ctx context.Context, by rollout.Intent) error
	// Brake returns the pause of every canary, or nil.
	Brake() *rollout.Intent
}

// Daemon is the process itself.
type Daemon interface {
	// Ready returns nil once canaries are worked on, and before that what is missing.
	Ready(ctx context.Context) error
	// Shutdown begins an orderly end and returns at once.
	Shutdown(ctx context.Context, by rollout.Intent) error
	// Objects lists the manifests that the daemon works with, in any order.
	Objects(ctx context.Context) ([]Object, error)
	// Logs returns what the pods of one side of a canary have written. Reading ends with the context. The caller
	// closes it. A side without logs is a fault.NotFound error.
	Logs(ctx context.Context, q LogQuery) (io.ReadCloser, error)
}

// LogQuery selects the logs of pods.
type LogQuery struct {
	Key  engine.Key
	Side rollout.SideName
	// Pod selects one pod; empty means all of the side.
	Pod string
	// Tail is how many of the latest lines come first; 0 means all that are kept.
	Tail int
	// Follow goes on with what is written from now on.
	Follow bool
}

// Snapshot is all that the daemon knows of one canary now. The API shows a view of it.
type Snapshot struct {
	Key      engine.Key
	Spec     rollout.Spec
	State    rollout.State
	Workload rollout.Workload
	Traffic  rollout.Traffic
	// Brake is the pause of the whole installation, or nil.
	Brake *rollout.Intent
	// Addresses are where the services of the canary are reached.
	Addresses []Address
	// Warnings are what the author of the manifest should know; Problem is why the canary cannot act, or empty.
	Warnings []string
	Problem  string
}
