package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// Try runs a program and returns what it wrote. What it writes as a warning is an error too.
func Try(input, program string, arguments ...string) (string, error) {
	// Not a test's context: what cleans up runs after that one ended.
	c := exec.CommandContext(context.Background(), program, arguments...)
	c.Stdin = strings.NewReader(input)
	var output, problems bytes.Buffer
	c.Stdout, c.Stderr = &output, &problems
	err := c.Run()
	if err == nil && strings.Contains(problems.String(), "Warning") {
		err = fmt.Errorf("a warning")
	}
	if err != nil {
		return output.String(), fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(arguments, " "), err, output.String(), problems.String())
	}
	return output.String(), nil
}

// Run is Try, and an error ends the test.
func Run(t *testing.T, input, program string, arguments ...string) string {
	t.Helper()
	output, err := Try(input, program, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// Kubectl runs kubectl.
func Kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	return Run(t, "", "kubectl", arguments...)
}

// Apply applies manifests; their namespace is that one where they name none.
func Apply(t *testing.T, namespace string, manifests ...string) {
	t.Helper()
	Run(t, strings.Join(manifests, "\n---\n"), "kubectl", "apply", "--server-side", "--namespace", namespace, "--filename", "-")
}
