package standalone

import (
	"context"
	"errors"
	"maps"
	"testing"
)

// memPorts is a port store in memory.
type memPorts struct {
	ports map[string]int
	err   error
}

func (m *memPorts) Ports(context.Context) (map[string]int, error) { return maps.Clone(m.ports), m.err }

func (m *memPorts) SetPort(_ context.Context, name string, port int) error {
	if m.err != nil {
		return m.err
	}
	if port == 0 {
		delete(m.ports, name)
	} else {
		m.ports[name] = port
	}
	return nil
}

func TestPortsAreStableAndNeverShared(t *testing.T) {
	t.Parallel()
	store := &memPorts{ports: map[string]int{"default/old": 30001}}
	p, err := newPorts(t.Context(), store, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.open = func(port int) bool { return port != 30000 } // Another program has it.
	ask := func(name, want string) {
		t.Helper()
		if got, err := p.address(t.Context(), name); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	ask("default/old", "127.0.0.1:30001")
	ask("default/a", "127.0.0.1:30002")
	ask("default/b", "127.0.0.1:30003")
	ask("default/a", "127.0.0.1:30002")
	if err := p.forget(t.Context(), "default/a"); err != nil {
		t.Fatal(err)
	}
	ask("default/c", "127.0.0.1:30002")
	restarted, err := newPorts(t.Context(), store, 0)
	if err != nil {
		t.Fatal(err)
	}
	restarted.open = func(int) bool { return false }
	p = restarted
	ask("default/b", "127.0.0.1:30003")
	if _, err := p.address(t.Context(), "default/new"); err == nil {
		t.Error("there is no free port left, and nobody says so")
	}
}

func TestPortsThatCannotBeRememberedAreNotGiven(t *testing.T) {
	t.Parallel()
	store := &memPorts{ports: map[string]int{}}
	p, err := newPorts(t.Context(), store, 0)
	if err != nil {
		t.Fatal(err)
	}
	store.err = errors.New("disk full")
	if _, err := p.address(t.Context(), "default/a"); !errors.Is(err, store.err) {
		t.Errorf("the port is lost at the next start: %v", err)
	}
}
