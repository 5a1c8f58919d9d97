package install

import (
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// With hostPorts a Gateway is reached by ports of the nodes, and its addresses are those of the
// nodes with pods.
func TestPortsOfTheNodes(t *testing.T) {
	define(t)
	namespace := cluster.Namespace(t, "install-nodes")
	// A namespace of tests would warn of pods that are not restricted, as these are not.
	release := cluster.Release{Name: "nodes", Namespace: "install-nodes-system", Values: []string{
		"gatewayClass.name=nodes", "controllerName=example.com/nodes", "replicaCount=1",
		"hostPorts.gateway=" + namespace + "/web", "hostPorts.ports={8880}"}}
	t.Cleanup(func() {
		cluster.Kubectl(t, "delete", "namespace", release.Namespace, "--ignore-not-found", "--wait=false")
	})
	t.Cleanup(func() { release.Uninstall(t) })
	release.Install(t)
	cluster.Apply(t, namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(),
		cluster.GatewayOf("nodes", "web", "{name: http, protocol: HTTP, port: 8880}"),
		cluster.Route("shop", "web", "shop.example.com", cluster.Ref("shop", 1)))
	cluster.Ready(t, namespace, "shop")
	nodes := map[string]bool{}
	var list struct {
		Items []struct {
			Status struct {
				Addresses []struct{ Type, Address string }
			}
		}
	}
	cluster.Get(t, &list, "nodes")
	for _, node := range list.Items {
		for _, address := range node.Status.Addresses {
			nodes[address.Address] = true
		}
	}
	for _, address := range cluster.Addresses(t, namespace, "web") {
		if !nodes[address] {
			t.Errorf("%s is no address of a node: %v", address, nodes)
		}
		cluster.Eventually(t, 10*time.Second, func() error {
			return cluster.Answers(cluster.Request{Address: address, Port: 8880, Host: "shop.example.com"}, "shop-")
		})
	}
}
