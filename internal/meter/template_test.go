package meter_test

import (
	"strings"
	"testing"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/meter"
)

func vars() meter.Vars {
	return meter.Vars{
		Subject: meter.Subject{
			Name: "cart", Namespace: "shop", Target: "cart-app", Service: "cart-svc", Ingress: "cart-in", Route: "cart-route",
		},
		Interval:  "1m",
		Variables: map[string]string{"code": "5..", "with-dash": "x", "quote": `a"b`, "tick": "a`b", "line": "a\nb", "single": "a'b", "none": ""},
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want, reason string }{
		"all names": {
			`x{a="{{ name }}",b="{{ namespace }}",c="{{ target }}",d="{{ service }}",e="{{ ingress }}",f="{{route}}"}[{{ interval }}]`,
			`x{a="cart",b="shop",c="cart-app",d="cart-svc",e="cart-in",f="cart-route"}[1m]`,
			"every variable of the API has a value",
		},
		"own variables": {
			`x{code=~"{{ variables.code }}",y="{{ index variables "with-dash" }}"}`, `x{code=~"5..",y="x"}`,
			"both ways to write a variable of one's own work",
		},
		"double quotes":  {`x{a="{{ variables.quote }}"}`, `x{a="a\"b"}`, "a value cannot end its string"},
		"single quotes":  {`x{a='{{ variables.single }}'}`, `x{a='a\'b'}`, "a value cannot end its string"},
		"other quote":    {`x{a='{{ variables.quote }}'}`, `x{a='a"b'}`, "the other quote needs no escape and must not get one"},
		"new line":       {`x{a="{{ variables.line }}"}`, `x{a="a\nb"}`, "a string does not span lines"},
		"backticks":      {"x{a=`{{ variables.quote }}`}", "x{a=`a\"b`}", "nothing is escaped between backticks"},
		"escaped quote":  {`x{a="\"{{ variables.quote }}"}`, `x{a="\"a\"b"}`, "an escaped quote does not end the string"},
		"quote in other": {`x{a="it's {{ variables.quote }}"}`, `x{a="it's a\"b"}`, "a quote of another kind is text"},
		"no variables":   {`up == 1`, `up == 1`, "a query needs no variables"},
		"trimmed":        {"up{a=\"{{- name -}}\"}", `up{a="cart"}`, "trim markers of the template language work"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have, err := meter.Render(c.text, vars())
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			if have != c.want {
				t.Errorf("%s:\nwant %s\nhave %s", c.reason, c.want, have)
			}
		})
	}
}

func TestRenderKeepsCommentsOnTheirLine(t *testing.T) {
	t.Parallel()
	have, err := meter.Render("x # it's {{ variables.line }}\n+ y{a=\"{{ variables.quote }}\"}", vars())
	if err != nil {
		t.Fatal(err)
	}
	if want := "x # it's a b\n+ y{a=\"a\\\"b\"}"; have != want {
		t.Errorf("want %q, have %q", want, have)
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"an unknown name":            {`x{a="{{ title }}"}`, `unknown variable "title"; there are variables.NAME and: ingress, interval, name, namespace, route, service, target`},
		"an unknown own variable":    {`{{ variables.cdoe }}`, `unknown variable "variables.cdoe"; templateVariables has: code, line, none, quote, single, tick, with-dash`},
		"an unknown index":           {`{{ index variables "nope" }}`, `unknown variable "variables.nope"`},
		"text outside of quotes":     {`x{ {{ variables.quote }} }`, `the value of "variables.quote" stands outside of quotes`},
		"an operator":                {`x - {{ variables.none }}`, `stands outside of quotes`},
		"a backtick in backticks":    {"x{a=`{{ variables.tick }}`}", "has a backtick"},
		"a value after a backslash":  {`x{a="\{{ name }}"}`, "right after a backslash"},
		"a condition":                {`{{ if name }}x{{ end }}`, "is not supported"},
		"a pipeline":                 {`{{ name | printf "%s" }}`, "is not supported"},
		"a function with arguments":  {`{{ printf "%s" name }}`, "is not supported"},
		"a declaration":              {`{{ $x := name }}`, "is not supported"},
		"a field":                    {`{{ .Name }}`, "is not supported"},
		"variables without a name":   {`{{ variables }}`, `unknown variable "variables"`},
		"a template that is not one": {`x{a="{{ name "}`, "the template cannot be read"},
		"nothing":                    {" \n", "the query is empty"},
	}
	for reason, c := range cases {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			have, err := meter.Render(c.text, vars())
			if err == nil {
				t.Fatalf("want an error, have %s", have)
			}
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want Invalid with %q, have %q: %v", c.want, fault.KindOf(err), err)
			}
		})
	}
}

func TestRenderRefusesEmptyNames(t *testing.T) {
	t.Parallel()
	_, err := meter.Render(`x{a="{{ ingress }}"}`, meter.Vars{})
	if err == nil || !strings.Contains(err.Error(), `the variable "ingress" is empty`) {
		t.Errorf("a canary without an ingress must not match every series without one, have %v", err)
	}
}

func TestRenderOutsideOfQuotes(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		"1m30s": true, "0.99": true, "-1e3": true, "metric_name:sum": true, "pod,node": true, "+Inf": true,
		"a-b": false, "a b": false, "a)": false, "{}": false, "a#": false, "a+b": false, "": false, "é": false,
	}
	for value, ok := range cases {
		_, err := meter.Render(`x > {{ variables.v }}`, meter.Vars{Variables: map[string]string{"v": value}})
		if (err == nil) != ok {
			t.Errorf("%q: want accepted %t, have %v", value, ok, err)
		}
	}
}
