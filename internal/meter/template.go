package meter

import (
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/serin-dev/serin/internal/fault"
)

// Subject names the canary that is measured, in the words of a template.
type Subject struct {
	Name, Namespace string
	// Target is the name of the workload, Service that of the apex service.
	Target, Service string
	// Ingress and Route are the objects that carry the routes, where there are any.
	Ingress, Route string
}

// Vars are what the variables of one template stand for.
type Vars struct {
	Subject

	// Interval is the metric's interval as the user gave it.
	Interval string
	// Variables are the user's own: templateVariables in the manifest.
	Variables map[string]string
}

// Render fills the variables into a PromQL template. Values are escaped for the place where they stand, so no
// value can end the string it is in or change the query around it. Errors are fault.Invalid.
func Render(text string, v Vars) (string, error) {
	return fill(text, v, new(promQL))
}

// writer is where fill writes: the text of the template and the values that stand in it.
type writer interface {
	literal(text string)
	// value fails for a value that cannot stand where the text before it ends.
	value(name, value string) error
	String() string
}

// fill parses a template and writes it with its variables replaced. Only the parser of text/template is used:
// a template is a query with names in it and not a program, so everything else is refused with a sentence.
func fill(text string, v Vars, to writer) (string, error) {
	table := v.table()
	tree := parse.New("query")
	// Without it an unknown name would be an error of the parser, which does not know the names that exist.
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", map[string]*parse.Tree{}); err != nil {
		return "", fault.Errorf(fault.Invalid, "the template cannot be read: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	if tree.Root == nil {
		return "", fault.Errorf(fault.Invalid, "the query is empty")
	}
	for _, node := range tree.Root.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			to.literal(string(n.Text))
		case *parse.ActionNode:
			name, value, err := v.resolve(n, table)
			if err != nil {
				return "", err
			}
			if err := to.value(name, value); err != nil {
				return "", err
			}
		default:
			return "", unsupported(node)
		}
	}
	if strings.TrimSpace(to.String()) == "" {
		return "", fault.Errorf(fault.Invalid, "the query is empty")
	}
	return to.String(), nil
}

func (v Vars) table() map[string]string {
	return map[string]string{
		"name": v.Name, "namespace": v.Namespace, "target": v.Target, "service": v.Service,
		"ingress": v.Ingress, "route": v.Route, "interval": v.Interval,
	}
}

// resolve returns the name and the value of the variable in one pair of braces.
func (v Vars) resolve(n *parse.ActionNode, table map[string]string) (name, value string, err error) {
	if n.Pipe == nil || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Decl) != 0 {
		return "", "", unsupported(n)
	}
	args := n.Pipe.Cmds[0].Args
	if own, ok := ownVariable(args); ok {
		value, ok := v.Variables[own]
		if !ok {
			return "", "", unknown("variables."+own, v.Variables, "templateVariables has")
		}
		return "variables." + own, value, nil
	}
	if len(args) != 1 {
		return "", "", unsupported(n)
	}
	id, ok := args[0].(*parse.IdentifierNode)
	if !ok {
		return "", "", unsupported(n)
	}
	if value, ok = table[id.Ident]; !ok {
		return "", "", unknown(id.Ident, table, "there are variables.NAME and")
	}
	if value == "" {
		return "", "", fault.Errorf(fault.Invalid, "the variable %q is empty for this canary", id.Ident)
	}
	return id.Ident, value, nil
}

// ownVariable recognises variables.NAME and index variables "NAME".
func ownVariable(args []parse.Node) (string, bool) {
	if len(args) == 1 {
		chain, ok := args[0].(*parse.ChainNode)
		if ok && isIdent(chain.Node, "variables") && len(chain.Field) == 1 {
			return chain.Field[0], true
		}
		return "", false
	}
	if len(args) == 3 && isIdent(args[0], "index") && isIdent(args[1], "variables") {
		if s, ok := args[2].(*parse.StringNode); ok {
			return s.Text, true
		}
	}
	return "", false
}

func isIdent(n parse.Node, name string) bool {
	id, ok := n.(*parse.IdentifierNode)
	return ok && id.Ident == name
}

func unknown(name string, table map[string]string, there string) error {
	list := "none"
	if len(table) > 0 {
		list = strings.Join(slices.Sorted(maps.Keys(table)), ", ")
	}
	return fault.Errorf(fault.Invalid, "unknown variable %q; %s: %s", name, there, list)
}

func unsupported(n parse.Node) error {
	return fault.Errorf(fault.Invalid, "%s is not supported in a query: only {{ NAME }}, {{ variables.NAME }} and {{ index variables %q }} are",
		n, "NAME")
}
