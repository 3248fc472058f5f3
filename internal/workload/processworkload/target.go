package processworkload

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

// Target is what the user wants to run: a Deployment in plain values.
type Target struct {
	Namespace string
	Name      string
	Replicas  int
	// Revision identifies Template with all that it resolved to. The same revision always means the same template.
	Revision string
	Template Template
	// Plain means that no canary looks after the target: its pods follow each new revision by rolling replacement.
	Plain bool
}

// Template is how a pod is run.
type Template struct {
	// Command and Args are one command line. $(NAME) in them stands for a variable, as on Kubernetes.
	Command []string `json:"command"`
	Args    []string `json:"args,omitempty"`
	// Env are the variables, in order; a value may refer to earlier ones and to the ports by $(NAME).
	Env []Variable `json:"env,omitempty"`
	// Dir is the working directory; empty means Serin's own.
	Dir string `json:"dir,omitempty"`
	// Ports get a free loopback port each. The first is $PORT, a named one is $PORT_<NAME> too.
	Ports     []Port `json:"ports,omitempty"`
	Readiness Probe  `json:"readiness,omitzero"`
	// Grace is how long a pod may take to end after SIGTERM. Default 30 s.
	Grace time.Duration `json:"grace,omitempty"`
	// Recreate ends all old pods before new ones start.
	Recreate bool `json:"recreate,omitempty"`
}

// Variable is one variable of the environment.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Secret means that Value came from a Secret: it appears in no log, error or answer of Serin.
	Secret bool `json:"secret,omitempty"`
}

// Port is a port that the program listens on.
type Port struct {
	Name string `json:"name,omitempty"`
	// Number is the port as the manifest has it. The program gets another one, in its environment.
	Number int `json:"number,omitempty"`
}

// Probe asks a pod whether it is ready. At most one of HTTP, TCP and Exec is set. With none a pod is ready
// when something listens on its first port or, without ports, when it runs.
type Probe struct {
	HTTP *HTTPProbe `json:"http,omitempty"`
	TCP  *TCPProbe  `json:"tcp,omitempty"`
	Exec []string   `json:"exec,omitempty"`

	InitialDelay time.Duration `json:"initialDelay,omitempty"`
	// Period is the time between two probes of a ready pod. Default 10 s. A pod that is not ready yet is probed more often.
	Period time.Duration `json:"period,omitempty"`
	// Timeout bounds one probe. Default 1 s.
	Timeout time.Duration `json:"timeout,omitempty"`
	// SuccessThreshold and FailureThreshold are how many probes in a row change what is known. Default 1 and 3.
	SuccessThreshold int `json:"successThreshold,omitempty"`
	FailureThreshold int `json:"failureThreshold,omitempty"`

	// running means that a pod without a probe need not listen on its port: the manifest names no port.
	running bool
}

// HTTPProbe is ready with an answer from 200 to 399.
type HTTPProbe struct {
	Path string `json:"path,omitempty"`
	Port Port   `json:"port,omitzero"`
}

// TCPProbe is ready when the port accepts a connection.
type TCPProbe struct {
	Port Port `json:"port,omitzero"`
}

// Validate says why a target cannot be run, in the words of its manifest.
func (t *Target) Validate() error {
	switch {
	case !plainName(t.Namespace) || !plainName(t.Name):
		return fault.Errorf(fault.Invalid, "%q/%q is not a namespace and a name", t.Namespace, t.Name)
	case len(t.Name) > maxName:
		return fault.Errorf(fault.Invalid, "%s: the name is longer than %d characters, so its logs would have no name", t.key(), maxName)
	case t.Revision == "":
		return fault.Errorf(fault.Invalid, "%s: the revision is empty", t.key())
	case t.Replicas < 0:
		return fault.Errorf(fault.Invalid, "%s: replicas is negative", t.key())
	}
	if err := t.Template.validate(); err != nil {
		return fault.Errorf(fault.Invalid, "%s: %w", t.key(), err)
	}
	return nil
}

// maxName leaves room for what the names of pods and of their logs add.
const maxName = 200

// plainName says whether a name can be part of a path as it is.
func plainName(name string) bool {
	return name != "" && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\x00")
}

