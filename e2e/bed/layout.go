// Package bed runs a one-node Kubernetes on this machine: etcd, kube-apiserver, controller-manager,
// scheduler, kubelet, containerd, runc, a CNI bridge and kube-proxy, all real, without Docker,
// systemd or a cloud.
//
// Everything runs in namespaces of its own for processes, mounts and the network. The network has
// no uplink, and all that runs ends with the first process, so nothing is left behind however the
// bed ends.
package bed

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What the cluster consists of. The Kubernetes version is also in kubernetes/go.mod.
const (
	kubernetesVersion = "v1.36.3"
	containerdVersion = "v2.4.2"
	helmVersion       = "v3.22.0"
)

// Addresses: documentation and private ranges, so that none can be mistaken for a real one.
const (
	nodeName = "node"

	nodeIPv4 = "192.0.2.10"
	nodeIPv6 = "2001:db8::10"

	podsIPv4 = "10.244.0.0/16"
	podsIPv6 = "fd00:10:244::/64"

	servicesIPv4 = "10.96.0.0/16"
	servicesIPv6 = "fd00:10:96::/112"

	// The API server's own Service is the first address of the range.
	kubernetesIPv4 = "10.96.0.1"

	balancerIPv4 = "198.51.100."
	balancerIPv6 = "2001:db8:51::"
)

// FreeAddress is one that a Service can ask for: the last that would be given to one that does not.
const FreeAddress = balancerIPv4 + "253"

// Layout tells where the files of a bed are.
type Layout struct {
	// Name tells beds on one machine apart.
	Name string
	// Bin holds the programs; all beds share them.
	Bin string
	// Images holds the archives of the images that every bed starts with.
	Images string
	// Run holds all that lives as long as the cluster.
	Run string
	// Log holds one file per process, and the API server's audit log; it outlives the cluster.
	Log string
}

// NewLayout finds the directories of the bed that the environment names: $TIDEGATE_BED (default
// "bed") in the user's cache.
func NewLayout() (Layout, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Layout{}, fmt.Errorf("no place for the test bed's files: %w", err)
	}
	name := cmp.Or(os.Getenv("TIDEGATE_BED"), "bed")
	if name != filepath.Base(name) {
		return Layout{}, fmt.Errorf("TIDEGATE_BED=%q must be a plain name", name)
	}
	root := filepath.Join(cache, "tidegate", "bed")
	return Layout{
		Name:   name,
		Bin:    filepath.Join(root, "bin"),
		Images: filepath.Join(root, "images"),
		Run:    filepath.Join(root, "run", name),
		Log:    filepath.Join(root, "log", name),
	}, nil
}

// AuditLog is where the API server writes who asked for what.
func (l Layout) AuditLog() string { return filepath.Join(l.Log, "audit.log") }

// Kubeconfig is the file with the administrator's credentials.
func (l Layout) Kubeconfig() string { return l.run("admin.kubeconfig") }

func (l Layout) run(elements ...string) string {
	return filepath.Join(append([]string{l.Run}, elements...)...)
}

func (l Layout) socket() string { return l.run("containerd.sock") }

// environment is the caller's with the bed's programs first in PATH: Debian's own containerd shim
// would be picked up otherwise.
func (l Layout) environment() []string {
	own := []string{"PATH=" + l.Bin + ":" + os.Getenv("PATH"), "KUBECONFIG=" + l.Kubeconfig()}
	// A second PATH would not count: of two variables of one name, programs take the first.
	return append(own, slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "PATH=") || strings.HasPrefix(variable, "KUBECONFIG=")
	})...)
}

// RequireRoot fails where the bed cannot run.
func RequireRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("the test bed needs root: it makes namespaces, mounts and cgroups. Run this as root, or use a cluster that you have")
	}
	return nil
}
