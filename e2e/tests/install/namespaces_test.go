package install

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// With watchNamespaces only these count, and what lies elsewhere may not be referred to.
func TestWatchNamespaces(t *testing.T) {
	define(t)
	watched, other := cluster.Namespace(t, "install-watched"), cluster.Namespace(t, "install-unwatched")
	release := cluster.Release{Name: "narrow", Namespace: cluster.Namespace(t, "install-narrow"), Values: []string{
		"gatewayClass.name=narrow", "controllerName=example.com/narrow", "replicaCount=1", "watchNamespaces={" + watched + "}"}}
	var begun cluster.Mark
	if cluster.Current().Bed {
		begun = cluster.Now(t)
	}
	release.Install(t)
	t.Cleanup(func() { release.Uninstall(t) })
	shop(t, other, "narrow")
	shop(t, watched, "narrow")
	answers(t, watched)

	// A grant there changes nothing: it cannot be seen.
	cluster.Apply(t, other, `apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: all}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: `+watched+`}]
  to: [{group: "", kind: Service}]`)
	cluster.Apply(t, watched, cluster.Route("far", "web", "far.example.com", "{name: shop, namespace: "+other+", port: 80}"))
	address := cluster.Addresses(t, watched, "web")[0]
	cluster.Eventually(t, 10*time.Second, func() error {
		refs := cluster.Condition(t, watched, "httproute/far", "ResolvedRefs")
		if refs.Status != "False" || refs.Reason != "RefNotPermitted" {
			return fmt.Errorf("ResolvedRefs is %+v", refs)
		}
		answer, err := cluster.Ask(cluster.Request{Address: address, Host: "far.example.com"})
		if err == nil && answer.Status != http.StatusInternalServerError {
			err = fmt.Errorf("%+v", answer)
		}
		return err
	})
	if message := cluster.Condition(t, watched, "httproute/far", "ResolvedRefs").Message; !contains(message, other, "watch") {
		t.Errorf("the message does not say that %s is not watched: %s", other, message)
	}
	if got := cluster.Condition(t, other, "gateway/web", "Programmed"); got.Status == "True" {
		t.Errorf("a Gateway in a namespace that is not watched: %+v", got)
	}
	if cluster.Current().Bed {
		if refused := release.Refused(t, begun); len(refused) > 0 {
			t.Errorf("it asked for what its roles do not grant: %v", refused)
		}
	}
}
