package smoke

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tidegate.dev/e2e/cluster"
)

// experimental is whether the installed CRDs have the fields of the experimental channel.
func experimental() bool { return cluster.Current().Channel == "experimental" }

// asking is a Gateway with these entries in spec.addresses.
func asking(name, addresses string) string {
	return cluster.Gateway(name, cluster.HTTP) + "\n  addresses: " + addresses
}

// addressesOf lists the addresses of a Gateway's status, each behind its routability.
func addressesOf(t *testing.T, namespace, gateway string) []string {
	t.Helper()
	var g struct {
		Status struct {
			Addresses []struct {
				Value       string
				Routability *string
			}
		}
	}
	cluster.Get(t, &g, "--namespace", namespace, "gateway/"+gateway)
	all := []string{}
	for _, address := range g.Status.Addresses {
		if address.Routability == nil {
			all = append(all, "unset:"+address.Value)
		} else {
			all = append(all, *address.Routability+":"+address.Value)
		}
	}
	return all
}

// serviceOf is the Service of a Gateway.
func serviceOf(t *testing.T, namespace, gateway string) (s struct {
	Metadata struct{ Name string }
	Spec     struct {
		Type       string
		ClusterIP  string
		ClusterIPs []string
	}
}) {
	t.Helper()
	uid := cluster.Kubectl(t, "get", "gateway", gateway, "--namespace", namespace, "--output", "jsonpath={.metadata.uid}")
	list := cluster.Kubectl(t, "get", "services", "--namespace", cluster.Usual.Namespace, "--selector", "tidegate.dev/gateway-uid="+uid, "--output", "jsonpath={.items[0]}")
	if err := json.Unmarshal([]byte(list), &s); err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	return s
}

// assigned waits until a Gateway's conditions are these.
func assigned(t *testing.T, namespace, gateway, programmed, reason string, parts ...string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		p := cluster.Condition(t, namespace, "gateway/"+gateway, "Programmed")
		a := cluster.Condition(t, namespace, "gateway/"+gateway, "AddressesAssigned")
		if p.Reason != programmed || a.Reason != reason {
			return fmt.Errorf("%s: %+v %+v", gateway, p, a)
		}
		for _, part := range parts {
			if !strings.Contains(a.Message, part) {
				return fmt.Errorf("%s: %q is not in %q", gateway, part, a.Message)
			}
		}
		return nil
	})
}

