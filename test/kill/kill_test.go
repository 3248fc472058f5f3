// Package kill ends real processes where they stand, in the middle of real releases under load: `serin up` itself, the
// pods, the load and the source of the metrics. It fills the disk, too. After each of these Serin has to be where it
// would be without it.
//
// One fault is not here: a clock that is set. The clock of the machine is everybody's, a time namespace moves only the
// monotonic clock and that of the boot, and a library that lies about the time does not reach a static binary. Clock
// jumps are injected into the simulated world and into the core instead.
package kill

import (
	"flag"
	"os"
	"testing"

	"github.com/serin-dev/serin/test/house"
)

// seed chooses how long after its trigger a daemon is killed.
var seed = flag.Uint64("seed", 1, "choose the moments of the kills") //nolint:gochecknoglobals // A flag of the test binary.

func TestMain(m *testing.M) {
	if os.Getenv(asSource) != "" {
		serveMetrics()
	}
	os.Exit(house.Main(m))
}

// slots bounds how many releases run at the same time.
var slots = make(chan struct{}, 6) //nolint:gochecknoglobals // It is shared by the tests of this package.

// busy waits for its turn and keeps it until the test is over.
func busy(t *testing.T) {
	t.Helper()
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
}
