package tenants

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// An Upstream leads to nothing that only Tidegate's own pod can reach.
func TestForbiddenTargets(t *testing.T) {
	namespace := cluster.Namespace(t, "tenants-targets")
	targets := []string{
		"http://127.0.0.1:9902", "http://[::1]:9902", "http://0.0.0.0:9902", "http://[::]:9902", "http://127.1.2.3:9902",
		"http://[::ffff:127.0.0.1]:9902", "http://localhost:9902", "http://169.254.169.254", "http://[fe80::1]", "http://[::ffff:169.254.169.254]",
	}
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP))
	for number, target := range targets {
		name := fmt.Sprintf("target-%d", number)
		cluster.Apply(t, namespace, fmt.Sprintf(`apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: %s}
spec: {targets: [{name: one, url: %q}]}`, name, target),
			cluster.Route(name, "web", name+".example.com", "{group: tidegate.dev, kind: Upstream, name: "+name+"}"))
	}
	address := cluster.Addresses(t, namespace, "web")[0]
	for number, target := range targets {
		cluster.Eventually(t, 10*time.Second, func() error {
			answer, err := cluster.Ask(cluster.Request{Address: address, Host: fmt.Sprintf("target-%d.example.com", number), Path: "debug/config"})
			if err == nil && answer.Status != http.StatusServiceUnavailable && answer.Status != http.StatusInternalServerError {
				err = fmt.Errorf("%s: %+v", target, answer)
			}
			return err
		})
	}
}

// A Service of type ExternalName would lead anywhere.
func TestExternalName(t *testing.T) {
	namespace := cluster.Namespace(t, "tenants-external")
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP), `apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: localhost, ports: [{port: 80}]}`,
		cluster.Route("outside", "web", host, "{name: outside, port: 80}"))
	address := cluster.Addresses(t, namespace, "web")[0]
	expectStatus(t, cluster.Request{Address: address, Host: host}, http.StatusInternalServerError)
	if refs := cluster.Condition(t, namespace, "httproute/outside", "ResolvedRefs"); refs.Status != "False" {
		t.Errorf("%+v", refs)
	}
}
