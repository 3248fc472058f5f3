package manifest

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/serin-dev/serin/internal/workload/processworkload"
)

const probePath = containerPath + ".readinessProbe"

// maxProbe bounds the seconds and the counts of a probe.
const maxProbe = 86_400

// probe checks the readiness probe of a container.
func (c *checker) probe(root *node, k *corev1.Container) {
	p := k.ReadinessProbe
	if p == nil {
		return
	}
	c.probeNumbers(root, p)
	add := func(field, sentence string) { c.addf(root.lineOf(field), field, "%s", sentence) }
	kinds := 0
	for _, set := range []bool{p.HTTPGet != nil, p.TCPSocket != nil, p.Exec != nil, p.GRPC != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case p.GRPC != nil:
		add(probePath+".grpc", "gRPC probes are not supported here: write tcpSocket, or exec with a client of the health service")
	case kinds != 1:
		add(probePath, "write exactly one of httpGet, tcpSocket and exec")
	case p.HTTPGet != nil:
		c.probeScheme(root, p.HTTPGet.Scheme)
		c.probePort(root, probePath+".httpGet.port", k.Ports, p.HTTPGet.Port)
	case p.TCPSocket != nil:
		c.probePort(root, probePath+".tcpSocket.port", k.Ports, p.TCPSocket.Port)
	case len(p.Exec.Command) == 0 || p.Exec.Command[0] == "":
		add(probePath+".exec.command", "the field is missing: write the program that asks whether the pod is ready")
	}
}

func (c *checker) probeNumbers(root *node, p *corev1.Probe) {
	for name, n := range map[string]int32{
		"initialDelaySeconds": p.InitialDelaySeconds, "periodSeconds": p.PeriodSeconds, "timeoutSeconds": p.TimeoutSeconds,
		"successThreshold": p.SuccessThreshold, "failureThreshold": p.FailureThreshold,
	} {
		if field := probePath + "." + name; n < 0 || n > maxProbe {
			c.addf(root.lineOf(field), field, "%d is out of range: write a number from 0 to %d", n, maxProbe)
		}
	}
}

func (c *checker) probeScheme(root *node, scheme corev1.URIScheme) {
	const field = probePath + ".httpGet.scheme"
	if scheme != "" && scheme != corev1.URISchemeHTTP {
		c.addf(root.lineOf(field), field, "probes speak HTTP without TLS here: write HTTP, or a probe with tcpSocket or exec")
	}
}

func (c *checker) probePort(root *node, field string, ports []corev1.ContainerPort, ref intstr.IntOrString) {
	switch {
	case root.lineOf(field) == 0 || ref == intstr.FromInt32(0) || ref == intstr.FromString(""):
		c.addf(root.lineOf(field), field, "the field is missing: write the name or the number of one of the container's ports")
	case !hasPort(ports, ref) && ref.Type == intstr.String:
		c.addf(root.lineOf(field), field, "the container has no port named %s: write a name or a number that is in ports", quoted(ref.StrVal))
	case !hasPort(ports, ref):
		c.addf(root.lineOf(field), field, "the container has no port %d: add containerPort: %d to ports", ref.IntVal, ref.IntVal)
	}
}

// readiness is a checked probe in plain values.
func readiness(p *corev1.Probe) processworkload.Probe {
	if p == nil {
		return processworkload.Probe{}
	}
	made := processworkload.Probe{
		InitialDelay: seconds(p.InitialDelaySeconds), Period: seconds(p.PeriodSeconds), Timeout: seconds(p.TimeoutSeconds),
		SuccessThreshold: int(p.SuccessThreshold), FailureThreshold: int(p.FailureThreshold),
	}
	switch {
	case p.HTTPGet != nil:
		made.HTTP = &processworkload.HTTPProbe{Path: p.HTTPGet.Path, Port: portOf(p.HTTPGet.Port)}
	case p.TCPSocket != nil:
		made.TCP = &processworkload.TCPProbe{Port: portOf(p.TCPSocket.Port)}
	case p.Exec != nil:
		made.Exec = p.Exec.Command
	}
	return made
}

func portOf(ref intstr.IntOrString) processworkload.Port {
	return processworkload.Port{Name: ref.StrVal, Number: int(ref.IntVal)}
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
