package smoke

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// calm allows one retry of requests to the Service shop, in each replica of Tidegate.
const calm = `apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: calm}
spec:
  targetRefs: [{group: "", kind: Service, name: shop}]
  retryConstraint:
    budget: {percent: 0, interval: 1h}
    minRetryRate: {count: 1, interval: 1h}`

// What the backend says to a bad request is passed on until the budget is used up.
func TestRetryBudget(t *testing.T) {
	namespace := cluster.Namespace(t, "smoke-retry-budget")
	route := strings.Replace(cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "{backendRefs:",
		"{retry: {codes: [400], attempts: 1}, backendRefs:", 1)
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP), cluster.Backends{Name: "shop", Replicas: 1}.Manifest(), route)
	cluster.Ready(t, namespace, "shop")
	request := cluster.Request{Address: cluster.Addresses(t, namespace, "web")[0], Host: host, Path: "?bytes=none"}
	says := func(status int, text string) func() error {
		return func() error {
			answer, err := cluster.Ask(request)
			if err == nil && (answer.Status != status || !strings.Contains(answer.Body, text)) {
				err = fmt.Errorf("%d %q", answer.Status, answer.Body)
			}
			return err
		}
	}
	refused := says(http.StatusServiceUnavailable, "RetryBudgetExceeded")
	cluster.Eventually(t, 10*time.Second, says(http.StatusBadRequest, "none"))

	cluster.Apply(t, namespace, calm)
	expectPolicy(t, namespace, "xbackendtrafficpolicy/calm", "Accepted", "True Accepted")
	// Each replica has a retry to give.
	cluster.Eventually(t, 10*time.Second, everywhere(refused))
	// The second by name has nothing to say.
	cluster.Apply(t, namespace, strings.NewReplacer("name: calm", "name: other", "count: 1,", "count: 1000,").Replace(calm))
	expectPolicy(t, namespace, "xbackendtrafficpolicy/other", "Accepted", "False Conflicted")
	if err := refused(); err != nil {
		t.Error(err)
	}
	cluster.Kubectl(t, "delete", "--namespace", namespace, "xbackendtrafficpolicy/calm")
	expectPolicy(t, namespace, "xbackendtrafficpolicy/other", "Accepted", "True Accepted")
	cluster.Eventually(t, 10*time.Second, says(http.StatusBadRequest, "none"))
}
