package smoke

import (
	"fmt"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// expectPolicy waits until the Gateway web is a policy's only one, with such a condition: its status
// and its reason.
func expectPolicy(t *testing.T, namespace, name, condition, wanted string) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error {
		var policy struct {
			Status struct {
				Ancestors []struct {
					AncestorRef struct{ Name string }
					Conditions  []cluster.ConditionOf
				}
			}
		}
		cluster.Get(t, &policy, "--namespace", namespace, name)
		if ancestors := policy.Status.Ancestors; len(ancestors) != 1 || ancestors[0].AncestorRef.Name != "web" {
			return fmt.Errorf("%s has the ancestors %+v", name, ancestors)
		}
		for _, found := range policy.Status.Ancestors[0].Conditions {
			if found.Type == condition && found.Status+" "+found.Reason == wanted {
				return nil
			}
		}
		return fmt.Errorf("%s: %s is not %s: %+v", name, condition, wanted, policy.Status.Ancestors[0].Conditions)
	})
}
