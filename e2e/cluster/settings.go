// Package cluster is what tests need that use a real cluster: the one that $KUBECONFIG names.
package cluster

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Settings come from the environment, which `e2e` sets.
type Settings struct {
	// Bed tells that the cluster is the test bed, whose API server can be stopped and whose audit
	// log can be read.
	Bed bool
	// Image is what is tested, Next the same by another tag, Backend what stands behind it.
	Image, Next, Backend string
	// Build takes reports, and what helps to understand a failure.
	Build string
	// Channel is which of Gateway API's CRDs the cluster has: experimental or standard.
	Channel string
	// Long is for disturbances that last.
	Long bool
	// Load multiplies the connections of load tests.
	Load float64
}

// The names that images have if nothing else is said.
const (
	DefaultImage   = "tidegate.dev/tidegate:dev"
	DefaultNext    = "tidegate.dev/tidegate:next"
	DefaultBackend = "tidegate.dev/backend:dev"
)

// The environment's variables.
const (
	EnvExisting = "E2E_EXISTING"
	EnvImage    = "E2E_IMAGE"
	EnvNext     = "E2E_NEXT_IMAGE"
	EnvBackend  = "E2E_BACKEND_IMAGE"
	EnvLoad     = "E2E_LOAD"
	EnvChannel  = "E2E_CHANNEL"
)

// Current reads the environment.
func Current() Settings {
	return Settings{
		Bed:     os.Getenv(EnvExisting) == "",
		Image:   cmp.Or(os.Getenv(EnvImage), DefaultImage),
		Next:    cmp.Or(os.Getenv(EnvNext), DefaultNext),
		Backend: cmp.Or(os.Getenv(EnvBackend), DefaultBackend),
		Build:   filepath.Join(Root(), "build", "e2e"),
		Channel: cmp.Or(os.Getenv(EnvChannel), "experimental"),
		Long:    os.Getenv("LONG") != "",
		Load:    load(),
	}
}

func load() float64 {
	factor, err := strconv.ParseFloat(cmp.Or(os.Getenv(EnvLoad), "1"), 64)
	if err != nil || factor <= 0 {
		panic(fmt.Sprintf("%s=%q is no factor", EnvLoad, os.Getenv(EnvLoad)))
	}
	return factor
}

// Root is the directory of the whole project.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Chart is the directory of the chart under test.
func Chart() string { return filepath.Join(Root(), "charts", "tidegate") }

// Version is that of the chart, and so of what is tested.
func Version(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(Chart(), "Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if version, found := strings.CutPrefix(line, "appVersion:"); found {
			return strings.Trim(version, " \"\n")
		}
	}
	t.Fatal("no appVersion in Chart.yaml")
	return ""
}

// split tells an image's repository from its tag.
func split(image string) (repository, tag string) {
	colon := strings.LastIndexByte(image, ':')
	if colon < strings.LastIndexByte(image, '/') {
		return image, "latest"
	}
	return image[:colon], image[colon+1:]
}
