package badinput

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/standalone/manifest"
	"github.com/serin-dev/serin/test/house"
)

// problems are the cases that the loader's own tests have; they go through a real daemon here.
const problems = "../../internal/standalone/manifest/testdata/problems"

// TestManifests puts one bad set of manifests after the other next to a good one, in the directory of a running daemon.
func TestManifests(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	for _, path := range paths(t, "testdata/manifests/*.txt") {
		comment, examples := read(t, path)
		for i := range examples {
			examples[i].want = k.apply(t, examples[i], true)
		}
		if *update {
			write(t, path, comment, examples)
		}
	}
	for _, path := range paths(t, problems+"/*.txt") {
		_, examples := read(t, path)
		for _, e := range examples {
			e.want = strings.ReplaceAll("\n"+e.want, "\nerror: ", "\n")
			e.want = strings.TrimPrefix(e.want, "\n")
			if !strings.Contains(e.want, "warning: ") && e.want != "good" {
				k.apply(t, e, false)
			}
		}
	}
	house.Until(t, "the good manifests are in force again", func() (string, bool) {
		w := k.warning(t)
		return w, w == ""
	})
	k.intact(t, "all of them")
}

// apply puts the files of a case into the directory, waits for what the daemon says, and takes them away again.
func (k *keeper) apply(t *testing.T, e example, own bool) string {
	t.Helper()
	var names []string
	for _, f := range e.files {
		name := filepath.Join(k.dir, f.Name)
		text := f.Text
		if own {
			name, text = filepath.Join(k.dir, e.name+".yaml"), grown(scaffold(e.name, f))
			if strings.HasSuffix(f.Name, ".json") {
				name = filepath.Join(k.dir, e.name+".json")
			}
		}
		names = append(names, name)
		house.Put(t, name, text)
	}
	want := e.want
	if *update && own {
		if want = k.expected(t, e.name); want == "" {
			t.Errorf("%s is good", e.name)
		}
	}
	got := ""
	house.Until(t, "the message for "+e.name, func() (string, bool) {
		got = strings.ReplaceAll(k.warning(t), k.dir, "DIR")
		return got + "\nwant " + want, got == want
	})
	e.compare(t, "manifests", got)
	k.intact(t, e.name)
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// expected is what is wrong with the directory: what the loader says, or, where it has nothing to say, what the daemon
// says of the case.
func (k *keeper) expected(t *testing.T, name string) string {
	t.Helper()
	if _, err := manifest.Load(k.dir); err != nil {
		return err.Error()
	}
	said := ""
	house.Until(t, "the daemon refuses "+name, func() (string, bool) {
		said = strings.ReplaceAll(k.warning(t), k.dir, "DIR")
		return said, strings.Contains(said, name)
	})
	return said
}

// scaffold completes what a case leaves out: canary and deployment are what stands below spec, else the file is whole.
func scaffold(name string, f house.Section) string {
	heads := map[string]string{
		"canary":     "apiVersion: flagger.app/v1beta1\nkind: Canary\n",
		"deployment": "apiVersion: apps/v1\nkind: Deployment\n",
		"metric":     "apiVersion: flagger.app/v1beta1\nkind: MetricTemplate\n",
		"alert":      "apiVersion: flagger.app/v1beta1\nkind: AlertProvider\n",
	}
	head, ok := heads[f.Name]
	if !ok {
		return f.Text
	}
	return head + "metadata: {name: " + name + "}\nspec:\n" + f.Text
}

// grown fills in what would make the files of testdata large or binary.
func grown(text string) string {
	replacer := strings.NewReplacer("$NUL$", "\x00", "$LATIN1$", "\xfc", "$BELL$", "\x07", "$BOM16$", "\xff\xfe",
		"$64KIB$", strings.Repeat("x", 64<<10), "$1KIB$", strings.Repeat("x", 1<<10), "$5MIB$", string(bytes.Repeat([]byte("# xxxxxxxxxxxxx\n"), 5<<16)),
		"$DEEP$", strings.Repeat("[", 5000)+strings.Repeat("]", 5000), "$MANY$", strings.Repeat("x,", 260_000))
	return replacer.Replace(text)
}
