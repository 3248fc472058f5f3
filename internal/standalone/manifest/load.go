package manifest

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
)

// DefaultNamespace is the namespace of objects that name none.
const DefaultNamespace = metav1.NamespaceDefault

// Load reads every manifest in the directory and below it. The error is of the type Problems and names every mistake;
// there is no Set then, so that a daemon keeps what it has. Names of files and directories that begin with a dot are
// left out. A link to a file is followed, a link to a directory is not.
func Load(dir string) (*Set, error) { return load(dir, defaultLimits()) }

func load(dir string, l limits) (*Set, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, Problems{{Message: fmt.Sprintf("the directory %s cannot be found: %s", dir, reason(err))}}
	}
	r := newReader(absolute, l)
	r.files()
	return r.set()
}

// Key names an object of a kind that is known from the context.
type Key struct{ Namespace, Name string }

// String returns NAMESPACE/NAME.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// identity names an object.
type identity struct {
	Key

	kind string
}

// thing is one object as it was written and as it was understood.
type thing struct {
	identity

	file string
	root *node
	// value is the object as a type of the API.
	value any
	// data is the content of a ConfigMap or of a Secret.
	data map[string][]byte
}

// reader turns a directory into a Set.
type reader struct {
	dir    string
	limits limits
	shapes shapes

	problems, warnings journal
	// objects are those without a mistake of their own, seen are all that were named.
	objects map[identity]*thing
	seen    map[identity]bool
	// count and values are how many objects and values there were so far.
	count, values int
	// whole means that every file could be parsed, so that what is missing is really missing.
	whole bool
}

func newReader(dir string, l limits) *reader {
	return &reader{
		dir: dir, limits: l, whole: true,
		problems: journal{limit: l.problems}, warnings: journal{limit: l.problems},
		objects: map[identity]*thing{}, seen: map[identity]bool{},
	}
}

// set returns what was read, or everything that is wrong with it.
func (r *reader) set() (*Set, error) {
	s := r.resolve()
	if found := r.problems.sorted(); len(found) > 0 {
		return nil, Problems(found)
	}
	s.warnings = r.warnings.sorted()
	return s, nil
}

func (r *reader) files() {
	found := walk(r.dir, r.limits)
	for _, p := range found.problems {
		r.whole = false
		r.problems.add(p)
	}
	for _, p := range found.warnings {
		r.warnings.add(p)
	}
	left := r.limits.totalSize
	for _, f := range found.files {
		data, wrong := read(r.dir, f, r.limits.fileSize)
		if left -= int64(len(data)); left < 0 {
			r.whole = false
			r.problems.add(Problem{Message: fmt.Sprintf("the manifests have more than %d MiB together", r.limits.totalSize>>20)})
			return
		}
		if wrong != "" {
			r.whole = false
			r.problems.add(Problem{File: f.name, Message: wrong})
			continue
		}
		r.file(f.name, data)
	}
}

func (r *reader) file(name string, data []byte) {
	before := min(r.limits.values, r.limits.allValues-r.values)
	p := parser{left: before, depth: r.limits.nesting}
	docs, m := p.parse(data, path.Ext(name) == ".json")
	r.values += before - p.left
	if m != nil {
		r.whole = false
		r.problems.add(Problem{File: name, Line: m.line, Message: m.message})
	}
	for _, doc := range docs {
		r.document(name, doc)
	}
}

// document reads one document, or one entry of a List.
func (r *reader) document(file string, root *node) {
	t := &thing{file: file, root: root}
	if root.kind != object {
		r.whole = false
		r.wrong(t, mistake{line: root.line, message: fmt.Sprintf("expected an object, got %s: a manifest has apiVersion, kind and metadata", root.kind)})
		return
	}
	apiVersion := root.string("apiVersion")
	t.kind = root.string("kind")
	t.Name = root.get("metadata").string("name")
	t.Namespace = cmp.Or(root.get("metadata").string("namespace"), DefaultNamespace)
	if wrong := unnamed(root, apiVersion, t.kind); wrong != nil {
		r.whole = false
		t.kind = ""
		r.wrong(t, *wrong)
		return
	}
	v := judge(apiVersion, t.kind)
	switch {
	case v.wrong != "":
		r.whole = false
		t.kind = ""
		r.wrong(t, mistake{line: root.lineOf(v.field), field: v.field, message: v.wrong})
	case v.ignored != "":
		r.warn(t, mistake{line: root.line, message: v.ignored})
	case t.kind == listKind:
		r.list(t)
	default:
		r.object(t)
	}
}

// unnamed says what keeps a document from having a kind.
func unnamed(root *node, apiVersion, kind string) *mistake {
	switch {
	case root.get("apiVersion") == nil && root.get("kind") == nil:
		return mistakef(root.line, "this is no manifest, since it has neither apiVersion nor kind: move the file out of the directory, or into one whose name begins with a dot")
	case apiVersion == "":
		return &mistake{line: root.lineOf("apiVersion"), field: "apiVersion", message: "the field is missing: write the group and version of the object, such as apps/v1"}
	case kind == "":
		return &mistake{line: root.lineOf("kind"), field: "kind", message: "the field is missing: write one of " + strings.Join(kinds(), ", ")}
	default:
		return nil
	}
}

func (r *reader) list(t *thing) {
	items := t.root.get("items")
	if items == nil || items.kind != list {
		r.wrong(t, mistake{line: t.root.lineOf("items"), field: "items", message: "expected a list of objects"})
		return
	}
	for _, item := range items.items {
		r.document(t.file, item)
	}
}

