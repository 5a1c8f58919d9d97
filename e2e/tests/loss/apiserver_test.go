package loss

import (
	"context"
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
	time.Sleep(time.Duration(times(10, 30)) * time.Second)
	if err := l.Start(context.Background(), "apiserver"); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, time.Minute, func() error {
		_, err := cluster.Try("", "kubectl", "get", "--raw", "/readyz")
		return err
	})
	// What is new is served again, too.
	cluster.Apply(t, w.namespace, cluster.Route("later", "web", "later.example.com", cluster.Ref("shop", 1)))
	cluster.Eventually(t, 30*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: address, Host: "later.example.com"}, "shop-")
	})
	w.stopWithoutLoss()
}
