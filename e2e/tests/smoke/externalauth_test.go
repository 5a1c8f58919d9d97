package smoke

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// A service decides who gets in: its 200 lets a request go on, its 400 is the answer, and without it
// there is none.
func TestExternalAuth(t *testing.T) {
	const filter = "{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}, http: {}}}"
	route := strings.Replace(cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "{backendRefs:",
		"{filters: ["+filter+"], backendRefs:", 1)
	namespace, addresses := shop(t, "auth", cluster.Gateway("web", cluster.HTTP), route, "shop", "auth")
	pod := cluster.Pods(t, namespace, "app=shop")[0]
	before := cluster.Stats(t, namespace, pod).Requests
	// A test's backend takes no such number.
	refused := cluster.Request{Address: addresses[0], Host: host, Path: "?bytes=many"}
	if answer, err := cluster.Ask(refused); err != nil || answer.Status != http.StatusBadRequest || !strings.HasPrefix(answer.Backend, "auth-") {
		t.Errorf("what the service refuses: %+v, %v", answer, err)
	}
	if after := cluster.Stats(t, namespace, pod).Requests; before == 0 || after != before {
		t.Errorf("%s was asked %d times, then %d", pod, before, after)
	}
	cluster.Kubectl(t, "scale", "--namespace", namespace, "deployment/auth", "--replicas=0")
	cluster.Eventually(t, 30*time.Second, func() error {
		answer, err := cluster.Ask(cluster.Request{Address: addresses[0], Host: host})
		if err != nil || answer.Status != http.StatusServiceUnavailable || answer.Body != "AuthUnavailable" {
			return fmt.Errorf("without the service: %+v, %v", answer, err)
		}
		return nil
	})
}
