package guide

import (
	"testing"

	"tidegate.dev/e2e/cluster"
)

// pages in the order of somebody who begins with README.md and reads on. Each goes on with what the
// ones before left: the release, the Gateway and the route of manifests/kubernetes.
var pages = []struct{ name, section string }{
	{"README.md", "On Kubernetes"},
	{"docs/addresses.md", ""},
	{"docs/no-address.md", ""},
	{"docs/conditions.md", ""},
	{"docs/timeouts-and-retries.md", ""},
	{"docs/certificates.md", ""},
	{"docs/backend-tls.md", ""},
	{"docs/client-certificates.md", ""},
	{"docs/external-dns.md", ""},
	{"docs/namespaces.md", ""},
	{"docs/sizing.md", ""},
	{"docs/monitoring.md", ""},
	{"docs/upgrade.md", ""},
	{"docs/uninstall.md", ""},
	// Nothing is left, so that it can be installed again.
	{"docs/install.md", ""},
}

// On a cluster of somebody else this would remove Gateway API.
func TestPages(t *testing.T) {
	if !cluster.Current().Bed {
		t.Fatal("these pages end with the removal of Gateway API: they are for the test bed only")
	}
	cluster.Usual.Uninstall(t)
	t.Cleanup(func() { cluster.Usual.Uninstall(t) })
	if err := cluster.RemoveGatewayAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	for _, page := range pages {
		if !t.Run(page.name, func(t *testing.T) { r.with(t).follow(page.name, page.section) }) {
			t.FailNow()
		}
	}
}
