package install

import (
	"testing"

	"tidegate.dev/e2e/cluster"
)

// Two releases live in one cluster: each serves the Gateways of its own class, also when one of them
// leaves.
func TestTwoReleases(t *testing.T) {
	define(t)
	cluster.Usual.Install(t)
	other := cluster.Release{Name: "other", Namespace: cluster.Namespace(t, "install-other"), Values: []string{
		"gatewayClass.name=other", "controllerName=example.com/other", "replicaCount=1"}}
	other.Install(t)
	t.Cleanup(func() { other.Uninstall(t) })
	first, second := cluster.Namespace(t, "install-first"), cluster.Namespace(t, "install-second")
	shop(t, first, "tidegate")
	shop(t, second, "other")
	answers(t, first)
	answers(t, second)
	for _, release := range []cluster.Release{cluster.Usual, other} {
		if leader := release.Leader(t); leader == "" {
			t.Errorf("nobody leads release %s", release.Name)
		}
	}
	other.Uninstall(t)
	answers(t, first)
}
