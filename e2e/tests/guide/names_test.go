package guide

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/bed"
	"tidegate.dev/e2e/cluster"
)

// external-dns takes the names of routes and the addresses of their Gateways from the statuses.
func TestExternalDNS(t *testing.T) {
	if err := cluster.DefineGatewayAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster.Usual.Install(t)
	l, err := bed.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	namespace := cluster.Namespace(t, "guide-names")
	both := `apiVersion: tidegate.dev/v1alpha1
kind: GatewayParameters
metadata: {name: both}
spec: {service: {ipFamilyPolicy: RequireDualStack}}`
	web := strings.Replace(cluster.Gateway("web", cluster.HTTP), "spec:", "spec:\n  infrastructure: {parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: both}}", 1)
	cluster.Apply(t, namespace, both, web,
		cluster.Gateway("other", "{name: http, protocol: HTTP, port: 80, hostname: other.example.com}"),
		cluster.Route("shop", "web", "shop.example.com", cluster.Ref("shop", 1)),
		cluster.Route("refused", "other", "elsewhere.example.com", cluster.Ref("shop", 1)))
	want := map[string]string{}
	for _, address := range cluster.Addresses(t, namespace, "web") {
		kind := "A"
		if strings.Contains(address, ":") {
			kind = "AAAA"
		}
		want["shop.example.com "+kind] = address
	}
	if len(want) != 2 {
		t.Fatalf("want addresses of both families, got %v", want)
	}
	records := func() map[string]string {
		output := cluster.Run(t, "", filepath.Join(l.Bin, "externaldns"), "--kubeconfig="+l.Kubeconfig(),
			"--source=gateway-httproute", "--namespace="+namespace, "--provider=inmemory", "--dry-run")
		found := map[string]string{}
		for line := range strings.Lines(output) {
			name, rest, _ := strings.Cut(line, " ")
			kind, targets, _ := strings.Cut(strings.TrimSpace(rest), " ")
			found[name+" "+kind] = targets
		}
		return found
	}
	// The route no listener takes has no records, whatever its Gateway's address.
	equals := func(want map[string]string) func() error {
		return func() error {
			if got := records(); fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("records %v, want %v", got, want)
			}
			return nil
		}
	}
	cluster.Eventually(t, 10*time.Second, equals(want))
	cluster.Kubectl(t, "delete", "httproute", "shop", "--namespace", namespace)
	cluster.Eventually(t, 10*time.Second, equals(map[string]string{}))
}
