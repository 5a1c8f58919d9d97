package cluster

import (
	"fmt"
	"strings"
	"testing"
)

// Release is an installation of the chart.
type Release struct {
	Name, Namespace string
	// Values are as in `helm --set`.
	Values []string
}

// Usual is the release that most tests use. It has the chart's defaults, unless a package's Main
// says otherwise.
var Usual = Release{Name: "tidegate", Namespace: "tidegate-system"}

// fullName is how the chart calls what it makes.
func (r Release) fullName() string {
	if strings.Contains(r.Name, "tidegate") {
		return r.Name
	}
	return r.Name + "-tidegate"
}

// Install installs or upgrades, as a user would, with the image under test, and returns when all
// pods are ready.
func (r Release) Install(t *testing.T) {
	t.Helper()
	r.Upgrade(t, Current().Image)
}

// Upgrade is Install with another image.
func (r Release) Upgrade(t *testing.T, image string) {
	t.Helper()
	if err := r.install(image); err != nil {
		t.Fatal(err)
	}
}

func (r Release) install(image string) error {
	repository, tag := split(image)
	arguments := []string{"upgrade", "--install", r.Name, Chart(), "--namespace", r.Namespace, "--create-namespace",
		"--set", fmt.Sprintf("image.repository=%s,image.tag=%s", repository, tag), "--wait", "--timeout", "2m"}
	for _, value := range r.Values {
		arguments = append(arguments, "--set", value)
	}
	_, err := Try("", "helm", arguments...)
	return err
}

// Rollback goes back to what was before the last upgrade.
func (r Release) Rollback(t *testing.T) {
	t.Helper()
	Run(t, "", "helm", "rollback", r.Name, "--namespace", r.Namespace, "--wait", "--timeout", "2m")
}

// Restart begins to replace all pods.
func (r Release) Restart(t *testing.T) {
	t.Helper()
	Kubectl(t, "rollout", "restart", "--namespace", r.Namespace, "deployment/"+r.fullName())
}

// Pods lists those that are not leaving.
func (r Release) Pods(t *testing.T) []string {
	t.Helper()
	return Pods(t, r.Namespace, r.selector())
}

// Replaced returns when all pods are ready and the old ones are gone.
func (r Release) Replaced(t *testing.T, old []string) {
	t.Helper()
	Ready(t, r.Namespace, r.fullName())
	Gone(t, r.Namespace, old...)
}

// Leader names the pod that leads; empty if none does.
func (r Release) Leader(t *testing.T) string {
	t.Helper()
	return Kubectl(t, "get", "lease", "--namespace", r.Namespace, r.fullName(), "--output", "jsonpath={.spec.holderIdentity}")
}

// Uninstall removes it and returns when all of it is gone. Its namespace stays.
func (r Release) Uninstall(t *testing.T) {
	t.Helper()
	Run(t, "", "helm", "uninstall", r.Name, "--namespace", r.Namespace, "--ignore-not-found", "--wait", "--timeout", "2m")
}

func (r Release) selector() string { return "app.kubernetes.io/instance=" + r.Name }
