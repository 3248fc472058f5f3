// Package routertest holds the laws that every router.Driver obeys. A driver that passes is one that the engine can
// trust with live traffic.
package routertest

import (
	"context"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/router"
)

// Revision is the revision that the laws pin the canary's requests to. A harness whose data plane knows endpoints has
// some of this revision for the canary.
const Revision = "r2"

// Harness is one canary's place in a data plane, and a neighbour's. It can look and act behind the driver's back.
type Harness interface {
	// Driver returns a new driver for the canary, as a restarted process would make it.
	Driver() router.Driver
	// Neighbour returns a driver for another canary on the same data plane.
	Neighbour() router.Driver
	// Live describes all that the data plane holds for the canary, as an outsider sees it, whoever wrote it.
	Live() string
	// Writes counts the writes for the canary that changed something, of the driver and of others.
	Writes() int
	// Disturb acts behind the driver's back. It returns false where this data plane knows no such thing.
	Disturb(d Disturbance) bool
}

// Disturbance is what a Harness can do behind a driver's back.
type Disturbance string

// The disturbances.
const (
	// Settle lets the data plane acknowledge everything that was written.
	Settle Disturbance = "settle"
	// Lag keeps it from acknowledging until it is told to Settle.
	Lag Disturbance = "lag"
	// Drift writes another split, one of 37 % to the canary, as somebody else would.
	Drift Disturbance = "drift"
	// Race makes somebody else write just before the driver's next write.
	Race Disturbance = "race"
	// Vanish removes the place to write to.
	Vanish Disturbance = "vanish"
	// Forbid takes our rights away.
	Forbid Disturbance = "forbid"
	// Hang lets no call come back before its context ends.
	Hang Disturbance = "hang"
	// Recover ends Forbid, Hang and Reject.
	Recover Disturbance = "recover"
	// Reject lets the data plane refuse what is written from now on.
	Reject Disturbance = "reject"
)

// promptly is how long a call may take after its context's end. The contract says 100 ms; the rest is for machines
// that are busy.
const promptly = 5 * time.Second

// Law is one law. Needs is the capability that it is about; where a driver does not declare it, the law is inverted:
// the same wish must be refused as Unsupported and nothing written.
type Law struct {
	Name  string
	Needs Capability
	check func(ctx context.Context, h Harness) error
}

// Capability names a field of rollout.Capabilities, or none.
type Capability string

// The capabilities.
const (
	None    Capability = ""
	Weights Capability = "weights"
	Mirror  Capability = "mirror"
	Match   Capability = "match"
	Sticky  Capability = "sticky"
)

// Check returns how the harness's driver breaks the law, or nil.
func (l Law) Check(ctx context.Context, h Harness) error {
	if !has(h.Driver().Caps(), l.Needs) {
		return refused(ctx, h, l.Needs)
	}
	return l.check(ctx, h)
}

// Laws lists the laws.
func Laws() []Law {
	return []Law{
		{"nothing is written at first", None, nothingAtFirst},
		{"set then read gives the same split", None, roundTripEdges},
		{"any weight is possible", Weights, roundTripWeights},
		{"requests can be mirrored", Mirror, roundTripMirror},
		{"conditions can choose the canary", Match, roundTripMatch},
		{"sessions can be kept", Sticky, roundTripSticky},
		{"a second identical write changes nothing", None, idempotent},
		{"reading changes nothing", None, readOnly},
		{"a split without sense is refused", None, senseless},
		{"what is written survives a restart", None, restart},
		{"the acknowledgement follows the data plane", None, acknowledgement},
		{"a rejection is told and can be overcome", None, rejection},
		{"restore returns what was there", None, restored},
		{"somebody else's write is seen and mended", None, drift},
		{"a stale write is a conflict", None, conflict},
		{"a missing place is not found", None, vanished},
		{"missing rights are denied", None, forbidden},
		{"an ended context ends the call", None, cancelled},
		{"a hanging data plane ends with the context", None, hanging},
		{"neighbours are not disturbed", None, neighbours},
		{"concurrent calls leave one of their splits", None, concurrent},
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

func has(caps rollout.Capabilities, c Capability) bool {
	switch c {
	case Weights:
		return caps.Weights
	case Mirror:
		return caps.Mirror
	case Match:
		return caps.Match
	case Sticky:
		return caps.Sticky
	case None:
	}
	return true
}
