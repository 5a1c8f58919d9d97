package install

import (
	"testing"

	"tidegate.dev/e2e/cluster"
)

// From one moment to the next the number of pods is an autoscaler's affair: meanwhile it must not
// fall to the API server's default of one.
func TestAutoscalingBeginsWithThePodsThatAreThere(t *testing.T) {
	release := cluster.Release{Name: "scaled", Namespace: cluster.Namespace(t, "install-scaled"), Values: []string{
		"gatewayClass.create=false", "ingressClass.enabled=false", "controllerName=example.com/scaled", "replicaCount=2"}}
	release.Install(t)
	t.Cleanup(func() { release.Uninstall(t) })
	release.Values = append(release.Values, "autoscaling.enabled=true")
	release.Install(t)
	var deployment struct{ Spec struct{ Replicas int } }
	cluster.Get(t, &deployment, "--namespace", release.Namespace, "deployment/scaled-tidegate")
	if got := deployment.Spec.Replicas; got != 2 {
		t.Errorf("%d replicas", got)
	}
}
