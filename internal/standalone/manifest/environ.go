package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/serin-dev/serin/internal/workload/processworkload"
)

// maxVariables bounds the environment of one container.
const maxVariables = 2000

// environment resolves the variables of one container with the objects that they refer to.
type environment struct {
	reader *reader
	of     *thing
	pod    *corev1.PodTemplateSpec
	made   []processworkload.Variable
}

// variables returns the environment of a container, in the order in which a later one wins.
func (r *reader) variables(t *thing, pod *corev1.PodTemplateSpec) []processworkload.Variable {
	e := environment{reader: r, of: t, pod: pod}
	k := &pod.Spec.Containers[0]
	for i := range k.EnvFrom {
		e.all(&k.EnvFrom[i], fmt.Sprintf("%s.envFrom[%d]", containerPath, i))
	}
	lines := map[string]int{}
	for i := range k.Env {
		v, field := &k.Env[i], fmt.Sprintf("%s.env[%d]", containerPath, i)
		e.one(v, field)
		if first, twice := lines[v.Name]; twice {
			e.warnf(field+".name", "variable %s is there twice, first in line %d: the last one wins", quoted(v.Name), first)
		}
		lines[v.Name] = t.root.lineOf(field + ".name")
		if ownVariable(v.Name, k.Ports) {
			e.warnf(field+".name", "Serin sets %s to the port on which the program has to listen: this value is ignored", v.Name)
		}
	}
	if len(e.made) > maxVariables {
		e.wrongf(containerPath+".env", "there are %d variables: the limit is %d", len(e.made), maxVariables)
	}
	return e.made
}

// ownVariable says whether a variable is one by which a program learns its ports.
func ownVariable(name string, ports []corev1.ContainerPort) bool {
	return name == "PORT" || slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool {
		return p.Name != "" && name == "PORT_"+strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))
	})
}

func (e *environment) wrongf(field, format string, args ...any) {
	e.reader.wrong(e.of, mistake{line: e.of.root.lineOf(field), field: field, message: fmt.Sprintf(format, args...)})
}

func (e *environment) warnf(field, format string, args ...any) {
	e.reader.warn(e.of, mistake{line: e.of.root.lineOf(field), field: field, message: fmt.Sprintf(format, args...)})
}

// all adds every key of a ConfigMap or a Secret.
func (e *environment) all(from *corev1.EnvFromSource, field string) {
	var kind, name, part string
	var optional bool
	switch {
	case (from.ConfigMapRef == nil) == (from.SecretRef == nil):
		e.wrongf(field, "write exactly one of configMapRef and secretRef")
		return
	case from.ConfigMapRef != nil:
		kind, name, part = configMapKind, from.ConfigMapRef.Name, ".configMapRef"
		optional = yes(from.ConfigMapRef.Optional)
	default:
		kind, name, part = secretKind, from.SecretRef.Name, ".secretRef"
		optional = yes(from.SecretRef.Optional)
	}
	if strings.ContainsAny(from.Prefix, "=\x00") {
		e.wrongf(field+".prefix", "%s cannot begin the name of a variable", quoted(from.Prefix))
		return
	}
	config := e.config(kind, name, field+part+".name", optional)
	if config == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(config.data)) {
		e.literal(from.Prefix+key, config, key, field+part)
	}
}

// config finds a ConfigMap or a Secret, and reports it where it has to be there and is not.
func (e *environment) config(kind, name, field string, optional bool) *thing {
	if name == "" {
		e.wrongf(field, "the field is missing: write the name of the %s", kind)
		return nil
	}
	id := identity{kind: kind, Key: Key{e.of.Namespace, name}}
	if found := e.reader.objects[id]; found != nil {
		return found
	}
	if !optional && e.reader.missing(id) {
		e.wrongf(field, "there is no %s %s in namespace %s: add it, or write optional: true%s", kind, quoted(name), e.of.Namespace, e.reader.similar(id))
	}
	return nil
}

// literal adds a variable whose value is taken as it is.
func (e *environment) literal(name string, config *thing, key, field string) {
	value := config.data[key]
	if bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value) {
		e.wrongf(field, "key %s of %s %s is no text: a variable cannot hold it", quoted(key), config.kind, quoted(config.Name))
		return
	}
	e.made = append(e.made, processworkload.Variable{Name: name, Value: asWritten(string(value)), Secret: config.kind == secretKind})
}

