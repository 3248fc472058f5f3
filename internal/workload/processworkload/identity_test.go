package processworkload

import (
	"os/exec"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
)

// TestOnlyTheSameProcessIsAdopted: a pid that belongs to another program by now, or comes from another boot, is nobody's
// pod.
func TestOnlyTheSameProcessIsAdopted(t *testing.T) {
	t.Parallel()
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	}()
	held, err := openProcess(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	id := held.id
	held.close()
	for name, change := range map[string]func(*identity){
		"another start": func(id *identity) { id.Started-- },
		"another boot":  func(id *identity) { id.Boot = "another" },
	} {
		other := id
		change(&other)
		if p, err := adoptProcess(other); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: adopted %+v, %v", name, p, err)
		}
	}
	same, err := adoptProcess(id)
	if err != nil {
		t.Fatalf("the process itself: %v", err)
	}
	same.close()
}

// TestPortsRestBeforeTheyAreReused: a data plane may still send requests to whoever listened at a port that was given
// back; nobody else gets it before many others have been given back, too.
func TestPortsRestBeforeTheyAreReused(t *testing.T) {
	t.Parallel()
	var p ports
	numbers, err := p.take(1)
	if err != nil {
		t.Fatal(err)
	}
	p.free(numbers)
	for n := range resting {
		if !p.taken[numbers[0]] {
			t.Fatalf("port %d is free after %d others", numbers[0], n)
		}
		p.hold([]int{n + 1})
		p.free([]int{n + 1})
	}
	if p.taken[numbers[0]] {
		t.Errorf("port %d is never free again", numbers[0])
	}
}
