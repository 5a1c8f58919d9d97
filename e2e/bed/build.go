package bed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tidegate.dev/e2e/image"
)

// program is a set of binaries that one go command builds.
type program struct {
	// binaries is what it writes into Layout.Bin.
	binaries []string
	// module is the directory below e2e/ whose go.mod pins the versions; "" is e2e/ itself. A
	// package with @version needs none.
	module   string
	packages []string
	ldflags  string
	// test builds the package's tests into one binary.
	test bool
}

func programs() []program {
	const version = "k8s.io/component-base/version"
	components := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"}
	return []program{
		{
			binaries: components,
			module:   "kubernetes",
			packages: prefixed("k8s.io/kubernetes/cmd/", components),
			// Clients and admission read the version; built without these it is v0.0.0.
			ldflags: fmt.Sprintf("-X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=%[3]s", version, kubernetesVersion, minor()),
		},
		installed("containerd", "github.com/containerd/containerd/v2/cmd/containerd@"+containerdVersion),
		installed("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@"+containerdVersion),
		installed("ctr", "github.com/containerd/containerd/v2/cmd/ctr@"+containerdVersion),
		helm(),
		{binaries: []string{"pause"}, packages: []string{"./cmd/pause"}},
		{
			binaries: []string{"echo-basic"},
			module:   "conformance",
			packages: []string{"sigs.k8s.io/gateway-api-conformance-images/echo-basic"},
		},
	}
}

func helm() program {
	p := installed("helm", "helm.sh/helm/v3/cmd/helm@"+helmVersion)
	// Charts ask for a Kubernetes version; built without these, helm takes 1.20 for granted.
	const module = "helm.sh/helm/v3"
	p.ldflags = fmt.Sprintf("-X %[1]s/internal/version.version=%[2]s -X %[1]s/pkg/chartutil.k8sVersionMajor=1 -X %[1]s/pkg/chartutil.k8sVersionMinor=%[3]s",
		module, helmVersion, minor())
	return p
}

func minor() string { return strings.Split(kubernetesVersion, ".")[1] }

func installed(binary, pkg string) program {
	return program{binaries: []string{binary}, packages: []string{pkg}}
}

func prefixed(prefix string, names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = prefix + name
	}
	return all
}

// Build makes all that a cluster runs: Debian packages, programs, images. What is there already
// costs no time. source is the directory e2e/.
func (l Layout) Build(ctx context.Context, source string) error {
	if err := installPackages(ctx); err != nil {
		return err
	}
	for _, p := range programs() {
		if err := l.build(ctx, source, p); err != nil {
			return err
		}
	}
	return l.writeImages()
}

// BuildConformance makes the official conformance suite, as one binary, and returns its path.
func (l Layout) BuildConformance(ctx context.Context, source string) (string, error) {
	suite := program{binaries: []string{"conformance.test"}, module: "conformance", packages: []string{"."}, test: true}
	return filepath.Join(l.Bin, suite.binaries[0]), l.build(ctx, source, suite)
}

// BuildExternalDNS makes what tells the records that external-dns would make, and returns its path.
func (l Layout) BuildExternalDNS(ctx context.Context, source string) (string, error) {
	records := program{binaries: []string{"externaldns"}, module: "externaldns", packages: []string{"."}}
	return filepath.Join(l.Bin, records.binaries[0]), l.build(ctx, source, records)
}

// BuildHelm makes only helm, which needs neither root nor a cluster, and returns its path.
func (l Layout) BuildHelm(ctx context.Context, source string) (string, error) {
	return filepath.Join(l.Bin, "helm"), l.build(ctx, source, helm())
}

func (l Layout) build(ctx context.Context, source string, p program) error {
	directory := filepath.Join(source, p.module)
	want, err := p.stamp(directory)
	if err != nil {
		return err
	}
	stamp := filepath.Join(l.Bin, "."+p.binaries[0]+".stamp")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want && l.haveAll(p.binaries) {
		return nil
	}
	if err := os.MkdirAll(l.Bin, 0o755); err != nil {
		return err
	}
	started := time.Now()
	fmt.Printf("bed: building %s\n", strings.Join(p.binaries, ", "))
	command := exec.CommandContext(ctx, "go", p.arguments(l.Bin)...)
	command.Dir = directory
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+l.Bin, "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=auto")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	// Interrupted, the go command removes its temporary files.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Run(); err != nil {
		return fmt.Errorf("building %s: %w", p.binaries[0], err)
	}
	fmt.Printf("bed: built %s in %.0f s\n", p.binaries[0], time.Since(started).Seconds())
	return os.WriteFile(stamp, []byte(want), 0o644)
}

