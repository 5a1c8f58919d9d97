// Package smoke tests what a user does first.
package smoke

import (
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

func TestOneRoute(t *testing.T) {
	namespace := cluster.Namespace(t, "smoke-route")
	cluster.Apply(t, namespace,
		cluster.Backends{Name: "shop", Replicas: 1}.Manifest(),
		cluster.Gateway("web", cluster.HTTP),
		cluster.Route("shop", "web", "shop.example.com", cluster.Ref("shop", 1)))
	cluster.Ready(t, namespace, "shop")
	for _, address := range cluster.Addresses(t, namespace, "web") {
		cluster.Eventually(t, 5*time.Second, func() error {
			return cluster.Answers(cluster.Request{Address: address, Host: "shop.example.com"}, "shop-")
		})
	}
}