// asWritten protects a value from the replacement of $(NAME), which is for values of the manifest only.
func asWritten(value string) string {
	if strings.Contains(value, "$(") || strings.Contains(value, "$$") {
		return strings.ReplaceAll(value, "$", "$$")
	}
	return value
}

// one adds a single variable.
func (e *environment) one(v *corev1.EnvVar, field string) {
	switch {
	case v.Name == "":
		e.wrongf(field+".name", "the field is missing: write the name of the variable")
	case strings.ContainsAny(v.Name, "=\x00"):
		e.wrongf(field+".name", "%s is no name of a variable: it must not have =", quoted(v.Name))
	case v.ValueFrom != nil && v.Value != "":
		e.wrongf(field, "the variable has both value and valueFrom: remove one of them")
	case v.ValueFrom != nil:
		e.from(v, field+".valueFrom")
	case strings.Contains(v.Value, "\x00"):
		e.wrongf(field+".value", "the value has a NUL byte: a variable cannot hold it")
	default:
		e.made = append(e.made, processworkload.Variable{Name: v.Name, Value: v.Value})
	}
}

func (e *environment) from(v *corev1.EnvVar, field string) {
	s := v.ValueFrom
	given := 0
	for _, set := range []bool{s.ConfigMapKeyRef != nil, s.SecretKeyRef != nil, s.FieldRef != nil, s.ResourceFieldRef != nil, s.FileKeyRef != nil} {
		if set {
			given++
		}
	}
	switch {
	case given != 1:
		e.wrongf(field, "write exactly one of configMapKeyRef, secretKeyRef and fieldRef")
	case s.ConfigMapKeyRef != nil:
		e.key(v.Name, configMapKind, s.ConfigMapKeyRef.Name, s.ConfigMapKeyRef.Key, field+".configMapKeyRef", yes(s.ConfigMapKeyRef.Optional))
	case s.SecretKeyRef != nil:
		e.key(v.Name, secretKind, s.SecretKeyRef.Name, s.SecretKeyRef.Key, field+".secretKeyRef", yes(s.SecretKeyRef.Optional))
	case s.FieldRef != nil:
		e.fieldOf(v.Name, s.FieldRef.FieldPath, field+".fieldRef.fieldPath")
	case s.ResourceFieldRef != nil:
		e.wrongf(field+".resourceFieldRef", "a process gets no limits here: write value")
	default:
		e.wrongf(field+".fileKeyRef", "volumes are not mounted here: write value, configMapKeyRef or secretKeyRef")
	}
}

// key adds the value of one key.
func (e *environment) key(variable, kind, name, key, field string, optional bool) {
	if key == "" {
		e.wrongf(field+".key", "the field is missing: write the key of the %s", kind)
		return
	}
	config := e.config(kind, name, field+".name", optional)
	if config == nil {
		return
	}
	if _, there := config.data[key]; there {
		e.literal(variable, config, key, field+".key")
		return
	}
	if !optional {
		e.wrongf(field+".key", "%s %s has no key %s: add it, or write optional: true", kind, quoted(name), quoted(key))
	}
}

// fieldOf adds a field of the pod that is known before it runs, or its name.
func (e *environment) fieldOf(variable, path, field string) {
	value, known := "", true
	switch {
	case path == "metadata.name":
		e.made = append(e.made, processworkload.Variable{Name: variable, Value: "$(" + processworkload.PodName + ")"})
		return
	case path == "metadata.namespace":
		value = e.of.Namespace
	case keyOf(path, "metadata.labels") != "":
		value = e.pod.Labels[keyOf(path, "metadata.labels")]
	case keyOf(path, "metadata.annotations") != "":
		value = e.pod.Annotations[keyOf(path, "metadata.annotations")]
	default:
		known = false
	}
	switch {
	case path == "":
		e.wrongf(field, "the field is missing: write metadata.name, metadata.namespace, metadata.labels['KEY'] or metadata.annotations['KEY']")
	case !known:
		e.wrongf(field, "%s is not known before a pod runs: write metadata.name, metadata.namespace, metadata.labels['KEY'] or metadata.annotations['KEY'], or a value", quoted(path))
	default:
		e.made = append(e.made, processworkload.Variable{Name: variable, Value: asWritten(value)})
	}
}

// keyOf returns KEY of FIELD['KEY'], or "".
func keyOf(path, field string) string {
	rest, ok := strings.CutPrefix(path, field+"['")
	if !ok {
		return ""
	}
	key, ok := strings.CutSuffix(rest, "']")
	if !ok {
		return ""
	}
	return key
}

func yes(b *bool) bool { return b != nil && *b }