func (p program) arguments(bin string) []string {
	flags := []string{"-trimpath", "-buildvcs=false", "-ldflags", strings.TrimSpace("-s -w " + p.ldflags)}
	switch {
	case p.test:
		return append(append([]string{"test", "-c", "-o", filepath.Join(bin, p.binaries[0])}, flags...), p.packages...)
	case strings.Contains(p.packages[0], "@"):
		return append(append([]string{"install"}, flags...), p.packages...)
	default:
		return append(append([]string{"build", "-o", bin + "/"}, flags...), p.packages...)
	}
}

// stamp changes when a new build is due. The modules' content is pinned by go.sum.
func (p program) stamp(directory string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, p.arguments(""), runtime.Version())
	sources := []string{"go.mod", "go.sum", "*.go"}
	if p.module == "" {
		sources = nil
		for _, pkg := range p.packages {
			sources = append(sources, pkg+"/*.go")
		}
	}
	for _, pattern := range sources {
		files, err := filepath.Glob(filepath.Join(directory, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			hash.Write(content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (l Layout) haveAll(binaries []string) bool {
	for _, binary := range binaries {
		if _, err := os.Stat(filepath.Join(l.Bin, binary)); err != nil {
			return false
		}
	}
	return true
}

// What Debian has, and where it puts it.
var debian = []struct{ file, pkg string }{
	{"/usr/bin/etcd", "etcd-server"},
	// One built by the go command has no seccomp.
	{"/usr/sbin/runc", "runc"},
	{"/usr/sbin/nft", "nftables"},
	{"/usr/sbin/conntrack", "conntrack"},
	{"/usr/lib/cni/bridge", "containernetworking-plugins"},
	{"/usr/sbin/ip", "iproute2"},
	{"/usr/bin/nsenter", "util-linux"},
	{"/etc/ssl/certs/ca-certificates.crt", "ca-certificates"},
}

func installPackages(ctx context.Context) error {
	var missing []string
	for _, needed := range debian {
		if _, err := os.Stat(needed.file); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, needed.pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Printf("bed: apt-get install %s\n", strings.Join(missing, " "))
	install := append([]string{"install", "--yes", "--no-install-recommends", "--quiet"}, missing...)
	for _, arguments := range [][]string{{"update", "--quiet"}, install} {
		command := exec.CommandContext(ctx, "apt-get", arguments...)
		// Debian's etcd-server and containerd would start services of their own otherwise.
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", arguments[0], err, output)
		}
	}
	return nil
}

// pauseImage is what kubelet starts in each pod before the pod's own containers.
const pauseImage = "docker.io/tidegate/pause:1"

func (l Layout) writeImages() error {
	if err := os.MkdirAll(l.Images, 0o755); err != nil {
		return err
	}
	echo := "registry.k8s.io/gateway-api/conformance/echo-basic:"
	for _, i := range []struct{ archive, name, binary string }{
		{"pause", pauseImage, "pause"},
		{"echo-v0.1.0", echo + "v0.1.0", "echo-basic"},
		// The module proxy has no v0.2.0; only the suite's UDP backend names it, and v0.1.0 has
		// all that it needs.
		{"echo-v0.2.0", echo + "v0.2.0", "echo-basic"},
	} {
		binary := filepath.Join(l.Bin, i.binary)
		archive := filepath.Join(l.Images, i.archive+".tar")
		if newer(archive, binary) {
			continue
		}
		err := image.Image{
			Name:         i.name,
			Architecture: runtime.GOARCH,
			User:         "65532:65532",
			Files:        []image.File{{Source: binary, Target: "/" + i.binary, Mode: 0o755}},
		}.Write(archive)
		if err != nil {
			return fmt.Errorf("image %s: %w", i.name, err)
		}
	}
	return nil
}

func newer(file, than string) bool {
	a, err := os.Stat(file)
	if err != nil {
		return false
	}
	b, err := os.Stat(than)
	return err == nil && a.ModTime().After(b.ModTime())
}