// GEP-5093: a ClusterIP where one is asked for, and nothing else in its place.
func TestRoutability(t *testing.T) {
	if !experimental() {
		_, err := cluster.Try(asking("web", "[{routability: Cluster}]"), "kubectl", "apply", "--dry-run=server", "--filename=-")
		if err == nil || !strings.Contains(err.Error(), `unknown field "spec.addresses[0].routability"`) {
			t.Errorf("the field in the standard channel: %v", err)
		}
		return
	}
	const free, outside, elsewhere = "10.96.77.77", "10.1.2.3", "10.1.2.4"
	const exposed = `
  infrastructure: {parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: balanced}}
---
apiVersion: tidegate.dev/v1alpha1
kind: GatewayParameters
metadata: {name: balanced}
spec: {service: {type: LoadBalancer}}`
	mark := cluster.Now(t)
	namespace, _ := shop(t, "routability", cluster.Gateway("web", cluster.HTTP), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	cluster.Apply(t, namespace,
		asking("inside", "[{routability: Cluster}]")+exposed,
		asking("both", "[{type: IPAddress}, {routability: Cluster}]"),
		asking("this-one", "[{value: "+free+", routability: Cluster}]"),
		asking("two", "[{routability: Cluster}, {routability: Cluster}]"),
		asking("partly", "[{type: IPAddress}, {value: "+outside+", routability: Cluster}]"),
		asking("none", "[{value: "+elsewhere+", routability: Cluster}]"),
		asking("unknown", "[{routability: example.com/lab}]"),
		asking("sentinel", "[{routability: testing.x-k8s.io/sentinel}]"))
	for _, name := range []string{"web", "inside", "both", "this-one", "two", "sentinel"} {
		assigned(t, namespace, name, "Programmed", "AddressesAssigned")
	}
	assigned(t, namespace, "partly", "Programmed", "PartiallyAssigned", "spec.addresses[1]: "+outside)
	assigned(t, namespace, "none", "AddressNotAssigned", "NotAssigned", "spec.addresses[0]: "+elsewhere)
	assigned(t, namespace, "unknown", "AddressNotAssigned", "NotAssigned", "spec.addresses[0].routability: \"example.com/lab\"")

	inside := serviceOf(t, namespace, "inside")
	if inside.Spec.Type != "ClusterIP" || !slices.Equal(addressesOf(t, namespace, "inside"), []string{"Cluster:" + inside.Spec.ClusterIP}) {
		t.Errorf("inside has %v and the Service %+v", addressesOf(t, namespace, "inside"), inside)
	}
	both := serviceOf(t, namespace, "both")
	all := addressesOf(t, namespace, "both")
	if both.Spec.Type != "LoadBalancer" || len(all) != 2 || !strings.HasPrefix(all[0], ":") || all[1] != "Cluster:"+both.Spec.ClusterIP {
		t.Errorf("both has %v and the Service %+v", all, both)
	}
	two := serviceOf(t, namespace, "two")
	if ips := two.Spec.ClusterIPs; len(ips) != 2 || !slices.Equal(addressesOf(t, namespace, "two"), []string{"Cluster:" + ips[0], "Cluster:" + ips[1]}) {
		t.Errorf("two has %v and the Service %+v", addressesOf(t, namespace, "two"), two)
	}
	for name, prefix := range map[string]string{"web": ":", "partly": ":", "sentinel": "testing.x-k8s.io/sentinel:"} {
		if all := addressesOf(t, namespace, name); len(all) != 1 || !strings.HasPrefix(all[0], prefix) {
			t.Errorf("%s has %v", name, all)
		}
	}
	for _, name := range []string{"none", "unknown"} {
		if s := serviceOf(t, namespace, name); s.Spec.Type != "ClusterIP" || len(addressesOf(t, namespace, name)) != 0 {
			t.Errorf("%s has %v and the Service %+v", name, addressesOf(t, namespace, name), s)
		}
	}

	// What was asked for stays when the Service is written again, and when it is asked for no more.
	for round, addresses := range []string{`[{"routability": "Cluster", "value": "` + free + `"}]`, `[{"routability": "Cluster"}]`} {
		edit(t, namespace, "this-one", addresses, round)
		if all := addressesOf(t, namespace, "this-one"); !slices.Equal(all, []string{"Cluster:" + free}) {
			t.Errorf("asking for %s: %v", addresses, all)
		}
	}
	// From two families to one and back.
	first := []string{"Cluster:" + two.Spec.ClusterIP}
	edit(t, namespace, "two", `[{"routability": "Cluster"}]`, 2)
	if all := addressesOf(t, namespace, "two"); !slices.Equal(all, first) {
		t.Errorf("two has %v, not %v", all, first)
	}
	edit(t, namespace, "two", `[{"routability": "Cluster"}, {"routability": "Cluster"}]`, 3)
	cluster.Eventually(t, 30*time.Second, func() error {
		if all := addressesOf(t, namespace, "two"); len(all) != 2 || all[0] != first[0] {
			return fmt.Errorf("two has %v", all)
		}
		return nil
	})

	// In and out of the cluster, on the fly.
	cluster.Kubectl(t, "patch", "gateway", "web", "--namespace", namespace, "--type=merge", "--patch", `{"spec": {"addresses": [{"routability": "Cluster"}]}}`)
	want := []string{"Cluster:" + serviceOf(t, namespace, "web").Spec.ClusterIP}
	cluster.Eventually(t, 30*time.Second, func() error {
		if all, s := addressesOf(t, namespace, "web"), serviceOf(t, namespace, "web"); !slices.Equal(all, want) || s.Spec.Type != "ClusterIP" {
			return fmt.Errorf("%v, not %v; %+v", all, want, s)
		}
		return cluster.Answers(cluster.Request{Address: want[0][len("Cluster:"):], Host: host}, "shop-")
	})
	cluster.Kubectl(t, "patch", "gateway", "web", "--namespace", namespace, "--type=merge", "--patch", `{"spec": {"addresses": null}}`)
	cluster.Eventually(t, 30*time.Second, func() error {
		all := addressesOf(t, namespace, "web")
		if len(all) != 1 || !strings.HasPrefix(all[0], ":") {
			return fmt.Errorf("%v", all)
		}
		return cluster.Answers(cluster.Request{Address: all[0][1:], Host: host}, "shop-")
	})

	// A ClusterIP that cannot be had is tried once, and nothing else is refused.
	refused := map[string]int{}
	for _, asked := range cluster.Since(t, mark) {
		if asked.User.Username == cluster.Usual.Account() && asked.Verb == "patch" && asked.Object.Resource == "services" && asked.Response.Code/100 != 2 {
			refused[asked.Object.Name] += asked.Response.Code
		}
	}
	if want := map[string]int{serviceOf(t, namespace, "partly").Metadata.Name: 422, serviceOf(t, namespace, "none").Metadata.Name: 422}; !maps.Equal(refused, want) {
		t.Errorf("refused: %v, not %v", refused, want)
	}
}

// edit sets the addresses of a Gateway, and waits until its Service was written again and its status is of that.
func edit(t *testing.T, namespace, gateway, addresses string, round int) {
	t.Helper()
	cluster.Kubectl(t, "patch", "gateway", gateway, "--namespace", namespace, "--type=merge", "--patch",
		fmt.Sprintf(`{"spec": {"addresses": %s, "infrastructure": {"labels": {"example.com/round": "%d"}}}}`, addresses, round))
	generation := cluster.Kubectl(t, "get", "gateway", gateway, "--namespace", namespace, "--output", "jsonpath={.metadata.generation}")
	cluster.Kubectl(t, "wait", "--namespace", namespace, "gateway/"+gateway, "--timeout=30s",
		`--for=jsonpath={.status.conditions[?(@.type=="AddressesAssigned")].observedGeneration}=`+generation)
	cluster.Kubectl(t, "wait", "--namespace", cluster.Usual.Namespace, "service/"+serviceOf(t, namespace, gateway).Metadata.Name, "--timeout=30s",
		fmt.Sprintf(`--for=jsonpath={.metadata.labels.example\.com/round}=%d`, round))
}

// What belongs to a field is claimed while the installed CRDs have the field.
func TestFeaturesOfTheChannel(t *testing.T) {
	var class struct {
		Status struct{ SupportedFeatures []struct{ Name string } }
	}
	cluster.Get(t, &class, "gatewayclass/tidegate")
	for _, name := range []string{"GatewayAddressRoutability", "GatewayAddressRoutabilityCluster", "GatewayListenerFilters"} {
		claimed := slices.ContainsFunc(class.Status.SupportedFeatures, func(f struct{ Name string }) bool { return f.Name == name })
		if claimed != experimental() {
			t.Errorf("%s: claimed %v with the CRDs of the channel %s", name, claimed, cluster.Current().Channel)
		}
	}
	mark := cluster.Now(t)
	namespace, _ := shop(t, "channel", cluster.Gateway("web", cluster.HTTP), cluster.Route("shop", "web", host, cluster.Ref("shop", 1)), "shop")
	want := "unset:"
	if experimental() {
		want = ":"
	}
	if all := addressesOf(t, namespace, "web"); len(all) != 1 || !strings.HasPrefix(all[0], want) {
		t.Errorf("web has %v", all)
	}
	// Whatever makes it look again, what is there already is not written again.
	writes := func() (count int) {
		for _, asked := range cluster.Usual.Changed(t, mark) {
			if asked.Resource() == "gateways/status" && asked.Object.Namespace == namespace {
				count++
			}
		}
		return count
	}
	before := writes()
	cluster.Kubectl(t, "annotate", "gateway", "web", "--namespace", namespace, "example.com/look=again")
	cluster.Apply(t, namespace, cluster.Gateway("second", cluster.HTTP))
	cluster.Addresses(t, namespace, "second")
	second := 0
	for _, asked := range cluster.Usual.Changed(t, mark) {
		if asked.Resource() == "gateways/status" && asked.Object.Namespace == namespace && asked.Object.Name == "second" {
			second++
		}
	}
	if after := writes() - second; after != before {
		t.Errorf("the status of web was written %d times, and then %d times more", before, after-before)
	}
}
