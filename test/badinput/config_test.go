package badinput

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/standalone/store"
	"github.com/serin-dev/serin/test/house"
)

// ends is how long a command may take that cannot work.
const ends = 30 * time.Second

// TestConfigs runs commands whose flags, files or data directories are wrong. A case has the arguments in run, what is
// done to a good store in damage, and any other file of the directory. Each command ends by itself and says what to do.
func TestConfigs(t *testing.T) { //nolint:tparallel // The group is waited for.
	t.Parallel()
	k := newKeeper(t)
	for _, path := range paths(t, "testdata/config/*.txt") {
		comment, examples := read(t, path)
		t.Run("cases", func(t *testing.T) {
			for i := range examples {
				t.Run(examples[i].name, func(t *testing.T) {
					t.Parallel()
					said := k.command(t, examples[i])
					examples[i].compare(t, "configuration", said)
					examples[i].want = said
				})
			}
		})
		k.intact(t, path)
		k.detail(t)
		if *update {
			write(t, path, comment, examples)
		}
	}
}

// unstable are the parts of messages that differ from one run to the next.
var unstable = map[string]string{ //nolint:gochecknoglobals // It is a table.
	`since \d{4}-[^;]+;`:      "since TIME;",
	`(\[::\]|0\.0\.0\.0):\d+`: "ADDRESS",
	` by \S+ is refused`:      " by SOMEBODY is refused",
}

// turns bounds how many commands run at the same time.
var turns = make(chan struct{}, 3) //nolint:gochecknoglobals // It is shared by the cases.

// command runs a case and returns its exit code and what a person is told, with stable names for what differs.
func (k *keeper) command(t *testing.T, e example) string {
	t.Helper()
	dir := t.TempDir()
	args := ""
	names := strings.NewReplacer("$DIR", dir, "$API", k.d.API, "$TAKEN", strings.TrimPrefix(k.d.API, "http://"), "$KEPT", k.dir, "$DATA", k.data)
	for _, f := range e.files {
		switch f.Name {
		case "run":
			args = strings.TrimSpace(f.Text)
		case "damage":
			damage(t, filepath.Join(dir, ".serin", "serin.db"), strings.TrimSpace(f.Text))
		default:
			house.Put(t, filepath.Join(dir, f.Name), names.Replace(grown(f.Text)))
		}
	}
	turns <- struct{}{}
	defer func() { <-turns }()
	ctx, cancel := context.WithTimeout(t.Context(), ends)
	defer cancel()
	words := strings.Fields(args)
	for i := range words {
		words[i] = names.Replace(grown(words[i]))
	}
	cmd := exec.CommandContext(ctx, house.Binary(), words...)
	cmd.Env = house.Environ(dir)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var failed *exec.ExitError
	if ctx.Err() != nil || err != nil && !errors.As(err, &failed) || err == nil {
		t.Fatalf("serin %s ended with %v:\n%s", args, err, out.String())
	}
	pid := strconv.Itoa(k.d.PID())
	back := strings.NewReplacer(dir, "$DIR", k.d.API, "$API", strings.TrimPrefix(k.d.API, "http://"), "$TAKEN", k.dir, "$KEPT", k.data, "$DATA", "pid "+pid, "pid PID")
	text := back.Replace(out.String())
	for pattern, stable := range unstable {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, stable)
	}
	return fmt.Sprintf("exit code %d\n%s", cmd.ProcessState.ExitCode(), strings.TrimSpace(text))
}

// damage makes a good store and then does to it what disks, people and other versions do.
func damage(t *testing.T, path, how string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(t.Context(), served(), []byte(`{"version":99,"phase":"Nirvana"}`), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	switch how {
	case "empty":
		err = os.Truncate(path, 0)
	case "short":
		err = os.Truncate(path, 5000)
	case "directory":
		if err = os.Remove(path); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	case "bit":
		err = flip(path)
	case "newer":
		err = rewrite(path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("7")) })
	case "foreign":
		err = rewrite(path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("meta")) })
	default:
		t.Fatalf("there is no damage %q", how)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func rewrite(path string, change func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(change), db.Close())
}

// flip changes one bit of the saved state.
func flip(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte("Nirvana"))
		if i < 0 {
			return os.WriteFile(path, data, 0o600) //nolint:gosec // G703: the test made the path itself.
		}
		data[from+i] ^= 1
		from += i + 1
	}
}
