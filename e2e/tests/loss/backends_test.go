package loss

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// times is how often a disturbance is repeated.
func times(short, long int) int {
	if cluster.Current().Long {
		return long
	}
	return short
}

func TestRollingRestartOfABackendThatDrains(t *testing.T) {
	w := newWorld(t, "drains", cluster.Backends{Replicas: 2, PreStop: 5})
	w.start()
	for range times(1, 4) {
		w.restart("shop")
	}
	w.stopWithoutLoss()
}

func TestScalingABackend(t *testing.T) {
	w := newWorld(t, "scales", cluster.Backends{Replicas: 1, PreStop: 5})
	w.start()
	for range times(1, 4) {
		w.scale("shop", 5)
		w.scale("shop", 1)
	}
	w.stopWithoutLoss()
}

// scale returns when all pods are there and ready, or gone.
func (w *world) scale(deployment string, replicas int) {
	w.Helper()
	cluster.Kubectl(w.T, "scale", "--namespace", w.namespace, "deployment/"+deployment, fmt.Sprintf("--replicas=%d", replicas))
	cluster.Ready(w.T, w.namespace, deployment)
	cluster.Eventually(w.T, time.Minute, func() error {
		names := cluster.Run(w.T, "", "kubectl", "get", "pods", "--namespace", w.namespace, "--selector", "app="+deployment, "--output", "jsonpath={.items[*].metadata.name}")
		if got := len(strings.Fields(names)); got != replicas {
			return fmt.Errorf("%d pods, want %d", got, replicas)
		}
		return nil
	})
}

// The only pod is leaving and still serves, as there is no other: until it is gone nothing is lost.
func TestLastPodOfARecreateDeployment(t *testing.T) {
	// It serves for that long after it began to leave: 12 s of load, what stop() adds, and some to spare.
	leaves := 12*time.Second + after() + 6*time.Second
	seconds := int(leaves.Seconds())
	w := newWorld(t, "recreate", cluster.Backends{Replicas: 1, Recreate: true, PreStop: seconds, Grace: seconds + 20})
	old := cluster.Pods(t, w.namespace, "app=shop")
	w.start()
	begun := time.Now()
	cluster.Kubectl(t, "rollout", "restart", "--namespace", w.namespace, "deployment/shop")
	cluster.Eventually(t, 10*time.Second, func() error {
		if pods := cluster.Pods(t, w.namespace, "app=shop"); len(pods) > 0 {
			return fmt.Errorf("%v are not leaving", pods)
		}
		return nil
	})
	// New connections meet nothing but that pod.
	time.Sleep(12*time.Second - time.Since(begun))
	report := w.stop()
	if time.Since(begun) > leaves {
		t.Fatal("this machine is too slow: the pod was gone before the load ended")
	}
	if len(report.Failures) > 0 || report.Backends[old[0]] == 0 {
		t.Error(report)
	}
}

// A pod that is not ready any more has a second to get its last request.
func TestPodThatTurnsNotReady(t *testing.T) {
	w := newWorld(t, "not-ready", cluster.Backends{Replicas: 2})
	pod := cluster.Pods(t, w.namespace, "app=shop")[0]
	w.start()
	turned := make(chan time.Time, 1)
	go func() {
		defer close(turned)
		err := cluster.Follow(t.Context(), "/api/v1/namespaces/"+w.namespace+"/pods?watch=1&fieldSelector=metadata.name="+pod, func(_ string, p podStatus) bool { return !p.ready() })
		if err == nil {
			turned <- time.Now()
		}
	}()
	cluster.SetReady(t, w.namespace, pod, false)
	moment, ok := <-turned
	if !ok {
		t.Fatal("the pod never turned")
	}
	time.Sleep(time.Until(moment.Add(time.Second)))
	before := cluster.Stats(t, w.namespace, pod).Requests
	time.Sleep(after() + time.Second)
	if late := cluster.Stats(t, w.namespace, pod).Requests - before; late > 0 || before == 0 {
		t.Errorf("%d requests later than a second after, of %d", late, before+late)
	}
	cluster.SetReady(t, w.namespace, pod, true)
	cluster.Eventually(t, 30*time.Second, func() error {
		if cluster.Stats(t, w.namespace, pod).Requests == before {
			return fmt.Errorf("ready again, and no requests come")
		}
		return nil
	})
	w.stopWithoutLoss()
}

// Pods that all turn at once are far more often alive than broken all in one moment: so it is when
// Kubernetes does not hear their node.
func TestPodsThatAllTurnNotReady(t *testing.T) {
	w := newWorld(t, "all-not-ready", cluster.Backends{Replicas: 2})
	pods := cluster.Pods(t, w.namespace, "app=shop")
	w.start()
	for _, pod := range pods {
		cluster.SetReady(t, w.namespace, pod, false)
	}
	cluster.Kubectl(t, "wait", "pods", "--namespace", w.namespace, "--selector=app=shop", "--for=condition=Ready=false", "--timeout=30s")
	time.Sleep(after() + time.Second)
	before := cluster.Stats(t, w.namespace, pods[0]).Requests + cluster.Stats(t, w.namespace, pods[1]).Requests
	time.Sleep(time.Second)
	if cluster.Stats(t, w.namespace, pods[0]).Requests+cluster.Stats(t, w.namespace, pods[1]).Requests == before {
		t.Error("they get no requests")
	}
	for _, pod := range pods {
		cluster.SetReady(t, w.namespace, pod, true)
	}
	cluster.Ready(t, w.namespace, "shop")
	w.stopWithoutLoss()
}

type podStatus struct {
	Status struct {
		Conditions []struct{ Type, Status string }
	}
}

func (p podStatus) ready() bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}
	return false
}
