// Package smoke tests what a user does first.
package smoke

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

const host = "shop.example.com"

// shop is a namespace with a Gateway and a route to Services, all of which answer.
func shop(t *testing.T, name, gateway, route string, services ...string) (namespace string, addresses []string) {
	t.Helper()
	namespace = cluster.Namespace(t, "smoke-"+name)
	manifests := []string{gateway, route}
	for _, service := range services {
		manifests = append(manifests, cluster.Backends{Name: service, Replicas: 1}.Manifest())
	}
	cluster.Apply(t, namespace, manifests...)
	for _, service := range services {
		cluster.Ready(t, namespace, service)
	}
	addresses = cluster.Addresses(t, namespace, "web")
	for _, address := range addresses {
		cluster.Eventually(t, 10*time.Second, func() error {
			return cluster.Answers(cluster.Request{Address: address, Host: host}, services[0]+"-")
		})
	}
	return namespace, addresses
}

// everywhere tries that often that it meets each replica, as each connection goes to any of them: all
// have to be that far.
func everywhere(try func() error) func() error {
	return func() error {
		for range 20 {
			if err := try(); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestOneRoute(t *testing.T) {
	_, addresses := shop(t, "route", cluster.Gateway("web", cluster.HTTP), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	answer, err := cluster.Ask(cluster.Request{Address: addresses[0], Host: "other.example.com"})
	if err != nil || answer.Status != http.StatusNotFound {
		t.Errorf("a host that nobody routes: %+v, %v", answer, err)
	}
}

// On a dual-stack cluster a Gateway that asks for it has an address of each family.
func TestBothFamilies(t *testing.T) {
	gateway := cluster.Gateway("web", cluster.HTTP) + `
  infrastructure: {parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: dual}}
---
apiVersion: tidegate.dev/v1alpha1
kind: GatewayParameters
metadata: {name: dual}
spec: {service: {ipFamilyPolicy: RequireDualStack}}`
	// Each address has answered once this returns.
	_, addresses := shop(t, "families", gateway, cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	families := map[bool]int{}
	for _, address := range addresses {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			t.Fatal(err)
		}
		families[ip.Is6()]++
	}
	if families[false] != 1 || families[true] != 1 {
		t.Errorf("addresses %v", addresses)
	}
}

// A canary: 90 to 10, and 50 to 50 after an edit.
func TestWeights(t *testing.T) {
	namespace, addresses := shop(t, "weights", cluster.Gateway("web", cluster.HTTP),
		cluster.Route("shop", "web", host, cluster.Ref("v1", 90), cluster.Ref("v2", 10)), "v1", "v2")
	const requests = 400
	share := func() int {
		canary := 0
		for range requests {
			answer, err := cluster.Ask(cluster.Request{Address: addresses[0], Host: host})
			if err != nil || answer.Status != http.StatusOK {
				t.Fatalf("%+v, %v", answer, err)
			}
			if strings.HasPrefix(answer.Backend, "v2-") {
				canary++
			}
		}
		return canary
	}
	// Each worker of each pod deals out exactly, so the whole is off by at most one cycle of each.
	if got := share(); got < 30 || got > 50 {
		t.Errorf("%d of %d for a weight of 10 in 100", got, requests)
	}
	cluster.Apply(t, namespace, cluster.Route("shop", "web", host, cluster.Ref("v1", 50), cluster.Ref("v2", 50)))
	cluster.Eventually(t, 5*time.Second, func() error {
		if route := cluster.Condition(t, namespace, "httproute/shop", "Accepted"); route.ObservedGeneration != 2 {
			return fmt.Errorf("the edit is not seen: %+v", route)
		}
		return nil
	})
	if got := share(); got < 180 || got > 220 {
		t.Errorf("%d of %d for a weight of 50 in 100", got, requests)
	}
}

// Both pods serve every Gateway: each says itself that it answered.
func TestAllReplicasServe(t *testing.T) {
	_, addresses := shop(t, "replicas", cluster.Gateway("web", cluster.HTTP), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	pods := cluster.Usual.Pods(t)
	if len(pods) != 2 {
		t.Fatalf("pods %v", pods)
	}
	for _, pod := range pods {
		cluster.Eventually(t, 20*time.Second, func() error {
			if err := cluster.Answers(cluster.Request{Address: addresses[0], Host: host}, "shop-"); err != nil {
				return err
			}
			metrics := cluster.Kubectl(t, "get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:9901/proxy/metrics", cluster.Usual.Namespace, pod))
			for line := range strings.Lines(metrics) {
				if strings.HasPrefix(line, "tidegate_route_requests_total{") && strings.Contains(line, "smoke-replicas/shop") &&
					strings.Contains(line, `"2xx"`) && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
					return nil
				}
			}
			return fmt.Errorf("%s has answered nothing", pod)
		})
	}
}

func TestUpstream(t *testing.T) {
	namespace, addresses := shop(t, "upstream", cluster.Gateway("web", cluster.HTTP), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	pod := strings.TrimSpace(cluster.Kubectl(t, "get", "pods", "--namespace", namespace, "--output", "jsonpath={.items[0].status.podIP}"))
	cluster.Apply(t, namespace, fmt.Sprintf(`apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: partners}
spec:
  targets:
  - {name: direct, url: "http://%s:8080/partners", weight: 1}
  - {name: service, serviceRef: {name: shop, port: 80}, weight: 1}`, pod),
		cluster.Route("partners", "web", "partners.example.com", "{group: tidegate.dev, kind: Upstream, name: partners}"))
	cluster.Eventually(t, 10*time.Second, func() error {
		return cluster.Answers(cluster.Request{Address: addresses[0], Host: "partners.example.com"}, "shop-")
	})
	if accepted := cluster.Condition(t, namespace, "upstream/partners", "Accepted"); accepted.Status != "True" {
		t.Errorf("%+v", accepted)
	}
}
