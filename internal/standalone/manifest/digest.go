package manifest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/httpapi"
)

// describe makes what is told of an object. Its digest is the hash of its content, followed by a dot and what the
// content leads to where that is more than the content: the revision of a Deployment, the plan of a Canary.
func (s *Set) describe(t *thing) httpapi.Object {
	o := httpapi.Object{Kind: t.kind, Namespace: t.Namespace, Name: t.Name, File: t.file, Digest: digest(t.content())}
	switch v := t.value.(type) {
	case *v1beta1.Canary:
		o.Digest += "." + planDigest(v)
	default:
		if target, ok := s.Target(t.Key); ok && t.kind == deploymentKind {
			o.Digest += "." + target.Revision
		}
	}
	return o
}

// content is the object as canonical JSON, with its namespace and without its status.
func (t *thing) content() []byte {
	whole := newObject(t.root.line)
	for _, f := range t.root.fields {
		// The data of a Secret is the same whichever way it was written, and appended below.
		written := t.data != nil && slices.Contains([]string{"data", "binaryData", "stringData"}, f.name)
		if f.name != "status" && !written {
			whole.add(f)
		}
	}
	b := append([]byte(t.Namespace), ' ')
	if t.data != nil {
		b = append(appendData(b, t.data), ' ')
	}
	// A missing namespace and the default one are the same.
	meta := newObject(0)
	for _, f := range t.root.get("metadata").fields {
		if f.name != "namespace" {
			meta.add(f)
		}
	}
	whole.fields[whole.index["metadata"]].value = meta
	return whole.canonical(b)
}

// planDigest tells a canary with another plan from one whose other fields changed.
func planDigest(c *v1beta1.Canary) string {
	spec, p, _, err := plan(c)
	if err != nil {
		return ""
	}
	b, err := json.Marshal([]any{p, spec.Default().Interval})
	if err != nil {
		return ""
	}
	return digest(b)[:16]
}

// parts takes a digest apart.
func parts(digest string) (content, leads string) {
	content, leads, _ = strings.Cut(digest, ".")
	return content, leads
}