// object reads an object of a known kind.
func (r *reader) object(t *thing) {
	r.count++
	if r.count > r.limits.objects {
		if r.count == r.limits.objects+1 {
			r.problems.add(Problem{File: t.file, Line: t.root.line, Message: fmt.Sprintf("there are more than %d objects", r.limits.objects)})
		}
		return
	}
	r.seen[t.identity] = true
	t.value = blank(t.kind)
	c := checker{shapes: &r.shapes, private: t.kind == secretKind}
	c.value(t.root, reflect.TypeOf(t.value), "", t.root.line)
	c.metadata(t)
	if len(c.found) == 0 {
		c.decode(t)
	}
	if len(c.found) == 0 {
		r.understand(t, &c)
	}
	for _, m := range c.found {
		r.wrong(t, m)
	}
	if first, twice := r.objects[t.identity]; twice {
		r.wrong(t, mistake{line: t.root.line, message: fmt.Sprintf("%s %s is in %s:%d too: remove one of them", t.kind, t.Key, first.file, first.root.line)})
		return
	}
	if len(c.found) == 0 {
		r.objects[t.identity] = t
	}
}

// blank returns a pointer to an empty object of a known kind.
func blank(kind string) any {
	switch kind {
	case deploymentKind:
		return &appsv1.Deployment{}
	case configMapKind:
		return &corev1.ConfigMap{}
	case secretKind:
		return &corev1.Secret{}
	case v1beta1.MetricTemplateKind:
		return &v1beta1.MetricTemplate{}
	case v1beta1.AlertProviderKind:
		return &v1beta1.AlertProvider{}
	default:
		return &v1beta1.Canary{}
	}
}

// decode fills the value. What the check let through is decoded strictly all the same.
func (c *checker) decode(t *thing) {
	strict, err := json.UnmarshalStrict(t.root.canonical(nil), t.value)
	if err != nil || len(strict) > 0 {
		c.addf(t.root.line, "", "the object cannot be read: compare it with the documentation of its kind")
		return
	}
	if m, ok := t.value.(metav1.Object); ok {
		m.SetNamespace(t.Namespace)
	}
}

// understand checks what an object says by itself, without looking at others.
func (r *reader) understand(t *thing, c *checker) {
	switch v := t.value.(type) {
	case *corev1.ConfigMap:
		r.ignoreOthers(t, "data.*", "binaryData.*")
		r.lintTracking(t)
		t.data = c.configData(t.root, v.BinaryData, v.Data)
	case *corev1.Secret:
		r.ignoreOthers(t, "data.*", "stringData.*", "type")
		r.lintTracking(t)
		t.data = c.secretData(t.root, v.Data, v.StringData)
	case *appsv1.Deployment:
		r.ignoreOthers(t, deploymentFields()...)
		c.deployment(t.root, v)
	case *v1beta1.Canary:
		r.ignoreOthers(t, "spec.*")
		c.adopt(t.root, canaryspec.Validate(v))
		c.target(t.root, v)
	case *v1beta1.MetricTemplate:
		r.ignoreOthers(t, "spec.*")
		c.adopt(t.root, canaryspec.ValidateMetricTemplate(v))
	case *v1beta1.AlertProvider:
		r.ignoreOthers(t, "spec.*")
		c.adopt(t.root, canaryspec.ValidateAlertProvider(v))
	}
}

// adopt gives the problems of an object their lines.
func (c *checker) adopt(root *node, problems canaryspec.Problems) {
	for _, p := range problems {
		c.addf(root.lineOf(p.Field), p.Field, "%s", p.Message)
	}
}

// metadata checks the name of an object.
func (c *checker) metadata(t *thing) {
	m := t.root.get("metadata")
	if m == nil {
		c.addf(t.root.line, "metadata", "the field is missing: write metadata with the name of the object")
		return
	}
	if m.kind != object {
		return
	}
	switch name := m.get("name"); {
	case m.get("generateName") != nil:
		c.addf(m.lineOf("generateName"), "metadata.generateName", "names are not made up here: write name")
	case name == nil, name.kind == text && name.text == "":
		c.addf(m.line, "metadata.name", "the field is missing: write the name of the object")
	case name.kind == text:
		c.name(t, name.line)
	}
	if !canaryspec.IsLabel(t.Namespace) {
		c.addf(m.lineOf("namespace"), "metadata.namespace", notLabel, quoted(t.Namespace))
	}
}

const notLabel = "%s is no DNS label: write at most 63 lower-case letters, digits and hyphens, beginning and ending with a letter or a digit"

func (c *checker) name(t *thing, line int) {
	// Nobody makes hosts or files of the names of configs, and those of many tools have dots.
	dots := t.kind == configMapKind || t.kind == secretKind
	switch {
	case dots && !subdomain(t.Name):
		c.addf(line, "metadata.name", "%s is no DNS name: write lower-case letters, digits, hyphens and dots", quoted(t.Name))
	case !dots && !canaryspec.IsLabel(t.Name):
		c.addf(line, "metadata.name", notLabel, quoted(t.Name))
	}
}

// subdomain says whether a name is made of DNS labels and dots.
func subdomain(name string) bool {
	return len(name) <= 253 && !slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return !canaryspec.IsLabel(label) })
}

func (r *reader) problem(t *thing, m mistake) Problem {
	p := Problem{File: t.file, Line: m.line, Kind: t.kind, Name: t.Name, Field: m.field, Message: m.message}
	if t.kind != "" && t.Name != "" {
		p.Namespace = t.Namespace
	}
	if len(p.Name) > 253 || strings.ContainsFunc(p.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		p.Name = quoted(p.Name)
	}
	return p
}

func (r *reader) wrong(t *thing, m mistake) { r.problems.add(r.problem(t, m)) }

func (r *reader) warn(t *thing, m mistake) { r.warnings.add(r.problem(t, m)) }
