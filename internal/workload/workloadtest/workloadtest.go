// Package workloadtest holds the laws that every workload.Driver obeys. A driver that passes is one that the engine can
// trust with the pods that users are served by.
package workloadtest

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/workload"
)

// Broken is a template whose pods never become ready. All other templates work.
const Broken = "broken"

// Harness is one target on a machine or in a cluster. It can look and act behind the driver's back.
type Harness interface {
	// Driver returns a new driver for the target, as a restarted process would make it.
	Driver() workload.Driver
	// Team acts as the team that owns the target.
	Team
	// Live describes all that is wanted of the target, as an outsider sees it. Equal descriptions mean that nothing was
	// written in between; how far pods have come is not part of it.
	Live() string
	// Runs lists the template of each ready pod of a side that is not ending, as the pod itself tells it.
	Runs(side rollout.SideName) []string
	// World acts behind the driver's back.
	World
}

// Team is what the owners of a target do.
type Team interface {
	// Apply makes the target run a template with so many replicas. It is under a canary's care from the start.
	Apply(template string, replicas int)
	// Delete takes the target away.
	Delete()
}

// World is what happens without anybody's wish.
type World interface {
	// Step lets what is under way go on a little, where that does not happen by itself.
	Step()
	// Patience bounds how long a change may take to come to rest.
	Patience() time.Duration
	// Disturb returns false where the world knows no such thing.
	Disturb(d Disturbance) bool
}

// Disturbance is what a Harness can do behind a driver's back.
type Disturbance string

// The disturbances.
const (
	// Restart kills whatever carries out the driver's changes, and starts it again.
	Restart Disturbance = "restart"
	// Follow makes no change: it is true where the canary side is the target itself, so that its pods follow each new
	// template at once.
	Follow Disturbance = "follow"
	// Autoscale gives the primary an autoscaler with a minimum of one.
	Autoscale Disturbance = "autoscale"
	// Seize makes the primary, or its place, somebody else's.
	Seize Disturbance = "seize"
	// Hang lets no call come back before its context ends.
	Hang Disturbance = "hang"
)

// promptly is how long a call may take after its context's end. The contract says 100 ms; the rest is for machines
// that are busy.
const promptly = 5 * time.Second

// Law is one law.
type Law struct {
	Name  string
	Check func(ctx context.Context, h Harness) error
}

// Laws lists the laws.
func Laws() []Law {
	return []Law{
		{"observing changes nothing", readOnly},
		{"a missing target is told", missing},
		{"another template is another revision", revisions},
		{"pinning keeps a revision", pinned},
		{"what is not pinned cannot be promoted", unpinned},
		{"the first promotion creates the primary", created},
		{"promotion copies the template and never replicas", copied},
		{"the pinned revision is promoted after the target moved on", movedOn},
		{"a second identical promotion changes nothing", promotedTwice},
		{"an interrupted promotion goes on", interrupted},
		{"a replacement keeps capacity", capacity},
		{"readiness is of the revision", readiness},
		{"the canary runs the revision that it was scaled with", scaled},
		{"scaling twice changes nothing", scaledTwice},
		{"scaling to zero ends all pods of one side", scaledDown},
		{"what does not exist cannot be scaled", unscalable},
		{"an autoscaler is held to the floor", floored},
		{"the sides outlive a deleted target", deleted},
		{"a release serves before the primary goes", released},
		{"a release twice changes nothing", releasedTwice},
		{"a release without a target leaves nothing", releasedForGood},
		{"a released target can have a canary again", again},
		{"somebody else's primary is left alone", seized},
		{"an ended context ends the call", cancelled},
		{"concurrent calls leave one of their wishes", concurrent},
	}
}

// Run checks all laws, each on a harness of its own.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, law := range Laws() {
		t.Run(law.Name, func(t *testing.T) {
			t.Parallel()
			if err := law.Check(t.Context(), newHarness(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
