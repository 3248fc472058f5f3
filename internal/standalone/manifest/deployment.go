package manifest

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/serin-dev/serin/internal/spelling"
)

// The places in a Deployment that many sentences are about.
const (
	podPath       = "spec.template.spec"
	containerPath = podPath + ".containers[0]"
)

// The bounds of what one machine runs for one Deployment.
const (
	maxReplicas = 1000
	maxGrace    = 3600
	maxPorts    = 64
)

// deploymentFields are the fields that mean something here, and those that may be there without a word. What begins
// with one that ends in * belongs to it.
func deploymentFields() []string {
	const pod, container = "spec.template.spec.", "spec.template.spec.containers[]."
	return []string{
		"spec.replicas", "spec.selector.*", "spec.strategy.type",
		"spec.template.metadata.name", "spec.template.metadata.labels.*", "spec.template.metadata.annotations.*",
		pod + "terminationGracePeriodSeconds", pod + "restartPolicy",
		container + "name", container + "command.*", container + "args.*", container + "workingDir",
		container + "env.*", container + "envFrom.*",
		container + "ports[].name", container + "ports[].containerPort", container + "ports[].protocol",
		container + "readinessProbe.httpGet.path", container + "readinessProbe.httpGet.port", container + "readinessProbe.httpGet.scheme",
		container + "readinessProbe.tcpSocket.port", container + "readinessProbe.exec.*", container + "readinessProbe.grpc.*",
		container + "readinessProbe.initialDelaySeconds", container + "readinessProbe.periodSeconds", container + "readinessProbe.timeoutSeconds",
		container + "readinessProbe.successThreshold", container + "readinessProbe.failureThreshold",
	}
}

// ignoredBecause says for some fields more than that they have no effect.
func ignoredBecause(path string) string {
	switch path[strings.LastIndexByte(path, '.')+1:] {
	case "image":
		return "there are no container images on one machine: the command runs as it is"
	case "initContainers":
		return "init containers are not run: let the command do what they do"
	case "volumes", "volumeMounts", "volumeDevices":
		return "volumes are not mounted: the program sees the files of this machine"
	case "resources":
		return "a process gets no limits here: the field is ignored"
	case "livenessProbe", "startupProbe":
		return "a process that ends is started again, but no one asks whether it lives: the field is ignored"
	case "securityContext":
		return "a process runs as the user that runs Serin: the field is ignored"
	case "lifecycle":
		return "hooks of the life cycle are not run: handle SIGTERM in the program"
	case "host", "httpHeaders":
		return "the probe asks the process on the loopback interface, without headers of its own: the field is ignored"
	case "status":
		return "status is not for people to write: it is ignored"
	}
	return "the field has no effect on one machine: it is ignored"
}

// ignoreOthers warns about every field that is not among the understood ones.
func (r *reader) ignoreOthers(t *thing, understood ...string) {
	understood = append(understood, "apiVersion", "kind",
		"metadata.name", "metadata.namespace", "metadata.labels.*", "metadata.annotations.*")
	var look func(n *node, path, pattern string, line int)
	look = func(n *node, path, pattern string, line int) {
		switch {
		case n.kind == null || slices.Contains(understood, pattern) || slices.Contains(understood, pattern+".*"):
		case !leadsOn(understood, pattern):
			r.warn(t, mistake{line: line, field: path, message: ignoredBecause(path)})
		case n.kind == object:
			for _, f := range n.fields {
				look(f.value, join(path, f.name), join(pattern, f.name), f.line)
			}
		case n.kind == list:
			for i, item := range n.items {
				look(item, fmt.Sprintf("%s[%d]", path, i), pattern+"[]", item.line)
			}
		}
	}
	look(t.root, "", "", t.root.line)
}

// leadsOn says whether an understood field lies below a path.
func leadsOn(understood []string, pattern string) bool {
	return pattern == "" || slices.ContainsFunc(understood, func(u string) bool {
		after, ok := strings.CutPrefix(u, pattern)
		return ok && ends(after)
	})
}

