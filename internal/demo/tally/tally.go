// Package tally counts answers by version and status, so that what the sample app says it answered can be compared
// with what the load says it got.
package tally

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Key is one kind of answer.
type Key struct {
	Version string
	Status  int
}

// MarshalText writes the key as VERSION/STATUS, which makes Counts a JSON object.
func (k Key) MarshalText() ([]byte, error) {
	return []byte(k.Version + "/" + strconv.Itoa(k.Status)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(text []byte) error {
	i := bytes.LastIndexByte(text, '/')
	if i < 0 {
		return fmt.Errorf("count %q is not VERSION/STATUS", text)
	}
	status, err := strconv.Atoi(string(text[i+1:]))
	if err != nil {
		return fmt.Errorf("count %q has no status: %w", text, err)
	}
	k.Version, k.Status = string(text[:i]), status
	return nil
}

// Counts is how many answers of each kind there were. The zero value can be read, not added to.
type Counts map[Key]uint64

// Add adds every count of other.
func (c Counts) Add(other Counts) {
	for k, n := range other {
		c[k] += n
	}
}

// Since returns what was counted after earlier was taken.
func (c Counts) Since(earlier Counts) Counts {
	diff := Counts{}
	for k, n := range c {
		if n > earlier[k] {
			diff[k] = n - earlier[k]
		}
	}
	return diff
}

// Total is the number of all answers.
func (c Counts) Total() uint64 {
	var sum uint64
	for _, n := range c {
		sum += n
	}
	return sum
}

// Failed is the number of server errors that version answered with.
func (c Counts) Failed(version string) uint64 {
	var sum uint64
	for k, n := range c {
		if k.Version == version && k.Status >= 500 {
			sum += n
		}
	}
	return sum
}

// Diff says in one sentence each where the load and the app disagree, in a stable order. Equal counts give nil.
func Diff(load, app Counts) []string {
	both := maps.Clone(load)
	if both == nil {
		both = Counts{}
	}
	maps.Copy(both, app)
	var out []string
	for k := range both {
		if load[k] != app[k] {
			out = append(out, fmt.Sprintf("the load got %d answers %d from %s, the app sent %d",
				load[k], k.Status, k.Version, app[k]))
		}
	}
	slices.Sort(out)
	return out
}
