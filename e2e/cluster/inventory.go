package cluster

import (
	"slices"
	"strings"
	"testing"
)

// fleeting kinds come and go by themselves, or are another name of a kind.
var fleeting = []string{"endpoints", "events", "events.events.k8s.io", "leases.coordination.k8s.io", "bindings", "componentstatuses", "ipaddresses.networking.k8s.io"}

// Inventory lists every object of every kind, as "kind namespace/name", but for fleeting kinds and
// for what Kubernetes itself puts into each namespace.
func Inventory(t *testing.T) []string {
	t.Helper()
	var kinds []string
	for _, kind := range strings.Fields(Kubectl(t, "api-resources", "--verbs=list", "--output=name")) {
		if !slices.Contains(fleeting, kind) {
			kinds = append(kinds, kind)
		}
	}
	output := Kubectl(t, "get", strings.Join(kinds, ","), "--all-namespaces", "--ignore-not-found", "--no-headers",
		"--output=custom-columns=:.kind,:.metadata.namespace,:.metadata.name")
	var all []string
	for line := range strings.Lines(output) {
		words := strings.Fields(line)
		if len(words) != 3 {
			continue
		}
		if words[0] == "ServiceAccount" && words[2] == "default" || words[0] == "ConfigMap" && words[2] == "kube-root-ca.crt" {
			continue
		}
		all = append(all, words[0]+" "+strings.TrimPrefix(words[1]+"/"+words[2], "<none>/"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Difference is what is in one and not in the other.
func Difference(of, without []string) []string {
	var rest []string
	for _, name := range of {
		if !slices.Contains(without, name) {
			rest = append(rest, name)
		}
	}
	return rest
}

// UserObjects lists what a user applied in a namespace, and what Kubernetes made of that.
func UserObjects(t *testing.T, namespace string) []string {
	t.Helper()
	var own []string
	for _, name := range Inventory(t) {
		// Of Tidegate's making are only ServiceAccounts there.
		if _, in, found := strings.Cut(name, " "); found && strings.HasPrefix(in, namespace+"/") && !strings.HasPrefix(name, "ServiceAccount ") {
			own = append(own, name)
		}
	}
	return own
}
