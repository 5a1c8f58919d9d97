package smoke

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"tidegate.dev/e2e/backend"
	"tidegate.dev/e2e/bed"
	"tidegate.dev/e2e/cluster"
)

const xbackend = `apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {name: carts}
spec: %s`

const selecting = "{type: EndpointSelector, port: {number: 8080}, endpointSelector: {matchLabels: {app: %s}}}"

// made lists the Services that find the pods of XBackends, each with what it selects.
func made(t *testing.T, namespace string) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name            string
				OwnerReferences []struct{ Kind, Name string }
			}
			Spec struct {
				ClusterIP string
				Selector  map[string]string
			}
		}
	}
	cluster.Get(t, &list, "services", "--namespace", namespace, "--selector", "tidegate.dev/xbackend=carts")
	found := map[string]string{}
	for _, service := range list.Items {
		owners := service.Metadata.OwnerReferences
		if service.Spec.ClusterIP != "None" || len(owners) != 1 || owners[0].Kind != "XBackend" || owners[0].Name != "carts" {
			t.Errorf("%+v", service)
		}
		found[service.Metadata.Name] = service.Spec.Selector["app"]
	}
	return found
}

// told reads the only entry of the XBackend's status, as type and reason.
func told(t *testing.T, namespace string) []string {
	t.Helper()
	var object struct {
		Status struct {
			Ancestors []struct {
				AncestorRef struct{ Name string }
				Conditions  []cluster.ConditionOf
			}
		}
	}
	cluster.Get(t, &object, "--namespace", namespace, "xbackend/carts")
	var all []string
	for _, ancestor := range object.Status.Ancestors {
		for _, condition := range ancestor.Conditions {
			all = append(all, fmt.Sprintf("%s %s %s", ancestor.AncestorRef.Name, condition.Type, condition.Reason))
		}
	}
	slices.Sort(all)
	return all
}

// Pods that an XBackend selects come and go; its Service is one, is edited in place, and goes when nothing needs it.
func TestXBackend(t *testing.T) {
	namespace := cluster.Namespace(t, "smoke-xbackend")
	route := cluster.Route("carts", "web", host, "{group: gateway.networking.x-k8s.io, kind: XBackend, name: carts}")
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP), cluster.Backends{Name: "one", Replicas: 1}.Manifest(),
		cluster.Backends{Name: "two", Replicas: 1}.Manifest(), fmt.Sprintf(xbackend, fmt.Sprintf(selecting, "one")))
	cluster.Ready(t, namespace, "one")
	cluster.Ready(t, namespace, "two")
	address := cluster.Addresses(t, namespace, "web")[0]
	if services := made(t, namespace); len(services) != 0 {
		t.Fatalf("no route leads there yet, and there are %v", services)
	}
	cluster.Apply(t, namespace, route)
	request := cluster.Request{Address: address, Host: host}
	answers := func(prefix string) {
		t.Helper()
		cluster.Eventually(t, 20*time.Second, func() error { return cluster.Answers(request, prefix) })
	}
	answers("one-")
	cluster.Eventually(t, 10*time.Second, func() error {
		if got, want := told(t, namespace), []string{"web Accepted Accepted", "web ResolvedRefs ResolvedRefs"}; !slices.Equal(got, want) {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
	first := made(t, namespace)
	if len(first) != 1 {
		t.Fatalf("one Service is wanted: %v", first)
	}

	pod := cluster.Pods(t, namespace, "app=one")[0]
	cluster.Kubectl(t, "scale", "--namespace", namespace, "deployment/one", "--replicas=2")
	met := map[string]bool{}
	cluster.Eventually(t, 60*time.Second, func() error {
		answer, err := cluster.Ask(request)
		if met[answer.Backend] = true; err != nil || len(met) < 2 {
			return fmt.Errorf("only %v answer: %v", met, err)
		}
		return nil
	})
	cluster.Kubectl(t, "delete", "pod", "--namespace", namespace, "--wait=false", pod)
	for range 20 {
		if err := cluster.Answers(request, "one-"); err != nil {
			t.Fatalf("while a pod goes: %v", err)
		}
	}

	cluster.Apply(t, namespace, fmt.Sprintf(xbackend, fmt.Sprintf(selecting, "two")))
	answers("two-")
	edited := made(t, namespace)
	for name := range first {
		if len(edited) != 1 || edited[name] != "two" {
			t.Errorf("after an edit of the labels %v, before %v", edited, first)
		}
	}

	// Of a host there are no pods to find. Nothing in the cluster has this name.
	cluster.Apply(t, namespace, fmt.Sprintf(xbackend, "{type: ExternalHostname, port: {number: 80}, externalHostname: {hostname: carts.invalid}}"))
	cluster.Eventually(t, 10*time.Second, func() error {
		answer, err := cluster.Ask(request)
		if services := made(t, namespace); err != nil || answer.Status != 503 || len(services) != 0 {
			return fmt.Errorf("status %d, %v, Services %v", answer.Status, err, services)
		}
		return nil
	})

	cluster.Apply(t, namespace, fmt.Sprintf(xbackend, fmt.Sprintf(selecting, "one")))
	answers("one-")
	cluster.Kubectl(t, "delete", "--namespace", namespace, "xbackend/carts")
	cluster.Eventually(t, 60*time.Second, func() error {
		if services := made(t, namespace); len(services) != 0 {
			return fmt.Errorf("the XBackend is gone, and there are %v", services)
		}
		return nil
	})
}

// A host that is neither a pod nor a Service, by its name.
func TestXBackendOutside(t *testing.T) {
	listener, err := net.Listen("tcp", net.JoinHostPort(bed.OutsideAddress, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: backend.New("outside")}
	t.Cleanup(func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
	namespace := cluster.Namespace(t, "smoke-outside")
	cluster.Apply(t, namespace, cluster.Gateway("web", cluster.HTTP),
		fmt.Sprintf(xbackend, fmt.Sprintf("{type: ExternalHostname, port: {number: %d}, externalHostname: {hostname: %s}}",
			listener.Addr().(*net.TCPAddr).Port, bed.Outside)),
		cluster.Route("outside", "web", host, "{group: gateway.networking.x-k8s.io, kind: XBackend, name: carts}"))
	request := cluster.Request{Address: cluster.Addresses(t, namespace, "web")[0], Host: host}
	cluster.Eventually(t, 20*time.Second, everywhere(func() error { return cluster.Answers(request, "outside") }))
}
