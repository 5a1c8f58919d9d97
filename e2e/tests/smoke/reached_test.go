package smoke

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// of is a Gateway whose Service is of that type.
func of(service, listener string) string {
	return cluster.Gateway("web", listener) + `
  infrastructure: {parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: reached}}
---
apiVersion: tidegate.dev/v1alpha1
kind: GatewayParameters
metadata: {name: reached}
spec: {service: {type: ` + service + `}}`
}

func TestClusterIP(t *testing.T) {
	namespace, addresses := shop(t, "clusterip", of("ClusterIP", cluster.HTTP), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	uid := cluster.Kubectl(t, "get", "gateway", "web", "--namespace", namespace, "--output", "jsonpath={.metadata.uid}")
	service := cluster.Kubectl(t, "get", "services", "--namespace", cluster.Usual.Namespace, "--selector", "tidegate.dev/gateway-uid="+uid,
		"--output", "jsonpath={.items[*].spec.clusterIPs[*]}")
	if got := strings.Join(addresses, " "); got != service {
		t.Errorf("addresses %q, the Service has %q", got, service)
	}
}

// nodes lists the addresses of all nodes.
func nodes(t *testing.T) []string {
	t.Helper()
	return strings.Fields(cluster.Kubectl(t, "get", "nodes", "--output", `jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}`))
}

// A listener on a port that nodes have answers there on that very one.
func TestNodePort(t *testing.T) {
	const port = 30080
	namespace := cluster.Namespace(t, "smoke-nodeport")
	cluster.Apply(t, namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(),
		of("NodePort", fmt.Sprintf("{name: http, protocol: HTTP, port: %d}", port)), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)))
	cluster.Ready(t, namespace, "shop")
	for _, address := range reached(t, namespace) {
		cluster.Eventually(t, 10*time.Second, func() error {
			return cluster.Answers(cluster.Request{Address: address, Port: port, Host: host}, "shop-")
		})
	}
}

// reached returns a Gateway's addresses, which must be those of nodes.
func reached(t *testing.T, namespace string) []string {
	t.Helper()
	addresses, nodes := cluster.Addresses(t, namespace, "web"), nodes(t)
	for _, address := range addresses {
		if !slices.Contains(nodes, address) {
			t.Errorf("address %s is none of the nodes' %v", address, nodes)
		}
	}
	return addresses
}
