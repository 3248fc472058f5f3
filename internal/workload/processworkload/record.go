package processworkload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// recordVersion is the version of the record that this code writes.
const recordVersion = 1

// private is the mode of every file here: snapshots hold what came from Secrets.
const private = 0o600

// record is what a unit remembers over a restart: what is wanted of each side, and which processes run.
type record struct {
	Version int          `json:"version"`
	Target  targetRecord `json:"target"`
	// Plain means that the canary side follows the target by itself.
	Plain   bool       `json:"plain,omitempty"`
	Primary sideRecord `json:"primary"`
	Canary  sideRecord `json:"canary"`
	// Kept lists the revisions that have a snapshot, the one used last at the end.
	Kept []string `json:"kept,omitempty"`
	// Made counts the pods so far; it makes their names.
	Made int         `json:"made,omitempty"`
	Pods []podRecord `json:"pods,omitempty"`
}

type targetRecord struct {
	Exists   bool   `json:"exists,omitempty"`
	Revision string `json:"revision,omitempty"`
	Replicas int    `json:"replicas,omitempty"`
}

type sideRecord struct {
	Exists   bool   `json:"exists,omitempty"`
	Revision string `json:"revision,omitempty"`
	Replicas int    `json:"replicas,omitempty"`
	// Leaving means that the side goes as soon as the other one serves.
	Leaving bool `json:"leaving,omitempty"`
}

// podRecord is one pod. It is written before its process is started, without Process, and again right after.
type podRecord struct {
	Name     string           `json:"name"`
	Side     rollout.SideName `json:"side"`
	Revision string           `json:"revision"`
	Ports    []int            `json:"ports,omitempty"`
	Process  *identity        `json:"process,omitempty"`
	Served   bool             `json:"served,omitempty"`
	Ending   bool             `json:"ending,omitempty"`
	Restarts int              `json:"restarts,omitempty"`
	// Since is when the process was started.
	Since time.Time `json:"since,omitzero"`
}

// snapshot is a template as it was when its revision was pinned. It holds secrets in clear, because the revision
// has to run again with exactly them.
type snapshot struct {
	Revision string   `json:"revision"`
	Template Template `json:"template"`
}

func recordFile(dir string) string { return filepath.Join(dir, "state.json") }

// snapshotFile names the file of a revision, which may hold anything, by its hash.
func snapshotFile(dir, revision string) string {
	sum := sha256.Sum256([]byte(revision))
	return filepath.Join(dir, "revisions", hex.EncodeToString(sum[:16])+".json")
}

// loadRecord reads the record of a unit; a unit that has none begins empty.
func loadRecord(dir string) (record, error) {
	var r record
	data, err := os.ReadFile(recordFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return record{Version: recordVersion}, nil
	}
	if err != nil {
		return r, fault.Errorf(fault.Unavailable, "read what runs: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fault.Errorf(fault.Invalid, "%s is damaged (%w): end the processes that it names and remove it", recordFile(dir), err)
	}
	if r.Version > recordVersion {
		return r, fault.Errorf(fault.Invalid, "%s was written by a newer Serin: use that one", recordFile(dir))
	}
	r.Version = recordVersion
	return r, nil
}

// loadSnapshot reads the template of a revision. Its errors never hold a value of it.
func loadSnapshot(dir, revision string) (*Template, error) {
	data, err := os.ReadFile(snapshotFile(dir, revision))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "revision %s has no snapshot", revision)
	}
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "read the snapshot of revision %s: %w", revision, err)
	}
	var s snapshot
	if json.Unmarshal(data, &s) != nil || s.Revision != revision {
		return nil, fault.Errorf(fault.Invalid, "the snapshot of revision %s is damaged: %s", revision, snapshotFile(dir, revision))
	}
	return &s.Template, nil
}

// saveSnapshot keeps the template of a revision. One that is kept already is never written again.
func saveSnapshot(dir, revision string, t *Template) error {
	if _, err := loadSnapshot(dir, revision); err == nil {
		return nil
	}
	if err := writeJSON(snapshotFile(dir, revision), snapshot{Revision: revision, Template: *t}, true); err != nil {
		return fault.Errorf(fault.Unavailable, "keep revision %s: %w", revision, err)
	}
	return nil
}

// clone returns a copy that shares nothing that can change.
func (r *record) clone() record {
	c := *r
	c.Kept = slices.Clone(r.Kept)
	c.Pods = slices.Clone(r.Pods)
	return c
}

// pod returns the record of a pod, or nil.
func (r *record) pod(name string) *podRecord {
	for i := range r.Pods {
		if r.Pods[i].Name == name {
			return &r.Pods[i]
		}
	}
	return nil
}

// side returns the record of a side.
func (r *record) side(name rollout.SideName) *sideRecord {
	if name == rollout.PrimarySide {
		return &r.Primary
	}
	return &r.Canary
}

// follows says whether the canary side follows the target by itself. While there is a primary that nobody released, a
// canary is in charge, whatever the manifest says.
func (r *record) follows() bool { return r.Plain && (!r.Primary.Exists || r.Primary.Leaving) }

// use makes a kept revision the one used last.
func (r *record) use(revision string) {
	if i := slices.Index(r.Kept, revision); i >= 0 {
		r.Kept = append(slices.Delete(r.Kept, i, i+1), revision)
	}
}

// prune forgets the revisions that nothing uses, except the latest limit ones, and returns what it forgot.
func (r *record) prune(limit int) []string {
	used := []string{r.Primary.Revision, r.Canary.Revision, r.Target.Revision}
	for i := range r.Pods {
		used = append(used, r.Pods[i].Revision)
	}
	var kept, dropped []string
	spare := 0
	for _, revision := range slices.Backward(r.Kept) {
		switch {
		case slices.Contains(used, revision):
		case spare < limit:
			spare++
		default:
			dropped = append(dropped, revision)
			continue
		}
		kept = append(kept, revision)
	}
	slices.Reverse(kept)
	r.Kept = kept
	return dropped
}

// writeJSON replaces a file by the JSON of a value.
func writeJSON(path string, v any, durable bool) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return writeFile(path, data, durable)
}

// writeFile replaces a file in one step: whoever reads it sees the old bytes or the new ones. Durable bytes survive
// the machine; the others need only survive this process.
func writeFile(path string, data []byte, durable bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err //nolint:wrapcheck // It names the path.
	}
	draft := path + ".new"
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, private) //nolint:gosec // G304: a path of our own directory.
	if err != nil {
		return err //nolint:wrapcheck // It names the path.
	}
	_, err = f.Write(data)
	if durable && err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil || !durable {
		return err //nolint:wrapcheck // It names the path.
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory survive the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: a directory of our own.
	if err != nil {
		return err //nolint:wrapcheck // It names the path.
	}
	return errors.Join(d.Sync(), d.Close())
}
