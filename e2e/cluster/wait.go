package cluster

import (
	"encoding/json"
	"testing"
	"time"
)

// Eventually tries until there is no error.
func Eventually(t *testing.T, within time.Duration, try func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %s: %v", within, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Ready returns when all pods of a Deployment are there and ready.
func Ready(t *testing.T, namespace, deployment string) {
	t.Helper()
	Kubectl(t, "rollout", "status", "--namespace", namespace, "deployment/"+deployment, "--timeout=120s")
}

// Addresses returns those of a Gateway once it is programmed.
func Addresses(t *testing.T, namespace, gateway string) []string {
	t.Helper()
	Kubectl(t, "wait", "--namespace", namespace, "gateway/"+gateway, "--for=condition=Programmed", "--timeout=60s")
	addresses := AddressesNow(t, namespace, gateway)
	if len(addresses) == 0 {
		t.Fatalf("Gateway %s/%s is programmed and has no address", namespace, gateway)
	}
	return addresses
}

// AddressesNow returns those in a Gateway's status.
func AddressesNow(t *testing.T, namespace, gateway string) []string {
	t.Helper()
	var status struct {
		Status struct{ Addresses []struct{ Value string } }
	}
	Get(t, &status, "--namespace", namespace, "gateway/"+gateway)
	var addresses []string
	for _, address := range status.Status.Addresses {
		addresses = append(addresses, address.Value)
	}
	return addresses
}

// Get reads what kubectl gets as JSON.
func Get(t *testing.T, into any, arguments ...string) {
	t.Helper()
	output := Kubectl(t, append([]string{"get", "--output", "json"}, arguments...)...)
	if err := json.Unmarshal([]byte(output), into); err != nil {
		t.Fatalf("kubectl get %v: %v", arguments, err)
	}
}
