package smoke

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/backend"
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

// A listener's service is asked before there is a route, which can match what it says. Whoever it refuses
// does not learn whether there is one.
func TestListenerFilters(t *testing.T) {
	const filter = "filters: {requests: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}, " +
		"http: {allowedResponseHeaders: [x-backend]}}}]}"
	gateway := cluster.Gateway("web", strings.Replace(cluster.HTTP, "}", ", "+filter+"}", 1))
	route := strings.Replace(cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "{backendRefs:",
		`{matches: [{headers: [{name: x-backend, type: RegularExpression, value: "auth-.*"}]}], backendRefs:`, 1)
	namespace, addresses := shop(t, "filters", gateway, route, "shop", "auth")
	ask := func(host, path string) cluster.Answer {
		t.Helper()
		answer, err := cluster.Ask(cluster.Request{Address: addresses[0], Host: host, Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	// A test's backend takes no such number.
	for _, name := range []string{host, "nowhere.example.com"} {
		if answer := ask(name, "?bytes=many"); answer.Status != http.StatusBadRequest || !strings.HasPrefix(answer.Backend, "auth-") {
			t.Errorf("what the service refuses of %s: %+v", name, answer)
		}
	}
	if answer := ask("nowhere.example.com", ""); answer.Status != http.StatusNotFound || answer.Body != "NoRoute" {
		t.Errorf("what the service lets in and no route has: %+v", answer)
	}
	cluster.Apply(t, namespace, strings.Replace(gateway, "{name: auth,", "{name: missing,", 1))
	cluster.Eventually(t, 30*time.Second, func() error {
		if answer := ask(host, ""); answer.Status != http.StatusInternalServerError || answer.Body != "BackendNotFound" {
			return fmt.Errorf("without the service: %+v", answer)
		}
		if told := cluster.ListenerCondition(t, namespace, "web", "http", "ResolvedRefs"); told.Reason != "InvalidListenerFilterRef" {
			return fmt.Errorf("the listener says %+v", told)
		}
		return nil
	})
}

// A service that is asked by gRPC: it says who somebody is, whatever they say themselves, or it answers.
func TestExternalAuthByGRPC(t *testing.T) {
	const filter = "{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: auth, port: 80}, grpc: {}}}"
	route := strings.Replace(cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "{backendRefs:",
		"{filters: ["+filter+"], backendRefs:", 1)
	namespace := cluster.Namespace(t, "smoke-auth-grpc")
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP), route,
		cluster.Backends{Name: "shop", Replicas: 1}.Manifest(), cluster.Backends{Name: "auth", Replicas: 1}.Manifest())
	cluster.Ready(t, namespace, "shop")
	cluster.Ready(t, namespace, "auth")
	address := cluster.Addresses(t, namespace, "web")[0]
	ask := func(authorization string, status int, by, user string) error {
		answer, err := cluster.Ask(cluster.Request{Address: address, Host: host, Path: "?header=X-User",
			Header: http.Header{"Authorization": {authorization}, "X-User": {"root"}}})
		if err == nil && (answer.Status != status || !strings.HasPrefix(answer.Backend, by) ||
			answer.Header.Get(backend.Seen) != user || !strings.HasPrefix(answer.Header.Get(backend.AdmittedBy), "auth-")) {
			err = fmt.Errorf("of %q: %+v", authorization, answer)
		}
		return err
	}
	cluster.Eventually(t, 20*time.Second, everywhere(func() error { return ask("Bearer ann", http.StatusOK, "shop-", "ann") }))
	pod := cluster.Pods(t, namespace, "app=shop")[0]
	before := cluster.Stats(t, namespace, pod).Requests
	for range 20 {
		if err := ask("Basic ann", http.StatusUnauthorized, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	if after := cluster.Stats(t, namespace, pod).Requests; before < 20 || after != before {
		t.Errorf("%s was asked %d times, then %d", pod, before, after)
	}
}
