package loss

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/bed"
	"tidegate.dev/e2e/cluster"
)

func TestAPIServerThatIsAway(t *testing.T) {
	w := newWorld(t, "apiserver", cluster.Backends{Replicas: 2})
	address := cluster.Addresses(t, w.namespace, "web")[0]
	l, err := bed.NewLayout()
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	if err := l.Stop(context.Background(), "apiserver"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Second)
	if err := l.Start(context.Background(), "apiserver"); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, time.Minute, func() error {
		_, err := cluster.Try("", "kubectl", "get", "--raw", "/readyz")
		return err
	})
	// Pods reach it by its Service, which kube-proxy leads there again when it has noticed.
	service := strings.TrimSpace(cluster.Kubectl(t, "get", "service", "kubernetes", "--namespace", "default", "--output", "jsonpath={.spec.clusterIP}"))
	cluster.Eventually(t, 2*time.Minute, func() error {
		connection, err := net.DialTimeout("tcp", net.JoinHostPort(service, "443"), time.Second)
		if err == nil {
			err = connection.Close()
		}
		return err
	})
	// What is new is served again, too.
	cluster.Apply(t, w.namespace, cluster.Route("later", "web", "later.example.com", cluster.Ref("shop", 1)))
	cluster.Eventually(t, 30*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: address, Host: "later.example.com"}, "shop-")
	})
	w.stopWithoutLoss()
}
