package manifest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// revision identifies what a Deployment runs: its pod template as written, and the content of the ConfigMaps and the
// Secrets that it refers to and that are tracked. It is computed from the text, not from Go structs, so that a new
// version of Serin does not make a new revision of everything.
func (r *reader) revision(t *thing, pod *corev1.PodTemplateSpec) string {
	b := []byte(`{"template":`)
	b = t.root.get("spec").get("template").canonical(b)
	b = append(b, `,"configs":{`...)
	first := true
	for _, id := range references(t.Namespace, &pod.Spec) {
		config := r.objects[id]
		if config == nil || !config.tracked() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, id.kind+"/"+id.Name), ':')
		b = appendData(b, config.data)
	}
	return digest(append(b, "}}"...))
}

func appendData(b []byte, data map[string][]byte) []byte {
	b = append(b, '{')
	for i, key := range slices.Sorted(maps.Keys(data)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		b = appendString(b, base64.StdEncoding.EncodeToString(data[key]))
	}
	return append(b, '}')
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// references lists the ConfigMaps and the Secrets that a pod refers to, sorted and each once.
func references(namespace string, pod *corev1.PodSpec) []identity {
	found := map[identity]bool{}
	add := func(kind, name string) {
		if name != "" {
			found[identity{kind: kind, Key: Key{namespace, name}}] = true
		}
	}
	for _, k := range slices.Concat(pod.InitContainers, pod.Containers) {
		variableReferences(&k, add)
	}
	for i := range pod.Volumes {
		volumeReferences(&pod.Volumes[i], add)
	}
	return slices.SortedFunc(maps.Keys(found), compareIdentities)
}

func variableReferences(k *corev1.Container, add func(kind, name string)) {
	for _, from := range k.EnvFrom {
		if from.ConfigMapRef != nil {
			add(configMapKind, from.ConfigMapRef.Name)
		}
		if from.SecretRef != nil {
			add(secretKind, from.SecretRef.Name)
		}
	}
	for _, v := range k.Env {
		if v.ValueFrom == nil {
			continue
		}
		if ref := v.ValueFrom.ConfigMapKeyRef; ref != nil {
			add(configMapKind, ref.Name)
		}
		if ref := v.ValueFrom.SecretKeyRef; ref != nil {
			add(secretKind, ref.Name)
		}
	}
}

func volumeReferences(v *corev1.Volume, add func(kind, name string)) {
	if v.ConfigMap != nil {
		add(configMapKind, v.ConfigMap.Name)
	}
	if v.Secret != nil {
		add(secretKind, v.Secret.SecretName)
	}
	if v.Projected == nil {
		return
	}
	for _, s := range v.Projected.Sources {
		if s.ConfigMap != nil {
			add(configMapKind, s.ConfigMap.Name)
		}
		if s.Secret != nil {
			add(secretKind, s.Secret.Name)
		}
	}
}
