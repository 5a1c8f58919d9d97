// Package install tests the chart on a cluster.
package install

import (
	"regexp"
	"strings"
	"testing"

	"tidegate.dev/e2e/cluster"
)

// kind begins each object.
var kind = regexp.MustCompile(`(?m)^kind:`)

// The API server takes every template: names, fields, types, and pods that are restricted.
func TestDryRunOfEveryTemplate(t *testing.T) {
	define(t)
	if err := cluster.Define(t.Context(), "servicemonitors"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dry-run", "shop", "stock"} {
		cluster.Namespace(t, name)
	}
	everything := []string{"--values", "../../chart/testdata/everything.yaml"}
	for _, c := range []struct {
		name       string
		values     []string
		restricted bool
	}{
		{"default", nil, true},
		{"everything but ports of the node", append(everything, "--set", "hostPorts.gateway="), true},
		{"everything", everything, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.restricted {
				cluster.Unrestricted(t, "dry-run")
			}
			manifests := cluster.Run(t, "", "helm", append([]string{"template", "dry", cluster.Chart(), "--namespace", "dry-run", "--set", "gatewayClass.name=dry",
				"--api-versions", "gateway.networking.k8s.io/v1/GatewayClass"}, c.values...)...)
			output := cluster.Run(t, manifests, "kubectl", "apply", "--server-side", "--dry-run=server", "--filename", "-")
			want := len(kind.FindAllString(manifests, -1))
			if got := strings.Count(output, "serverside-applied (server dry run)"); got != want || want < 9 {
				t.Errorf("%d objects, want %d:\n%s", got, want, output)
			}
		})
	}
}
