package loss

import (
	"fmt"
	"net"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
	"tidegate.dev/e2e/load"
)

// straight is load on a bare Service, without any gateway.
func straight(t *testing.T, name string, shop cluster.Backends) *world {
	t.Helper()
	w := &world{T: t, namespace: cluster.Namespace(t, "loss-"+name)}
	shop.Name = "shop"
	cluster.Apply(t, w.namespace, shop.Manifest())
	cluster.Ready(t, w.namespace, "shop")
	var service struct{ Spec struct{ ClusterIP string } }
	cluster.Get(t, &service, "--namespace", w.namespace, "service/shop")
	w.targets = []load.Target{{Address: net.JoinHostPort(service.Spec.ClusterIP, "80"), Host: host}}
	cluster.Eventually(t, 10*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: service.Spec.ClusterIP, Host: host}, "shop-")
	})
	return w
}

// The load itself loses nothing on a cluster at rest.
func TestServiceAtRest(t *testing.T) {
	w := straight(t, "at-rest", cluster.Backends{Replicas: 2})
	w.start()
	w.stopWithoutLoss()
}

// A Service alone loses requests when a backend ends at once, and the load sees it: what the other
// tests find is not that nothing happens.
func TestServiceLosesRequestsOfARestart(t *testing.T) {
	w := straight(t, "service", cluster.Backends{Replicas: 2, Exit: true})
	w.start()
	w.restart("shop")
	report := w.stop()
	if len(report.Failures) == 0 {
		t.Errorf("no losses are seen: %s", report)
	}
}

// So it does of a Tidegate that does not drain.
func TestTidegateLosesRequestsWithoutDraining(t *testing.T) {
	w := newWorld(t, "no-drain", cluster.Backends{Replicas: 2})
	hasty := cluster.Usual
	hasty.Values = []string{"drain.minSeconds=0", "drain.maxSeconds=0"}
	usual := hasty.Pods(t)
	hasty.Install(t)
	t.Cleanup(func() {
		old := cluster.Usual.Pods(t)
		cluster.Usual.Install(t)
		cluster.Usual.Replaced(t, old)
	})
	hasty.Replaced(t, usual)
	old := hasty.Pods(t)
	w.start()
	hasty.Restart(t)
	hasty.Replaced(t, old)
	report := w.stop()
	if len(report.Failures) == 0 {
		t.Errorf("no losses are seen: %s", report)
	}
}

// restart rolls a Deployment and returns when its old pods are gone.
func (w *world) restart(deployment string) {
	w.Helper()
	old := cluster.Pods(w.T, w.namespace, "app="+deployment)
	cluster.Kubectl(w.T, "rollout", "restart", "--namespace", w.namespace, "deployment/"+deployment)
	cluster.Ready(w.T, w.namespace, deployment)
	cluster.Gone(w.T, w.namespace, old...)
	if fmt.Sprint(cluster.Pods(w.T, w.namespace, "app="+deployment)) == fmt.Sprint(old) {
		w.Fatal("nothing was restarted")
	}
}
