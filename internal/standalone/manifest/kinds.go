package manifest

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/spelling"
)

// The kinds that mean something on one machine.
const (
	deploymentKind = "Deployment"
	configMapKind  = "ConfigMap"
	secretKind     = "Secret"
	listKind       = "List"
)

// kinds lists them with their API versions, as the documentation does.
func kinds() []string {
	return []string{
		deploymentKind, configMapKind, secretKind,
		v1beta1.CanaryKind, v1beta1.MetricTemplateKind, v1beta1.AlertProviderKind,
	}
}

func versionOf(kind string) string {
	switch kind {
	case deploymentKind:
		return appsv1.SchemeGroupVersion.String()
	case configMapKind, secretKind, listKind:
		return corev1.SchemeGroupVersion.String()
	default:
		return v1beta1.APIVersion
	}
}

// foreign maps kinds that a directory for a cluster plausibly holds, and that mean nothing here, to their API groups.
func foreign() map[string][]string {
	gateway := []string{"gateway.networking.k8s.io"}
	istio := []string{"networking.istio.io"}
	rbac := []string{"rbac.authorization.k8s.io"}
	monitoring := []string{"monitoring.coreos.com"}
	return map[string][]string{
		"Service": {"", "serving.knative.dev"}, "Namespace": {""}, "ServiceAccount": {""}, "Endpoints": {""},
		"PersistentVolume": {""}, "PersistentVolumeClaim": {""}, "ResourceQuota": {""}, "LimitRange": {""},
		"HorizontalPodAutoscaler": {"autoscaling"}, "VerticalPodAutoscaler": {"autoscaling.k8s.io"}, "ScaledObject": {"keda.sh"},
		"Ingress": {"networking.k8s.io", "extensions"}, "IngressClass": {"networking.k8s.io"}, "NetworkPolicy": {"networking.k8s.io"},
		"PodDisruptionBudget": {"policy"}, "PriorityClass": {"scheduling.k8s.io"}, "StorageClass": {"storage.k8s.io"},
		"EndpointSlice": {"discovery.k8s.io"}, "CustomResourceDefinition": {"apiextensions.k8s.io"},
		"Role": rbac, "RoleBinding": rbac, "ClusterRole": rbac, "ClusterRoleBinding": rbac,
		"Gateway": append(slices.Clone(gateway), istio...), "GatewayClass": gateway, "HTTPRoute": gateway, "GRPCRoute": gateway, "ReferenceGrant": gateway,
		"VirtualService": istio, "DestinationRule": istio, "HTTPProxy": {"projectcontour.io"},
		"ServiceMonitor": monitoring, "PodMonitor": monitoring, "PrometheusRule": monitoring,
		"Kustomization": {"kustomize.config.k8s.io", "kustomize.toolkit.fluxcd.io"},
		"Pod":           {""}, "ReplicationController": {""}, "ReplicaSet": {"apps"}, "DaemonSet": {"apps"}, "StatefulSet": {"apps"},
		"Job": {"batch"}, "CronJob": {"batch"},
	}
}

// workloads are the foreign kinds that would run something.
func workloads() []string {
	return []string{"Pod", "ReplicationController", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob"}
}

// verdict is what becomes of a document of some kind.
type verdict struct {
	// known means that it is read.
	known bool
	// ignored says in a sentence why it is not.
	ignored string
	// wrong is what is wrong with one of the two fields.
	field, wrong string
}

// judge says what becomes of a document by its apiVersion and kind.
func judge(apiVersion, kind string) verdict {
	if kind == listKind || slices.Contains(kinds(), kind) {
		if want := versionOf(kind); apiVersion != want {
			return verdict{field: "apiVersion", wrong: quoted(apiVersion) + " is not known for the kind " + kind + ": write " + want}
		}
		return verdict{known: true}
	}
	if groups, isForeign := foreign()[kind]; isForeign {
		group, _, grouped := strings.Cut(apiVersion, "/")
		if !grouped {
			group = ""
		}
		switch {
		case !slices.Contains(groups, group):
			return verdict{field: "apiVersion", wrong: quoted(apiVersion) + " is not known for the kind " + kind}
		case slices.Contains(workloads(), kind):
			return verdict{ignored: kind + " is not run on one machine: write a Deployment if it should be"}
		default:
			return verdict{ignored: kind + " means nothing on one machine: it is ignored"}
		}
	}
	return unknownKind(kind)
}

func unknownKind(kind string) verdict {
	names := append(kinds(), slices.Sorted(maps.Keys(foreign()))...)
	if near := spelling.Nearest(kind, names); near != "" {
		return verdict{field: "kind", wrong: quoted(kind) + " is not known: did you mean " + near + "?"}
	}
	return verdict{field: "kind", wrong: quoted(kind) + " is not known: write one of " + strings.Join(kinds(), ", ")}
}
