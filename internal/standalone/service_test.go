package standalone

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/workload/processworkload"
	"github.com/serin-dev/serin/internal/xds/table"
)

func TestServiceOf(t *testing.T) {
	t.Parallel()
	ten, yes := "10", true
	c := &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec: v1beta1.CanarySpec{
			Provider:  v1beta1.ProviderIstio,
			TargetRef: v1beta1.ObjectReference{Name: "web"},
			Service: &v1beta1.CanaryService{
				Name: "front", Port: 80, AppProtocol: "grpc", Hosts: []v1beta1.Host{"shop.example.com"},
				Timeout:  "15s",
				Gateways: []v1beta1.Host{"public"},
				Retries:  &v1beta1.Retries{Attempts: 3, PerTryTimeout: "1s", RetryOn: "5xx, connect-failure"},
				Headers:  &v1beta1.HeaderRules{Request: &v1beta1.HeaderRule{Set: map[string]v1beta1.Header{"x-a": "1"}, Remove: []v1beta1.Header{"x-b"}}},
				Rewrite:  &v1beta1.Rewrite{URI: "/v2", Type: v1beta1.ReplacePrefixMatch},
				CorsPolicy: &v1beta1.CorsPolicy{
					AllowOrigin: []v1beta1.Header{"*"}, AllowMethods: []v1beta1.Header{"GET"}, MaxAge: "1h", AllowCredentials: &yes,
				},
			},
			Analysis: &v1beta1.CanaryAnalysis{
				Match: []v1beta1.Condition{
					{Headers: map[string]v1beta1.Match{"cookie": {Regex: &ten}}},
					{SourceLabels: map[string]v1beta1.Label{"app": "client"}},
				},
				SessionAffinity: &v1beta1.SessionAffinity{CookieName: "c", MaxAge: 60, SameSite: v1beta1.SameSiteLax},
			},
		},
	}
	got := serviceOf(c)
	want := table.Service{
		Key: table.Key{Namespace: "shop", Name: "front"}, Hosts: []string{"shop.example.com"}, Protocol: table.H2C,
		Timeout:  15 * time.Second,
		Retries:  &table.Retries{Attempts: 3, PerTry: time.Second, On: []string{"5xx", "connect-failure"}},
		Request:  table.HeaderChange{Set: map[string]string{"x-a": "1"}, Remove: []string{"x-b"}},
		Rewrite:  table.Rewrite{Path: "/v2", Prefix: true},
		CORS:     &table.CORS{AllowOrigins: []table.StringMatch{{Exact: "*"}}, AllowMethods: []string{"GET"}, MaxAge: time.Hour, Credentials: true},
		Match:    []table.Condition{{Headers: map[string]table.StringMatch{"cookie": {Regex: "10"}}}},
		Affinity: &table.Affinity{Cookie: "c", MaxAge: time.Minute, SameSite: "Lax"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the service (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("the routing table refuses it: %v", err)
	}
}

func TestTargetPort(t *testing.T) {
	t.Parallel()
	target := &processworkload.Target{Name: "web", Template: processworkload.Template{Ports: []processworkload.Port{
		{Name: "http", Number: 8080}, {Name: "admin", Number: 9090},
	}}}
	name, number, missing := intstr.FromString("admin"), intstr.FromInt32(9090), intstr.FromInt32(1)
	first := intstr.FromString("http")
	cases := map[string]struct {
		reason  string
		port    *intstr.IntOrString
		want    string
		warning string
	}{
		"None":    {reason: "the first port serves", port: nil},
		"First":   {reason: "the first port has no need of its name", port: &first},
		"Name":    {reason: "a name selects", port: &name, want: "admin"},
		"Number":  {reason: "so does the number in the manifest", port: &number, want: "admin"},
		"Missing": {reason: "a port that is not there is told", port: &missing, warning: "spec.service.targetPort: web has no port 1, so requests go to its first one"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &v1beta1.Canary{Spec: v1beta1.CanarySpec{Service: &v1beta1.CanaryService{TargetPort: tc.port}}}
			got, warning := targetPort(c, target)
			if got != tc.want || warning != tc.warning {
				t.Errorf("%s: port %q, warning %q", tc.reason, got, warning)
			}
		})
	}
}

func TestEndpointsAreThoseOfTheAskedPort(t *testing.T) {
	t.Parallel()
	list := []processworkload.Endpoint{
		{Address: "127.0.0.1:1", Revision: "a", Ports: map[string]string{"http": "127.0.0.1:1", "admin": "127.0.0.1:2"}},
		{Address: "127.0.0.1:3", Revision: "b"},
	}
	want := []table.Endpoint{{Address: "127.0.0.1:2", Revision: "a"}, {Address: "127.0.0.1:3", Revision: "b"}}
	if diff := cmp.Diff(want, endpoints(list, "admin")); diff != "" {
		t.Errorf("a pod of an older template without the port keeps its first (-want +got):\n%s", diff)
	}
}