// deployment checks what runs, apart from what it refers to.
func (c *checker) deployment(root *node, d *appsv1.Deployment) {
	at := func(path string) int { return root.lineOf(path) }
	if n := d.Spec.Replicas; n != nil && (*n < 0 || *n > maxReplicas) {
		c.addf(at("spec.replicas"), "spec.replicas", "%d is out of range: write a number from 0 to %d", *n, maxReplicas)
	}
	c.choice(root, "spec.strategy.type", string(d.Spec.Strategy.Type), string(appsv1.RollingUpdateDeploymentStrategyType), string(appsv1.RecreateDeploymentStrategyType))
	pod := &d.Spec.Template.Spec
	c.choice(root, podPath+".restartPolicy", string(pod.RestartPolicy), string(corev1.RestartPolicyAlways))
	if g := pod.TerminationGracePeriodSeconds; g != nil && (*g < 0 || *g > maxGrace) {
		const field = podPath + ".terminationGracePeriodSeconds"
		c.addf(at(field), field, "%d is out of range: write a number from 0 to %d", *g, maxGrace)
	}
	switch n := len(pod.Containers); n {
	case 0:
		c.addf(at(podPath), podPath+".containers", "the field is missing: write the container whose command is run")
		return
	case 1:
	default:
		c.addf(root.lineOf(podPath+".containers[1]"), podPath+".containers", "there are %d containers: a pod is one process here, so write exactly one, or a Deployment for each", n)
		return
	}
	container := &pod.Containers[0]
	c.command(root, container)
	c.ports(root, container.Ports)
	c.probe(root, container)
}

// choice reports a value that is not among the allowed ones. An absent one is allowed.
func (c *checker) choice(root *node, field, value string, allowed ...string) {
	if value == "" || slices.Contains(allowed, value) {
		return
	}
	if near := spelling.Nearest(value, allowed); near != "" {
		c.addf(root.lineOf(field), field, "%s is not known: did you mean %s?", quoted(value), near)
		return
	}
	c.addf(root.lineOf(field), field, "%s cannot be used here: write %s", quoted(value), strings.Join(allowed, " or "))
}

func (c *checker) command(root *node, k *corev1.Container) {
	const field = containerPath + ".command"
	if len(k.Command) == 0 || k.Command[0] == "" {
		c.addf(root.lineOf(field), field, `the field is missing: write the program that is run, such as ["./app"], since no image says it`)
	}
	for name, words := range map[string][]string{"command": k.Command, "args": k.Args} {
		for i, word := range words {
			if strings.Contains(word, "\x00") {
				at := fmt.Sprintf("%s.%s[%d]", containerPath, name, i)
				c.addf(root.lineOf(at), at, "the word has a NUL byte: no program can be given one")
			}
		}
	}
	if strings.Contains(k.WorkingDir, "\x00") {
		c.addf(root.lineOf(containerPath+".workingDir"), containerPath+".workingDir", "the path has a NUL byte")
	}
}

func (c *checker) ports(root *node, ports []corev1.ContainerPort) {
	if len(ports) > maxPorts {
		c.addf(root.lineOf(containerPath+".ports"), containerPath+".ports", "there are %d ports: the limit is %d", len(ports), maxPorts)
		return
	}
	names, numbers := map[string]bool{}, map[int32]bool{}
	for i, p := range ports {
		field := fmt.Sprintf("%s.ports[%d]", containerPath, i)
		at := func(name string) (int, string) { return root.lineOf(field + name), field + name }
		if p.ContainerPort < 1 || p.ContainerPort > 65535 {
			line, path := at(".containerPort")
			c.addf(line, path, "%d is out of range: write a number from 1 to 65535", p.ContainerPort)
		} else if numbers[p.ContainerPort] {
			line, path := at(".containerPort")
			c.addf(line, path, "port %d is there twice: remove one of them", p.ContainerPort)
		}
		if p.Name != "" && !portName(p.Name) {
			line, path := at(".name")
			c.addf(line, path, "%s is no name of a port: write at most 15 lower-case letters, digits and hyphens, with at least one letter", quoted(p.Name))
		} else if p.Name != "" && names[p.Name] {
			line, path := at(".name")
			c.addf(line, path, "port %s is there twice: give each a name of its own", quoted(p.Name))
		}
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			line, path := at(".protocol")
			c.addf(line, path, "%s cannot be routed here: write TCP, or remove the port", quoted(string(p.Protocol)))
		}
		names[p.Name], numbers[p.ContainerPort] = true, true
	}
}

// portName says whether Kubernetes takes a text for the name of a port, which then cannot be mistaken for a number.
func portName(name string) bool {
	letters := 0
	for i := range len(name) {
		switch b := name[i]; {
		case b >= 'a' && b <= 'z':
			letters++
		case b >= '0' && b <= '9', b == '-' && i > 0 && i < len(name)-1 && name[i-1] != '-':
		default:
			return false
		}
	}
	return letters > 0 && len(name) <= 15
}

// hasPort says whether a reference by number or by name leads to a port.
func hasPort(ports []corev1.ContainerPort, ref intstr.IntOrString) bool {
	return slices.ContainsFunc(ports, func(p corev1.ContainerPort) bool {
		if ref.Type == intstr.String {
			return p.Name != "" && p.Name == ref.StrVal
		}
		return p.ContainerPort == ref.IntVal
	})
}
