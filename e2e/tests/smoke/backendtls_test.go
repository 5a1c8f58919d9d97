package smoke

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tidegate.dev/e2e/certificate"
	"tidegate.dev/e2e/cluster"
)

// backendPolicy says how the Service shop is spoken to.
func backendPolicy(authority string) string {
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: shop, sectionName: https}]
  validation:
    hostname: pods.example.com
    caCertificateRefs: [%s]`, authority)
}

func expectAccepted(t *testing.T, namespace, wanted string) {
	t.Helper()
	expectPolicy(t, namespace, "backendtlspolicy/shop", "Accepted", wanted)
}

// The ConfigMap is followed by its name from when the policy refers to it.
func TestTLSToBackends(t *testing.T) {
	authority := newAuthority(t)
	testTLSToBackends(t, "smoke-backend-tls", authority, `{group: "", kind: ConfigMap, name: authority}`,
		authority.ConfigMap("authority"), "--namespace=smoke-backend-tls", "configmap/authority")
}

// The kind is watched while the API server serves it.
func TestTLSToBackendsOfTheClustersAuthority(t *testing.T) {
	authority := newAuthority(t)
	const name = "clustertrustbundle/smoke-authority"
	t.Cleanup(func() { cluster.Kubectl(t, "delete", "--ignore-not-found", name) })
	testTLSToBackends(t, "smoke-trust-bundle", authority,
		`{group: certificates.k8s.io, kind: ClusterTrustBundle, name: smoke-authority}`, authority.TrustBundle("smoke-authority"), name)
}

func newAuthority(t *testing.T) *certificate.Authority {
	t.Helper()
	authority, err := certificate.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// testTLSToBackends lets the object that holds the authority come and go.
func testTLSToBackends(t *testing.T, name string, authority *certificate.Authority, reference, holder string, named ...string) {
	t.Helper()
	issued, err := authority.Issue("pods.example.com")
	if err != nil {
		t.Fatal(err)
	}
	namespace := cluster.Namespace(t, name)
	cluster.Apply(t, namespace, issued.Secret("shop-tls"), backendPolicy(reference), cluster.Gateway("web", cluster.HTTP),
		cluster.Backends{Name: "shop", Replicas: 1, TLS: "shop-tls"}.Manifest(),
		cluster.Route("shop", "web", host, "{name: shop, port: 443}"))
	cluster.Ready(t, namespace, "shop")
	request := cluster.Request{Address: cluster.Addresses(t, namespace, "web")[0], Host: host}
	closed := func() error {
		answer, err := cluster.Ask(request)
		if err == nil && answer.Status != http.StatusInternalServerError {
			err = fmt.Errorf("status %d", answer.Status)
		}
		return err
	}
	expectAccepted(t, namespace, "False NoValidCACertificate")
	cluster.Eventually(t, 10*time.Second, closed)

	cluster.Apply(t, namespace, holder)
	expectAccepted(t, namespace, "True Accepted")
	cluster.Eventually(t, time.Second, func() error { return cluster.Answers(request, "shop-") })

	cluster.Kubectl(t, append([]string{"delete"}, named...)...)
	expectAccepted(t, namespace, "False NoValidCACertificate")
	cluster.Eventually(t, time.Second, closed)
}
