package smoke

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// ingress is an Ingress of the chart's class with one path of the host.
func ingress(name, more, path, service string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s}
spec:
  ingressClassName: tidegate%s
  rules:
  - host: %s
    http: {paths: [{path: %s, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}`, name, more, host, path, service)
}

// addressOf is what stands in an Ingress' status.
func addressOf(t *testing.T, namespace, name string) string {
	t.Helper()
	return cluster.Kubectl(t, "get", "ingress", name, "--namespace", namespace, "--output", "jsonpath={.status.loadBalancer.ingress[*].ip}")
}

// An Ingress from its first address to its last: with TLS, edits, a conflict that is told, and another
// controller's that is left alone.
func TestIngress(t *testing.T) {
	issued, trust := pair(t)
	namespace := cluster.Namespace(t, "smoke-ingress")
	services := func() string {
		return cluster.Kubectl(t, "get", "services", "--namespace", cluster.Usual.Namespace, "--selector", "tidegate.dev/ingress-class=tidegate", "--output", "name")
	}
	if got := services(); got != "" {
		t.Errorf("%s is there before any Ingress", got)
	}
	foreign := strings.Replace(ingress("foreign", "", "/", "shop"), "tidegate", "somebody-elses", 1)
	cluster.Apply(t, namespace, cluster.Backends{Name: "shop", Replicas: 1}.Manifest(), cluster.Backends{Name: "cart", Replicas: 1}.Manifest(),
		issued.Secret("shop-tls"), ingress("shop", "\n  tls: [{hosts: ["+host+"], secretName: shop-tls}]", "/", "shop"), foreign)
	cluster.Ready(t, namespace, "shop")
	cluster.Ready(t, namespace, "cart")
	var address string
	cluster.Eventually(t, 30*time.Second, func() error {
		addresses := strings.Fields(addressOf(t, namespace, "shop"))
		if len(addresses) == 0 {
			return fmt.Errorf("no address")
		}
		address = addresses[0]
		return nil
	})
	plain, encrypted := cluster.Request{Address: address, Host: host}, cluster.Request{Address: address, Host: host, TLS: trust}
	for _, request := range []cluster.Request{plain, encrypted} {
		cluster.Eventually(t, 10*time.Second, func() error { return cluster.Answers(request, "shop-") })
	}
	elsewhere := &tls.Config{ServerName: "other.example.com", InsecureSkipVerify: true}
	if answer, err := cluster.Ask(cluster.Request{Address: address, Host: "other.example.com", TLS: elsewhere}); err == nil {
		t.Errorf("a host without a certificate: %+v", answer)
	}

	// The second of two with one path, younger or at least later by name, is told, and its other path is
	// served.
	young := strings.Replace(ingress("young", "", "/", "cart"), "{paths: [", "{paths: [{path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}, ", 1)
	cluster.Apply(t, namespace, young)
	cart := cluster.Request{Address: address, Host: host, Path: "cart/1"}
	cluster.Eventually(t, 10*time.Second, func() error { return cluster.Answers(cart, "cart-") })
	if err := cluster.Answers(plain, "shop-"); err != nil {
		t.Error(err)
	}
	cluster.Eventually(t, 10*time.Second, func() error {
		reasons := cluster.Kubectl(t, "get", "events", "--namespace", namespace, "--field-selector", "involvedObject.kind=Ingress,involvedObject.name=young",
			"--output", "jsonpath={.items[*].reason}")
		if reasons != "PathTaken" {
			return fmt.Errorf("Events %q", reasons)
		}
		return nil
	})

	// Another backend, from the next request on.
	cluster.Apply(t, namespace, ingress("shop", "\n  tls: [{hosts: ["+host+"], secretName: shop-tls}]", "/", "cart"))
	cluster.Eventually(t, 5*time.Second, func() error { return cluster.Answers(plain, "cart-") })

	if got := addressOf(t, namespace, "foreign"); got != "" {
		t.Errorf("another controller's Ingress has the address %s", got)
	}
	// Whoever leaves the class loses the address, and the last one takes the Service with it.
	cluster.Kubectl(t, "patch", "ingress", "young", "--namespace", namespace, "--type", "merge", "--patch", `{"spec":{"ingressClassName":"somebody-elses"}}`)
	cluster.Eventually(t, 10*time.Second, func() error {
		if got := addressOf(t, namespace, "young"); got != "" {
			return fmt.Errorf("it still has %s", got)
		}
		return nil
	})
	if answer, err := cluster.Ask(cart); err != nil || answer.Status != http.StatusOK || !strings.HasPrefix(answer.Backend, "cart-") {
		t.Errorf("the other's path: %+v, %v", answer, err)
	}
	cluster.Kubectl(t, "delete", "ingress", "shop", "--namespace", namespace)
	cluster.Eventually(t, 10*time.Second, func() error {
		if got := services(); got != "" {
			return fmt.Errorf("%s is still there", got)
		}
		return nil
	})
}
