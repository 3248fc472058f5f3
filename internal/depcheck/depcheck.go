// Package depcheck reads the repository's own source and says where it breaks the rules that no compiler checks: who
// may import whom, how large a file may grow, what a test must not do. Its tests apply the rules.
package depcheck

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the path of the module that is checked.
const Module = "github.com/serin-dev/serin"

// File is one Go file of the repository.
type File struct {
	// Path is relative to the repository, with slashes.
	Path  string
	Lines int
	Test  bool
	// Generated means that a tool wrote the file and that nobody edits it.
	Generated bool
	Imports   []string
	// Calls are the functions of imported packages that the file mentions, like time.Sleep.
	Calls []string
	// Funcs are the names of the functions without receiver.
	Funcs []string
}

// Package is the directory of the file, relative to the repository.
func (f File) Package() string { return path.Dir(f.Path) }

// In says that the file lies in the package dir or below it.
func (f File) In(dir string) bool {
	return f.Package() == dir || strings.HasPrefix(f.Package(), dir+"/")
}

// Local returns the imports from this module, relative to the repository.
func (f File) Local() []string {
	var out []string
	for _, i := range f.Imports {
		if rest, ok := strings.CutPrefix(i, Module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// Uses says that the file mentions the function.
func (f File) Uses(call string) bool { return slices.Contains(f.Calls, call) }

// Load reads every Go file below root, except those of other modules and what hides behind a dot.
func Load(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && skip(name, entry) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return fmt.Errorf("place %s: %w", name, err)
		}
		source, err := os.ReadFile(name) //nolint:gosec // G304: the files are those of the repository.
		if err != nil {
			return fmt.Errorf("read a source file: %w", err)
		}
		file, err := Parse(filepath.ToSlash(relative), source)
		if err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the repository: %w", err)
	}
	return files, nil
}

// skip says that a directory holds nothing of this module.
func skip(name string, entry fs.DirEntry) bool {
	switch entry.Name() {
	case "testdata", "node_modules", "vendor", "bin":
		return true
	}
	if strings.HasPrefix(entry.Name(), ".") {
		return true
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	return err == nil
}

// Parse reads one file.
func Parse(name string, source []byte) (File, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return File{}, fmt.Errorf("parse %s: %w", name, err)
	}
	file := File{
		Path:      name,
		Lines:     bytes.Count(source, []byte{'\n'}),
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(tree),
	}
	local := map[string]string{}
	for _, i := range tree.Imports {
		imported := strings.Trim(i.Path.Value, `"`)
		file.Imports = append(file.Imports, imported)
		local[localName(i, imported)] = imported
	}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
			file.Funcs = append(file.Funcs, f.Name.Name)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := selector.X.(*ast.Ident); ok && local[of.Name] != "" {
			file.Calls = append(file.Calls, local[of.Name]+"."+selector.Sel.Name)
		}
		return true
	})
	return file, nil
}

// localName is what an import is called in its file. A guess is good enough: the functions that matter come from
// packages whose path ends in their name.
func localName(spec *ast.ImportSpec, imported string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(imported)
}
