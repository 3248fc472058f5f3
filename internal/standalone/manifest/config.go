package manifest

import (
	"strings"

	"github.com/serin-dev/serin/api/v1beta1"
)

// configData is the content of a ConfigMap.
func (c *checker) configData(root *node, binary map[string][]byte, texts map[string]string) map[string][]byte {
	data := map[string][]byte{}
	for _, name := range root.get("data").keys() {
		c.configKey(root, "data", name)
		data[name] = []byte(texts[name])
	}
	for _, name := range root.get("binaryData").keys() {
		c.configKey(root, "binaryData", name)
		if _, twice := data[name]; twice {
			c.addf(root.get("binaryData").lineOf(name), "binaryData."+name, "the key is in data too: remove one of them")
		}
		data[name] = binary[name]
	}
	return data
}

// secretData is the content of a Secret. As on Kubernetes, stringData wins.
func (c *checker) secretData(root *node, binary map[string][]byte, texts map[string]string) map[string][]byte {
	data := map[string][]byte{}
	for _, name := range root.get("data").keys() {
		c.configKey(root, "data", name)
		data[name] = binary[name]
	}
	for _, name := range root.get("stringData").keys() {
		c.configKey(root, "stringData", name)
		data[name] = []byte(texts[name])
	}
	return data
}

// keys are the names of all fields of an object, in order; of anything else there are none.
func (n *node) keys() []string {
	if n == nil {
		return nil
	}
	return n.names()
}

func (c *checker) configKey(root *node, path, name string) {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}
	if name != "" && len(name) <= 253 && !strings.ContainsFunc(name, bad) {
		return
	}
	line := root.get(path).fields[root.get(path).index[name]].line
	if c.private {
		c.addf(line, path, "a key is not made of letters, digits, -, _ and .: check the indentation of texts of several lines")
		return
	}
	c.addf(line, path, "%s is no key: write at most 253 letters, digits, -, _ and .", quoted(name))
}

// lintTracking warns about a value of the annotation that does not do what it seems to.
func (r *reader) lintTracking(t *thing) {
	const field = "metadata.annotations." + v1beta1.ConfigTracking
	switch t.root.get("metadata").get("annotations").string(v1beta1.ConfigTracking) {
	case "", "enabled", v1beta1.ConfigTrackingDisabled:
	default:
		r.warn(t, mistake{line: t.root.lineOf(field), field: field, message: "a change is a new revision of what refers to this: write " + v1beta1.ConfigTrackingDisabled + " if it should not be"})
	}
}

// tracked says whether a change of a ConfigMap or a Secret is a new revision of what refers to it.
func (t *thing) tracked() bool {
	return t.root.get("metadata").get("annotations").string(v1beta1.ConfigTracking) != v1beta1.ConfigTrackingDisabled
}
