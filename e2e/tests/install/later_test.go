package install

import (
	"strings"
	"testing"

	"tidegate.dev/e2e/cluster"
)

func define(t *testing.T) {
	t.Helper()
	if err := cluster.DefineGatewayAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func contains(text string, all ...string) bool {
	for _, part := range all {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// Without Gateway API's CRDs the pods are ready and say what they wait for; when these come, all is
// picked up without a restart.
func TestDefinitionsThatComeLater(t *testing.T) {
	cluster.Usual.Uninstall(t)
	if err := cluster.RemoveGatewayAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster.Usual.Install(t)
	pods := cluster.Usual.Pods(t)
	if len(pods) != 2 {
		t.Fatalf("pods %v", pods)
	}
	for _, pod := range pods {
		log := cluster.Kubectl(t, "logs", "--namespace", cluster.Usual.Namespace, pod)
		if !contains(log, "gateways.gateway.networking.k8s.io") && !contains(log, "Gateway API") {
			t.Errorf("%s does not say what it waits for:\n%s", pod, log)
		}
	}
	define(t)
	// As NOTES.txt says: the chart makes the GatewayClass then.
	cluster.Usual.Install(t)
	namespace := cluster.Namespace(t, "install-later")
	shop(t, namespace, "tidegate")
	answers(t, namespace)
	if now := cluster.Usual.Pods(t); strings.Join(now, " ") != strings.Join(pods, " ") {
		t.Errorf("pods %v were replaced by %v", pods, now)
	}
}
