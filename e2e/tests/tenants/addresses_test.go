package tenants

import (
	"slices"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// Who asks for the address of another's Gateway does not take its traffic.
func TestAddressOfAnother(t *testing.T) {
	v := newVictim(t, "addresses")
	thief := cluster.Namespace(t, "tenants-addresses-thief")
	cluster.Apply(t, thief, cluster.Backends{Name: "thief", Replicas: 1}.Manifest(),
		cluster.Gateway("web", cluster.HTTP)+"\n  addresses: [{type: IPAddress, value: "+v.address+"}]",
		cluster.Route("steal", "web", host, cluster.Ref("thief", 1)))
	cluster.Ready(t, thief, "thief")
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		v.isWell()
	}
	if got := cluster.Condition(t, thief, "gateway/web", "Programmed"); got.Status == "True" {
		t.Errorf("the thief's Gateway has the address: %+v", got)
	}
	if taken := cluster.AddressesNow(t, thief, "web"); slices.Contains(taken, v.address) {
		t.Errorf("the thief's Gateway says that it has %v", taken)
	}
}

// Labels that a Gateway wants on its objects cannot make them another's.
func TestLabelsOfAnother(t *testing.T) {
	v := newVictim(t, "labels")
	uid := cluster.Kubectl(t, "get", "gateway", "web", "--namespace", v.namespace, "--output", "jsonpath={.metadata.uid}")
	thief := cluster.Namespace(t, "tenants-labels-thief")
	cluster.Apply(t, thief, cluster.Gateway("web", "{name: http, protocol: HTTP, port: 81}")+`
  infrastructure:
    labels:
      gateway.networking.k8s.io/gateway-name: other
      tidegate.dev/gateway-namespace: `+v.namespace+`
      tidegate.dev/gateway-uid: `+uid+`
      kubernetes.io/service-name: web`)
	cluster.Addresses(t, thief, "web")
	v.isWell()
	cluster.Kubectl(t, "delete", "gateway", "web", "--namespace", thief)
	deadline := time.Now().Add(3 * time.Second)
	for time.Now().Before(deadline) {
		v.isWell()
	}
}
