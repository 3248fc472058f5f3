package depcheck

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// families are the packages with a portable type, a Driver and one folder per driver.
var families = []string{ //nolint:gochecknoglobals // Go has no constant lists.
	"internal/gate", "internal/meter", "internal/notify", "internal/router", "internal/workload",
}

// core lists, for each package of the core, what of this module it may import.
var core = map[string][]string{ //nolint:gochecknoglobals // as above.
	"internal/fault":    nil,
	"internal/analysis": {"internal/fault"},
	"internal/rollout":  {"internal/fault", "internal/analysis"},
}

// values are the packages of the standard library that only compute.
var values = []string{ //nolint:gochecknoglobals // as above.
	"bytes", "cmp", "container/heap", "crypto/sha256", "encoding/hex", "encoding/json", "errors", "fmt", "hash/fnv",
	"iter", "maps", "math", "math/bits", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// clocks are the functions that make a result depend on when it is computed.
var clocks = []string{ //nolint:gochecknoglobals // as above.
	"time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Tick", "time.Sleep",
	"time.NewTimer", "time.NewTicker",
}

// rule says in a sentence why a file may not import what it imports, or nothing. dependency is relative to the
// repository for packages of this module.
type rule func(f File, dependency string, local bool) string

// Imports says where files import what they must not. Tests may import what they need; only their package's own
// code is held to the layers.
func Imports(files []File) []string {
	rules := []rule{coreIsPure, engineKnowsTheCore, driversKnowTheirFamily, machineNeedsNoCluster, listsAreForCommands}
	var problems []string
	for _, f := range files {
		if f.Test {
			continue
		}
		for _, imported := range f.Imports {
			dependency, local := strings.CutPrefix(imported, Module+"/")
			for _, r := range rules {
				if why := r(f, dependency, local); why != "" {
					problems = append(problems, fmt.Sprintf("%s imports %s: %s", f.Path, imported, why))
				}
			}
		}
	}
	return problems
}

// Clocks says where the core looks at a clock or waits.
func Clocks(files []File) []string {
	var problems []string
	for _, f := range files {
		if _, pure := core[f.Package()]; !pure || f.Test {
			continue
		}
		for _, c := range clocks {
			if f.Uses(c) {
				problems = append(problems, fmt.Sprintf("%s uses %s: time is data in the core", f.Path, c))
			}
		}
	}
	return problems
}

func coreIsPure(f File, dependency string, local bool) string {
	allowed, pure := core[f.Package()]
	switch {
	case !pure:
		return ""
	case local && !slices.Contains(allowed, dependency):
		return "the core stands on itself"
	case !local && f.Package() == "internal/fault" && dependency == "context":
		return "" // It classifies the errors of ended contexts.
	case !local && !slices.Contains(values, dependency):
		return "the core only computes"
	default:
		return ""
	}
}

func engineKnowsTheCore(f File, dependency string, local bool) string {
	if f.Package() != "internal/engine" || !local {
		return ""
	}
	if _, pure := core[dependency]; pure || strings.HasPrefix(dependency, "internal/engine/") {
		return ""
	}
	return "the engine knows the core and its own ports"
}

func driversKnowTheirFamily(f File, dependency string, local bool) string {
	family := familyOf(f.Package())
	if family == "" || !local {
		return ""
	}
	if other := familyOf(dependency); other != "" && other != family {
		return "families do not know each other"
	}
	switch top(dependency) {
	case "internal/engine", "internal/standalone", "internal/kube", "internal/cli", "internal/httpapi",
		"internal/drivers", "internal/sim", "internal/demo":
		return "drivers do not know who uses them"
	default:
		return ""
	}
}

func machineNeedsNoCluster(f File, dependency string, local bool) string {
	if local || !f.In("internal/standalone") && !f.In("internal/xds") && !f.In("internal/proxy") {
		return ""
	}
	if strings.HasPrefix(dependency, "k8s.io/client-go") || strings.HasPrefix(dependency, "sigs.k8s.io/controller-runtime") {
		return "one machine has no cluster to talk to"
	}
	return ""
}

func listsAreForCommands(f File, dependency string, local bool) string {
	if local && top(dependency) == "internal/drivers" && !f.In("cmd") && !f.In("internal/drivers") {
		return "only cmd sees the lists of drivers"
	}
	return ""
}

// familyOf returns the family that a package belongs to, or nothing.
func familyOf(pkg string) string {
	if t := top(pkg); slices.Contains(families, t) {
		return t
	}
	return ""
}

// top cuts a package's path to its first two elements.
func top(pkg string) string {
	for strings.Count(pkg, "/") > 1 {
		pkg = path.Dir(pkg)
	}
	return pkg
}
