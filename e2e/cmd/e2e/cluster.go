package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"tidegate.dev/e2e/bed"
	"tidegate.dev/e2e/cluster"
	"tidegate.dev/e2e/image"
)

// target is a cluster to test on.
type target interface {
	// start returns when it is there with all that tests need.
	start(ctx context.Context) error
	// command is a program that reaches it.
	command(ctx context.Context, arguments ...string) (*exec.Cmd, error)
	// without lists tests that it cannot run.
	without() []string
	// end leaves nothing behind, whatever happened.
	end() error
}

func newCluster(which string) (target, error) {
	switch which {
	case "bed", "up":
		if err := bed.RequireRoot(); err != nil {
			return nil, err
		}
		l, err := bed.NewLayout()
		return &testBed{Layout: l, stays: which == "up"}, err
	case "existing":
		return existing{}, nil
	default:
		return nil, fmt.Errorf("no cluster is called %q: bed, up or existing", which)
	}
}

// testBed is one that starts for this, or that is up and stays.
type testBed struct {
	bed.Layout
	stays bool
}

func (b *testBed) start(ctx context.Context) error {
	source := filepath.Join(cluster.Root(), "e2e")
	archive := filepath.Join(cluster.Root(), "build", "tidegate.tar")
	if _, err := os.Stat(archive); err != nil {
		return fmt.Errorf("%w; `make image` writes it", err)
	}
	backend, err := backendImage(ctx, source)
	if err != nil {
		return err
	}
	if err := b.Build(ctx, source); err != nil {
		return err
	}
	if _, err := b.BuildConformance(ctx, source); err != nil {
		return err
	}
	if _, err := b.BuildExternalDNS(ctx, source); err != nil {
		return err
	}
	// The bed's network leads nowhere, so what comes from the module proxy comes now.
	for _, which := range []string{"standard", "experimental", "servicemonitors"} {
		if _, err := bed.Definitions(ctx, source, which); err != nil {
			return err
		}
	}
	if !b.stays {
		if err := b.Up(ctx, true); err != nil {
			return err
		}
	}
	for _, archive := range []string{archive, backend} {
		if err := b.Load(ctx, archive); err != nil {
			return err
		}
	}
	if err := b.Tag(ctx, cluster.DefaultImage, cluster.DefaultNext); err != nil {
		return err
	}
	if !b.stays {
		return nil
	}
	// What runs from a former image of that name would go on with it.
	command, err := b.Command(ctx, "kubectl", "rollout", "restart", "deployment", "--namespace", cluster.Usual.Namespace)
	if err != nil {
		return err
	}
	return command.Run()
}

func (b *testBed) command(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	return b.Command(ctx, arguments...)
}

func (b *testBed) without() []string { return nil }

func (b *testBed) end() error {
	if b.stays {
		return nil
	}
	return b.Down()
}

// backendImage makes what stands behind Gateways in tests.
func backendImage(ctx context.Context, source string) (string, error) {
	build := filepath.Join(cluster.Root(), "build", "e2e")
	if err := os.MkdirAll(build, 0o755); err != nil {
		return "", err
	}
	binary, archive := filepath.Join(build, "backend"), filepath.Join(build, "backend.tar")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/backend")
	command.Dir, command.Stderr = source, os.Stderr
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("building the backend: %w", err)
	}
	return archive, image.Image{
		Name:         cluster.DefaultBackend,
		Architecture: runtime.GOARCH,
		User:         "65532:65532",
		Files:        []image.File{{Source: binary, Target: "/backend", Mode: 0o755}},
	}.Write(archive)
}

// existing is the cluster of the user's own kubeconfig.
type existing struct{}

func (existing) start(ctx context.Context) error {
	l, err := bed.NewLayout()
	if err != nil {
		return err
	}
	suite, err := l.BuildConformance(ctx, filepath.Join(cluster.Root(), "e2e"))
	if err != nil {
		return err
	}
	// The user's own kubectl and helm come first.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":"+filepath.Dir(suite)); err != nil {
		return err
	}
	settings := cluster.Current()
	fmt.Printf("e2e: the cluster must be able to pull %s, %s and %s\n", settings.Image, settings.Next, settings.Backend)
	fmt.Printf("e2e: left out, since only the test bed can do it: %s\n", strings.Join(slices.Concat(onlyBed, onlyBedTests), ", "))
	return os.Setenv(cluster.EnvExisting, "1")
}

func (existing) command(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, arguments[0], arguments[1:]...), nil
}

func (existing) without() []string { return onlyBedTests }

// end removes what tests that were interrupted left. Gateway API's CRDs are the cluster's.
func (existing) end() error {
	return cluster.RemoveAll()
}
