package rollout

import (
	"encoding/json"
	"fmt"

	"github.com/serin-dev/serin/internal/fault"
)

// Encode returns the state as versioned JSON.
func Encode(s State) ([]byte, error) {
	s.Version = StateVersion
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return data, nil
}

// Decode reads a state of this or an earlier version. Nothing at all is the state of a canary that is seen for the
// first time. A state from a newer engine is refused: acting on half of it could undo what that engine decided.
func Decode(data []byte) (State, error) {
	if len(data) == 0 {
		return State{}, nil
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fault.Errorf(fault.Invalid, "the saved state is damaged: %w", err)
	}
	if s.Version > StateVersion {
		return State{}, fault.Errorf(fault.Unsupported,
			"the saved state has version %d and this Serin reads up to %d: run the newer Serin again, or delete the canary with it first", s.Version, StateVersion)
	}
	return s.repaired(), nil
}
