// Package cluster tests on a real cluster: the one that $KUBECONFIG names.
package cluster

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"

	"tidegate.dev/e2e/bed"
)

const (
	source = ".."
	chart  = "../../charts/tidegate"
)

// command runs a program and returns what it wrote. What it writes as a warning is a failure.
func command(t *testing.T, input, program string, arguments ...string) string {
	t.Helper()
	// Not the test's context: what cleans up runs after that one ended.
	c := exec.CommandContext(context.Background(), program, arguments...)
	c.Stdin = strings.NewReader(input)
	var output, problems bytes.Buffer
	c.Stdout, c.Stderr = &output, &problems
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(arguments, " "), err, output.String(), problems.String())
	}
	if strings.Contains(problems.String(), "Warning") {
		t.Errorf("%s %s: %s", program, strings.Join(arguments, " "), problems.String())
	}
	return output.String()
}

func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	return command(t, "", "kubectl", arguments...)
}

// definitions installs CRDs, for good: those of Gateway API belong to the cluster.
func definitions(t *testing.T, which string) {
	t.Helper()
	files, err := bed.Definitions(t.Context(), source, which)
	if err != nil {
		t.Fatal(err)
	}
	apply := []string{"apply", "--server-side"}
	for _, file := range files {
		apply = append(apply, "--filename", file)
	}
	kubectl(t, apply...)
	kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
}

// namespace makes one in which the API server warns of pods that are not restricted, until the
// test ends.
func namespace(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "create", "namespace", name)
	t.Cleanup(func() { kubectl(t, "delete", "namespace", name, "--wait=false") })
	kubectl(t, "label", "namespace", name, "pod-security.kubernetes.io/warn=restricted")
}

// The API server takes every template: names, fields, types, and pods that are restricted.
func TestDryRunOfEveryTemplate(t *testing.T) {
	definitions(t, "standard")
	definitions(t, "servicemonitors")
	for _, name := range []string{"tidegate-system", "shop", "stock"} {
		namespace(t, name)
	}
	for _, c := range []struct {
		name    string
		values  []string
		objects int
	}{
		{"default", nil, 9},
		{"everything", []string{"--values", "../chart/testdata/everything.yaml"}, 17},
	} {
		t.Run(c.name, func(t *testing.T) {
			manifests := command(t, "", "helm", append([]string{"template", "tidegate", chart, "--namespace", "tidegate-system",
				"--api-versions", "gateway.networking.k8s.io/v1/GatewayClass"}, c.values...)...)
			output := command(t, manifests, "kubectl", "apply", "--server-side", "--dry-run=server", "--filename", "-")
			if got := strings.Count(output, "serverside-applied (server dry run)"); got != c.objects {
				t.Errorf("%d objects, want %d:\n%s", got, c.objects, output)
			}
		})
	}
}
