package smoke

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"tidegate.dev/e2e/certificate"
	"tidegate.dev/e2e/cluster"
)

const https = "{name: https, protocol: HTTPS, port: 443, hostname: shop.example.com, tls: {certificateRefs: [{name: shop-tls}]}}"

// pair is a certificate, and the trust of those that accept it.
func pair(t *testing.T) (certificate.Pair, *tls.Config) {
	t.Helper()
	authority, err := certificate.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	issued, err := authority.Issue(host)
	if err != nil {
		t.Fatal(err)
	}
	return issued, authority.Trust(host)
}

func TestHTTPS(t *testing.T) {
	issued, trust := pair(t)
	_, addresses := shop(t, "https", cluster.Gateway("web", cluster.HTTP, https)+"\n---\n"+issued.Secret("shop-tls"),
		cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	if err := cluster.Answers(cluster.Request{Address: addresses[0], Host: host, TLS: trust}, "shop-"); err != nil {
		t.Error(err)
	}
}

// cert-manager's order: it sees the Gateway, proves itself over the HTTP listener, and only then is
// there a Secret. HTTPS works within a second of that.
func TestSecretThatComesLater(t *testing.T) {
	issued, trust := pair(t)
	namespace := cluster.Namespace(t, "smoke-secret")
	cluster.Apply(t, namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(),
		cluster.Gateway("web", cluster.HTTP, https), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)))
	cluster.Ready(t, namespace, "shop")
	address := cluster.Addresses(t, namespace, "web")[0]
	plain := cluster.Request{Address: address, Host: host}
	cluster.Eventually(t, 10*time.Second, func() error { return cluster.Answers(plain, "shop-") })
	encrypted := cluster.Request{Address: address, Host: host, TLS: trust}
	if err := cluster.Answers(encrypted, "shop-"); err == nil {
		t.Fatal("HTTPS answers without a certificate")
	}
	cluster.Apply(t, namespace, issued.Secret("shop-tls"))
	cluster.Eventually(t, time.Second, func() error { return cluster.Answers(encrypted, "shop-") })
	if err := cluster.Answers(plain, "shop-"); err != nil {
		t.Error(err)
	}
}

// Clients need a certificate of the cluster's authority. Once that is gone nobody has a good one.
func TestClientsOfTheClustersAuthority(t *testing.T) {
	const bundle = "smoke-clients"
	issued, trust := pair(t)
	authority := newAuthority(t)
	t.Cleanup(func() { cluster.Kubectl(t, "delete", "--ignore-not-found", "clustertrustbundle/"+bundle) })
	namespace := cluster.Namespace(t, "smoke-clients")
	cluster.Apply(t, namespace, authority.TrustBundle(bundle), issued.Secret("shop-tls"), cluster.Backends{Name: "shop", Replicas: 1}.Manifest(),
		cluster.Gateway("web", https)+`
  tls: {frontend: {default: {validation: {caCertificateRefs: [{group: certificates.k8s.io, kind: ClusterTrustBundle, name: `+bundle+`}]}}}}`,
		cluster.Route("shop", "web", host, cluster.Ref("shop", 1)))
	cluster.Ready(t, namespace, "shop")
	address := cluster.Addresses(t, namespace, "web")[0]
	// with is the request of a client that has a certificate of that authority.
	with := func(authority *certificate.Authority) cluster.Request {
		own, err := authority.Issue("client.example.com")
		if err != nil {
			t.Fatal(err)
		}
		shown, err := tls.X509KeyPair(own.Certificate, own.Key)
		if err != nil {
			t.Fatal(err)
		}
		config := trust.Clone()
		config.Certificates = []tls.Certificate{shown}
		return cluster.Request{Address: address, Host: host, TLS: config}
	}
	refused := func(request cluster.Request) func() error {
		return func() error {
			if answer, err := cluster.Ask(request); err == nil {
				return fmt.Errorf("let in: %+v", answer)
			}
			return nil
		}
	}
	known := with(authority)
	cluster.Eventually(t, 10*time.Second, everywhere(func() error { return cluster.Answers(known, "shop-") }))
	for who, request := range map[string]cluster.Request{
		"without a certificate": {Address: address, Host: host, TLS: trust}, "of another authority": with(newAuthority(t)),
	} {
		if err := everywhere(refused(request))(); err != nil {
			t.Errorf("%s %v", who, err)
		}
	}
	cluster.Kubectl(t, "delete", "clustertrustbundle/"+bundle)
	cluster.Eventually(t, 10*time.Second, everywhere(refused(known)))
}