func (t *Template) validate() error {
	if len(t.Command) == 0 || t.Command[0] == "" {
		return fault.Errorf(fault.Invalid, "command is empty: without container images it says which program to run")
	}
	for _, v := range t.Env {
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") {
			return fault.Errorf(fault.Invalid, "env has a variable with the name %q", v.Name)
		}
		if strings.Contains(v.Value, "\x00") {
			return fault.Errorf(fault.Invalid, "env %s has a NUL byte", v.Name)
		}
	}
	for _, word := range slices.Concat(t.Command, t.Args) {
		if strings.Contains(word, "\x00") {
			return fault.Errorf(fault.Invalid, "command or args has a NUL byte")
		}
	}
	if t.Grace < 0 {
		return fault.Errorf(fault.Invalid, "terminationGracePeriodSeconds is negative")
	}
	return t.Readiness.validate(t.Ports)
}

func (p *Probe) validate(ports []Port) error {
	kinds := 0
	for _, set := range []bool{p.HTTP != nil, p.TCP != nil, len(p.Exec) > 0} {
		if set {
			kinds++
		}
	}
	if kinds > 1 {
		return fault.Errorf(fault.Invalid, "readinessProbe has more than one of httpGet, tcpSocket and exec")
	}
	if min(p.InitialDelay, p.Period, p.Timeout) < 0 || min(p.SuccessThreshold, p.FailureThreshold) < 0 {
		return fault.Errorf(fault.Invalid, "readinessProbe has a negative number")
	}
	asked := Port{}
	switch {
	case p.HTTP != nil:
		asked = p.HTTP.Port
	case p.TCP != nil:
		asked = p.TCP.Port
	}
	if portIndex(ports, asked) < 0 {
		return fault.Errorf(fault.Invalid, "readinessProbe asks for port %s, which is not among the ports", asked)
	}
	return nil
}

// String returns the port as a manifest refers to it.
func (p Port) String() string {
	if p.Name != "" {
		return p.Name
	}
	return strconv.Itoa(p.Number)
}

// portIndex returns which port is meant: by name, by number, or the first for an empty one. It is -1 for none.
func portIndex(ports []Port, asked Port) int {
	if asked == (Port{}) {
		return 0
	}
	return slices.IndexFunc(ports, func(p Port) bool {
		if asked.Name != "" {
			return p.Name == asked.Name
		}
		return p.Number == asked.Number
	})
}

// withDefaults returns a copy with what is zero filled in.
func (t *Template) withDefaults() Template {
	full := *t
	if full.Grace == 0 {
		full.Grace = 30 * time.Second
	}
	p := &full.Readiness
	if len(full.Ports) == 0 {
		// Every pod has a $PORT, for programs whose manifest names none.
		full.Ports = []Port{{}}
		p.running = p.HTTP == nil && p.TCP == nil && len(p.Exec) == 0
	}
	p.Period = orElse(p.Period, 10*time.Second)
	p.Timeout = orElse(p.Timeout, time.Second)
	p.SuccessThreshold = orElse(p.SuccessThreshold, 1)
	p.FailureThreshold = orElse(p.FailureThreshold, 3)
	return full
}

// secrets returns the values that must not be shown.
func (t *Template) secrets() []string {
	values := map[string]bool{}
	for _, v := range t.Env {
		if !v.Secret {
			continue
		}
		// The program sees the value expanded: $$ in it stands for one $.
		for _, value := range []string{v.Value, expand(v.Value, nil)} {
			values[value] = true
			for line := range strings.Lines(value) {
				values[strings.TrimSpace(line)] = true
			}
		}
	}
	delete(values, "")
	// The longest first, so that no part of one is left over when a shorter one is cut out of it.
	return slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
}

// redact cuts secret values out of a text.
func redact(text string, secrets []string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

func (t *Target) key() Key { return Key{t.Namespace, t.Name} }

// Key names a target.
type Key struct{ Namespace, Name string }

// String returns NAMESPACE/NAME.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

func orElse[T int | time.Duration](v, or T) T {
	if v == 0 {
		return or
	}
	return v
}
