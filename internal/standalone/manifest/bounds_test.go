package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}, data: {k: v}}\n"

func named(name string) string { return strings.Replace(config, "NAME", name, 1) }

// TestBounds exceeds one limit after the other.
func TestBounds(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	bomb := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a0: &a0 [a, b, c, d, e, f, g, h, i, j]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	tests := map[string]struct {
		files  []section
		limits func(*limits)
		want   string
	}{
		"file size": {
			files: []section{{"a.yaml", "# " + strings.Repeat("x", 2048) + "\n" + named("a")}}, limits: func(l *limits) { l.fileSize = 1024 },
			want: "a.yaml: the file is larger than 1 KiB: split it",
		},
		"total size": {
			files: []section{{"a.yaml", named("a")}, {"b.yaml", named("b")}}, limits: func(l *limits) { l.totalSize = 100 },
			want: "the manifests have more than 0 MiB together",
		},
		"files": {
			files: []section{{"a.yaml", named("a")}, {"b.yaml", named("b")}}, limits: func(l *limits) { l.files = 1 },
			want: "there are more than 1 files with manifests: put several manifests into one file",
		},
		"entries": {
			files: []section{{"a.yaml", named("a")}, {"b.txt", ""}, {"c.txt", ""}}, limits: func(l *limits) { l.entries = 2 },
			want: "the directory and those below it have more than 2 entries: give the manifests a directory of their own",
		},
		"folders": {
			files: []section{{"x/y/z/a.yaml", named("a")}}, limits: func(l *limits) { l.folders = 2 },
			want: "x/y/z: the directories are nested more than 2 deep",
		},
		"objects": {
			files: []section{{"a.yaml", named("a") + "---\n" + named("b") + "---\n" + named("c")}}, limits: func(l *limits) { l.objects = 1 },
			want: "a.yaml:3: there are more than 1 objects",
		},
		"values": {
			files: []section{{"a.yaml", named("a")}}, limits: func(l *limits) { l.values = 3 },
			want: "a.yaml:1: the file has too many values, each alias counted with all that it stands for: split the file",
		},
		"all values": {
			files: []section{{"a.yaml", named("a")}, {"b.yaml", named("b")}}, limits: func(l *limits) { l.allValues = 10 },
			want: "b.yaml:1: the file has too many values, each alias counted with all that it stands for: split the file",
		},
		"nesting in yaml": {
			files: []section{{"a.yaml", "a: 1\nb: " + deep}},
			want:  "a.yaml:2: the values are nested more than 64 deep",
		},
		"nesting in json": {
			files: []section{{"a.json", "{\"a\":\n" + deep + "}"}},
			want:  "a.json:2: the values are nested more than 64 deep",
		},
		"absurd nesting": {
			files: []section{{"a.yaml", "a: " + strings.Repeat("[", 100_000)}},
			want:  "a.yaml:1: the values are nested more than 64 deep",
		},
		"alias bomb": {
			files: []section{{"a.yaml", bomb}},
			want:  "the file has too many values, each alias counted with all that it stands for: split the file",
		},
		"alias of itself": {
			files: []section{{"a.yaml", "a: &a\n  b: *a\n"}},
			want:  "the values are nested more than 64 deep",
		},
		"problems": {
			files: []section{{"a.yaml", ""}, {"b.yaml", ""}, {"c.yaml", ""}}, limits: func(l *limits) { l.problems = 1 },
			want: "there are 2 more: correct these first",
		},
		"encoding": {
			files: []section{{"a.yaml", "apiVersion: v1\nkind: \xff\n"}},
			want:  "a.yaml:2: the text is not UTF-8: save the file as UTF-8",
		},
		"control character": {
			files: []section{{"a.yaml", "apiVersion: v1\nkind: \x01\n"}},
			want:  "there is a control character: remove it, or write it as an escape in double quotes",
		},
		"spaces only": {
			files: []section{{"a.json", " \n\n"}},
			want:  "a.json: the file is empty: an editor may be writing it; remove it if it is not needed",
		},
		"half of a JSON": {
			files: []section{{"a.json", `{"apiVersion": "v1", "kind": "Conf`}},
			want:  "a.json:1: the file ends in the middle of a value",
		},
		"half of an object": {
			files: []section{{"a.json", "{\"apiVersion\": \"v1\",\n \"metadata\": {\"name\": \"a\"}"}},
			want:  "a.json:2: the file ends in the middle of a value",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := defaultLimits()
			if test.limits != nil {
				test.limits(&l)
			}
			s, err := load(write(t, test.files...), l)
			if err == nil || s != nil {
				t.Fatal("the directory is good")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %s, got\n%v", test.want, err)
			}
		})
	}
}

// TestLinks follows links to files and no others.
func TestLinks(t *testing.T) {
	t.Parallel()
	outside := write(t, section{"real.yaml", named("linked")}, section{"more/b.yaml", named("unlinked")})
	dir := write(t, section{"a.yaml", named("a")})
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(outside, "real.yaml"), "link.yaml")
	link(filepath.Join(outside, "more"), "folder")
	link(dir, "loop")
	link("nowhere", "notes")
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.ConfigMap(Key{"default", "linked"}) == nil || s.ConfigMap(Key{"default", "unlinked"}) != nil {
		t.Error("links to files are followed, those to directories are not")
	}
	if got := s.Warnings(); len(got) != 2 || got[0].String() != "folder: links to directories are not followed: copy the directory, or link its files" {
		t.Errorf("warnings are %v", got)
	}
	link("nowhere", "broken.yaml")
	if _, err := Load(dir); err == nil || err.Error() != "broken.yaml: the link leads nowhere: no such file or directory" {
		t.Error(err)
	}
}

// TestPipe does not wait for a writer.
func TestPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || err.Error() != "a.yaml: it is no regular file" {
		t.Error(err)
	}
}

// TestWritten notices a file that grows while it is read.
func TestWritten(t *testing.T) {
	t.Parallel()
	dir := write(t, section{"a.yaml", named("a")})
	found := walk(dir, defaultLimits())
	if _, wrong := read(dir, found.files[0], 1<<20); wrong != "" {
		t.Fatal(wrong)
	}
	if err := os.Remove(filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, wrong := read(dir, found.files[0], 1<<20); wrong != "the file cannot be read: no such file or directory" {
		t.Error(wrong)
	}
}
