package processworkload

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/serin-dev/serin/internal/fault"
)

// inherited are the variables that a pod gets from Serin: what a program needs to run at all. The rest of Serin's
// environment may hold Serin's own secrets.
func inherited() []string {
	return []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"}
}

// markName is the variable by which a pod's processes are found again when nothing else is known of them.
const markName = "SERIN_POD"

// PodName is the variable that every pod finds its own name in. A value of the template may refer to it.
const PodName = "SERIN_POD_NAME"

// launch is a command ready to be started.
type launch struct {
	path string
	argv []string
	env  []string
	dir  string
}

// searchPath returns the PATH of the pod.
func (l *launch) searchPath() string {
	for _, v := range l.env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			return value
		}
	}
	return ""
}

// launchOf resolves a template for one pod. The launch has its environment even where the program is missing.
func launchOf(t *Template, ports []int, mark string) (*launch, error) {
	values := map[string]string{}
	var names []string
	set := func(name, value string) {
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, name := range inherited() {
		if value, ok := os.LookupEnv(name); ok {
			set(name, value)
		}
	}
	own := portVariables(t.Ports, ports)
	own = append(own, Variable{Name: markName, Value: mark}, Variable{Name: PodName, Value: mark[strings.LastIndexByte(mark, '/')+1:]})
	for _, v := range own {
		set(v.Name, v.Value)
	}
	reserved := len(names) - len(own)
	for _, v := range t.Env {
		// What Serin decides, such as the port, no manifest can change.
		if !slices.Contains(names[reserved:reserved+len(own)], v.Name) {
			set(v.Name, expand(v.Value, values))
		}
	}
	l := &launch{dir: t.Dir}
	for _, word := range slices.Concat(t.Command, t.Args) {
		l.argv = append(l.argv, expand(word, values))
	}
	for _, name := range names {
		l.env = append(l.env, name+"="+values[name])
	}
	var err error
	l.path, err = lookPath(l.argv[0], values["PATH"], t.Dir)
	return l, err
}

// portVariables returns $PORT and one $PORT_<NAME> for each named port.
func portVariables(declared []Port, ports []int) []Variable {
	var vars []Variable
	for i, number := range ports {
		value := strconv.Itoa(number)
		if i == 0 {
			vars = append(vars, Variable{Name: "PORT", Value: value})
		}
		if name := declared[i].Name; name != "" {
			name = strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			vars = append(vars, Variable{Name: "PORT_" + name, Value: value})
		}
	}
	return vars
}

// expand replaces $(NAME) by its value and $$ by $. A name that nobody set stays as it is written.
func expand(text string, values map[string]string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		end := strings.IndexByte(text, ')')
		switch {
		case text[1] == '$':
			b.WriteByte('$')
			text = text[2:]
		case text[1] == '(' && end > 0:
			if value, ok := values[text[2:end]]; ok {
				b.WriteString(value)
			} else {
				b.WriteString(text[:end+1])
			}
			text = text[end+1:]
		default:
			b.WriteByte('$')
			text = text[1:]
		}
	}
}

// lookPath finds a program as the pod would: on the pod's own PATH and from its own directory.
func lookPath(name, path, dir string) (string, error) {
	if strings.Contains(name, "/") {
		full := name
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, name)
		}
		if err := executable(full); err != nil {
			return "", err
		}
		// A relative name is resolved after the change into dir, so it is handed on as it is.
		return name, nil
	}
	for _, where := range filepath.SplitList(path) {
		if !filepath.IsAbs(where) {
			continue
		}
		if full := filepath.Join(where, name); executable(full) == nil {
			return full, nil
		}
	}
	return "", fault.Errorf(fault.Invalid, "no program %s on PATH", name)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.Errorf(fault.Invalid, "no program %s", path)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fault.Errorf(fault.Invalid, "%s is not executable", path)
	default:
		return nil
	}
}
