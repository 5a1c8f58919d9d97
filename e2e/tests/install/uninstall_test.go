package install

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// shop is a Gateway with all that it needs to answer.
func shop(t *testing.T, namespace, class string) {
	t.Helper()
	cluster.Apply(t, namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(), cluster.GatewayOf(class, "web", cluster.HTTP),
		cluster.Route("shop", "web", "shop.example.com", cluster.Ref("shop", 1)))
	cluster.Ready(t, namespace, "shop")
}

// answers waits until the shop answers on its first address.
func answers(t *testing.T, namespace string) {
	t.Helper()
	address := cluster.Addresses(t, namespace, "web")[0]
	cluster.Eventually(t, 10*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: address, Host: "shop.example.com"}, "shop-")
	})
}

// What is left after an uninstallation is CRDs and the user's own objects.
func TestUninstall(t *testing.T) {
	define(t)
	namespace := cluster.Namespace(t, "install-uninstall")
	release := cluster.Usual
	release.Uninstall(t)
	before := cluster.Inventory(t)
	release.Install(t)
	shop(t, namespace, "tidegate")
	answers(t, namespace)
	cluster.Apply(t, namespace, `apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: partner}
spec: {targets: [{name: one, url: "http://192.0.2.77"}]}`)
	users := cluster.UserObjects(t, namespace)
	release.Uninstall(t)
	// Owned objects go by the garbage collector's time.
	left := func() []string {
		return slices.DeleteFunc(cluster.Difference(cluster.Inventory(t), before), func(name string) bool {
			return slices.Contains(users, name) || slices.Contains(kept, name)
		})
	}
	cluster.Eventually(t, time.Minute, func() error {
		if left := left(); len(left) > 0 {
			return fmt.Errorf("left behind: %v", left)
		}
		return nil
	})
	if gone := cluster.Difference(users, cluster.Inventory(t)); len(gone) > 0 {
		t.Errorf("the user's own, and gone: %v", gone)
	}
}

// kept are the CRDs of the chart, and the namespace that `helm install --create-namespace` makes
// and Helm never removes.
var kept = []string{
	"CustomResourceDefinition gatewayparameters.tidegate.dev",
	"CustomResourceDefinition upstreams.tidegate.dev",
	"Namespace tidegate-system",
}
