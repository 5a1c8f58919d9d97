// Package tenants tests what the owner of a namespace can do to others, and to the cluster.
package tenants

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tidegate.dev/e2e/certificate"
	"tidegate.dev/e2e/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

const host = "shop.example.com"

// victim is a namespace with a Gateway that serves HTTP and HTTPS for its own routes only.
type victim struct {
	*testing.T
	namespace, address string
	authority          *certificate.Authority
}

func newVictim(t *testing.T, name string) *victim {
	t.Helper()
	v := &victim{T: t, namespace: cluster.Namespace(t, "tenants-"+name)}
	var err error
	if v.authority, err = certificate.NewAuthority(); err != nil {
		t.Fatal(err)
	}
	pair, err := v.authority.Issue(host)
	if err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, v.namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(), pair.Secret("shop"),
		cluster.Gateway("web", cluster.HTTP, "{name: https, protocol: HTTPS, port: 443, hostname: "+host+", tls: {certificateRefs: [{name: shop}]}}"),
		cluster.Route("shop", "web", host, cluster.Ref("shop", 1)))
	cluster.Ready(t, v.namespace, "shop")
	v.address = cluster.Addresses(t, v.namespace, "web")[0]
	v.isWell()
	return v
}

// isWell checks that the victim's own requests are answered by its own backend, encrypted or not.
func (v *victim) isWell() {
	v.Helper()
	cluster.Eventually(v.T, 10*time.Second, func() error {
		if err := cluster.Answers(cluster.Request{Address: v.address, Host: host}, "shop-"); err != nil {
			return err
		}
		return cluster.Answers(cluster.Request{Address: v.address, Host: host, TLS: v.authority.Trust(host)}, "shop-")
	})
}

// expect waits for a condition with that reason.
func expect(t *testing.T, namespace, object, kind, status, reason string) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error {
		got := cluster.Condition(t, namespace, object, kind)
		if got.Status != status || got.Reason != reason {
			return fmt.Errorf("%s of %s is %+v, want %s by reason of %s", kind, object, got, status, reason)
		}
		return nil
	})
}

// expectStatus waits for an answer of the Gateway itself.
func expectStatus(t *testing.T, r cluster.Request, status int) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error {
		answer, err := cluster.Ask(r)
		if err == nil && (answer.Status != status || answer.Backend != "") {
			err = fmt.Errorf("%+v, want %d", answer, status)
		}
		return err
	})
}

// A route joins another namespace's Gateway only if that allows it.
func TestRouteOntoAnothersGateway(t *testing.T) {
	v := newVictim(t, "routes")
	thief := cluster.Namespace(t, "tenants-routes-thief")
	cluster.Apply(t, thief, cluster.Backends{Name: "thief", Replicas: 1}.Manifest(), `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: steal}
spec:
  parentRefs: [{name: web, namespace: `+v.namespace+`}]
  hostnames: [`+host+`]
  rules: [{matches: [{path: {type: Exact, value: /}}], backendRefs: [{name: thief, port: 80}]}]`)
	cluster.Ready(t, thief, "thief")
	expect(t, thief, "httproute/steal", "Accepted", "False", "NotAllowedByListeners")
	v.isWell()
}

// A Service of another namespace needs its grant.
func TestServiceOfAnother(t *testing.T) {
	v := newVictim(t, "services")
	thief := cluster.Namespace(t, "tenants-services-thief")
	cluster.Apply(t, thief, cluster.Gateway("web", cluster.HTTP),
		cluster.Route("read", "web", "read.example.com", "{name: shop, namespace: "+v.namespace+", port: 80}"))
	expect(t, thief, "httproute/read", "ResolvedRefs", "False", "RefNotPermitted")
	address := cluster.Addresses(t, thief, "web")[0]
	expectStatus(t, cluster.Request{Address: address, Host: "read.example.com"}, http.StatusInternalServerError)
}

// The certificate of another namespace needs its grant.
func TestSecretOfAnother(t *testing.T) {
	v := newVictim(t, "secrets")
	thief := cluster.Namespace(t, "tenants-secrets-thief")
	cluster.Apply(t, thief, cluster.Gateway("web", cluster.HTTP,
		"{name: https, protocol: HTTPS, port: 443, hostname: "+host+", tls: {certificateRefs: [{name: shop, namespace: "+v.namespace+"}]}}"))
	cluster.Eventually(t, 10*time.Second, func() error {
		refs := cluster.ListenerCondition(t, thief, "web", "https", "ResolvedRefs")
		if refs.Status != "False" || refs.Reason != "RefNotPermitted" {
			return fmt.Errorf("%+v", refs)
		}
		return nil
	})
	for _, address := range cluster.AddressesNow(t, thief, "web") {
		if err := cluster.Answers(cluster.Request{Address: address, Host: host, TLS: v.authority.Trust(host)}, ""); err == nil {
			t.Error("the thief shows the victim's certificate")
		}
	}
	v.isWell()
}

// The same hostname on another Gateway is another address's matter.
func TestHostnameOfAnother(t *testing.T) {
	v := newVictim(t, "hostnames")
	thief := cluster.Namespace(t, "tenants-hostnames-thief")
	cluster.Apply(t, thief, cluster.Backends{Name: "thief", Replicas: 1}.Manifest(),
		cluster.Gateway("web", "{name: http, protocol: HTTP, port: 80, hostname: "+host+"}"),
		cluster.Route("steal", "web", host, cluster.Ref("thief", 1)))
	cluster.Ready(t, thief, "thief")
	address := cluster.Addresses(t, thief, "web")[0]
	cluster.Eventually(t, 10*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: address, Host: host}, "thief-")
	})
	for range 20 {
		v.isWell()
	}
}
