package cluster

import (
	"fmt"
	"testing"
)

// Release is an installation of the chart.
type Release struct {
	Name, Namespace string
}

// Usual is the release that most tests use. It has the chart's defaults.
var Usual = Release{Name: "tidegate", Namespace: "tidegate-system"}

// Install installs or upgrades, as a user would, with the image under test, and returns when all
// pods are ready.
func (r Release) Install(t *testing.T, values ...string) {
	t.Helper()
	if err := r.install(Current().Image, values...); err != nil {
		t.Fatal(err)
	}
}

func (r Release) install(image string, values ...string) error {
	repository, tag := split(image)
	arguments := []string{"upgrade", "--install", r.Name, Chart(), "--namespace", r.Namespace, "--create-namespace",
		"--set", fmt.Sprintf("image.repository=%s,image.tag=%s", repository, tag), "--wait", "--timeout", "2m"}
	for _, value := range values {
		arguments = append(arguments, "--set", value)
	}
	_, err := Try("", "helm", arguments...)
	return err
}

// Uninstall removes it and returns when all of it is gone. Its namespace stays.
func (r Release) Uninstall(t *testing.T) {
	t.Helper()
	Run(t, "", "helm", "uninstall", r.Name, "--namespace", r.Namespace, "--ignore-not-found", "--wait", "--timeout", "2m")
}

// Selector finds its pods.
func (r Release) Selector() string { return "app.kubernetes.io/instance=" + r.Name }
