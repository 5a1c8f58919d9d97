package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Label marks the namespaces of tests, so that what was left behind can be found.
const Label = "tidegate.dev/e2e"

// Namespace makes one until the test ends, in which the API server warns of pods that are not
// restricted. If the test fails, what the cluster looked like then is kept.
func Namespace(t *testing.T, name string) string {
	t.Helper()
	Apply(t, "default", fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: %s, labels: {%s: test, pod-security.kubernetes.io/warn: restricted}}`, name, Label))
	t.Cleanup(func() { Kubectl(t, "delete", "namespace", name, "--wait=false") })
	t.Cleanup(func() {
		if _, kept := kept.LoadOrStore(t.Name(), true); t.Failed() && !kept {
			keep(t)
		}
	})
	return name
}

// Unrestricted ends the warnings in a namespace, for pods that need more than others.
func Unrestricted(t *testing.T, name string) string {
	t.Helper()
	Kubectl(t, "label", "namespace", name, "pod-security.kubernetes.io/warn-")
	return name
}

// kept are the tests that have told what the cluster looked like at their end.
var kept sync.Map

// keep writes a file with what helps to understand a failure.
func keep(t *testing.T) {
	var all strings.Builder
	for _, arguments := range [][]string{
		{"get", "pods,services,endpointslices,gateways,httproutes,grpcroutes", "-A", "-o", "wide"},
		{"get", "gatewayclasses,gateways,httproutes,grpcroutes", "-A", "-o", "yaml"},
		{"get", "services,configmaps,leases", "-n", Usual.Namespace, "-o", "yaml"},
		{"get", "events", "-A", "--sort-by=.lastTimestamp"},
		{"logs", "-n", Usual.Namespace, "-l", Usual.selector(), "--prefix", "--tail=300"},
	} {
		output, err := Try("", "kubectl", arguments...)
		fmt.Fprintf(&all, "# kubectl %s\n%s\n", strings.Join(arguments, " "), output)
		if err != nil {
			fmt.Fprintln(&all, err)
		}
	}
	name := filepath.Join(Current().Build, strings.ReplaceAll(t.Name(), "/", "-")+".txt")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Log(err)
	} else if err := os.WriteFile(name, []byte(all.String()), 0o644); err != nil {
		t.Log(err)
	} else {
		t.Log("what the cluster looked like:", name)
	}
}
