package depcheck

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxLines is how long a file may be that people write and read.
const maxLines = 400

// Sizes says which files are too long to be read in one go.
func Sizes(files []File) []string {
	var problems []string
	for _, f := range files {
		if !f.Generated && f.Lines > maxLines {
			problems = append(problems, fmt.Sprintf("%s has %d lines, the limit is %d", f.Path, f.Lines, maxLines))
		}
	}
	return problems
}

// Sleeps says which tests wait for the wall clock. Inside a synctest bubble a sleep is virtual, and welcome.
func Sleeps(files []File) []string {
	var problems []string
	for _, f := range files {
		if f.Test && f.Uses("time.Sleep") && !slices.Contains(f.Imports, "testing/synctest") {
			problems = append(problems, f.Path+" sleeps: wait for a condition, or use synctest")
		}
	}
	return problems
}

// Conformance says which drivers are not held to the laws of their family. A driver's package ends in the name of the
// family, like memrouter; what is named otherwise serves several of them.
func Conformance(files []File) []string {
	drivers := map[string]bool{} // Whether the driver has a TestConformance.
	for _, f := range files {
		pkg := f.Package()
		family := familyOf(pkg)
		if family == "" || path.Dir(pkg) != family || !strings.HasSuffix(pkg, path.Base(family)) {
			continue
		}
		drivers[pkg] = drivers[pkg] || f.Test && slices.Contains(f.Funcs, "TestConformance")
	}
	var problems []string
	for pkg, held := range drivers {
		if !held {
			problems = append(problems, pkg+" has no TestConformance")
		}
	}
	slices.Sort(problems)
	return problems
}

// Inits says which packages do something before anybody asked them to.
func Inits(files []File) []string {
	var problems []string
	for _, f := range files {
		if !f.Generated && slices.Contains(f.Funcs, "init") {
			problems = append(problems, f.Path+" has an init function")
		}
	}
	return problems
}

// named matches a package's path in a document.
var named = regexp.MustCompile(`\b(?:internal|cmd|api|test)/[a-z0-9_/]*[a-z0-9]`)

// Documented says where a document names packages that do not exist, and which packages it leaves out. A package
// below a named one counts as named.
func Documented(document string, files []File) []string {
	exists, names := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		for dir := f.Package(); dir != "."; dir = path.Dir(dir) {
			exists[dir] = true
		}
	}
	var problems []string
	for _, name := range named.FindAllString(document, -1) {
		if !names[name] && !exists[name] {
			problems = append(problems, "it names "+name+", which does not exist")
		}
		names[name] = true
	}
	left := map[string]bool{}
	for _, f := range files {
		if pkg := unnamed(f.Package(), names); pkg != "" && !left[pkg] {
			left[pkg] = true
			problems = append(problems, "it does not name "+pkg)
		}
	}
	return problems
}

// unnamed returns what a document should have named for a package, or nothing: the package itself where others of its
// folder are named one by one, else the folder.
func unnamed(pkg string, names map[string]bool) string {
	folder := top(pkg)
	if !strings.Contains(folder, "/") {
		return ""
	}
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if names[dir] {
			return ""
		}
	}
	for name := range names {
		if strings.HasPrefix(name, folder+"/") {
			return pkg
		}
	}
	return folder
}
