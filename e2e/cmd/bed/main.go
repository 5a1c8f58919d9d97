// Command bed runs the test bed: a one-node Kubernetes in namespaces of its own. It needs root.
//
//	bed build                  get and build all that it consists of, and the conformance suite
//	bed up                     build what is missing, start, and return when the node is Ready
//	bed down                   end everything and remove its files
//	bed run COMMAND...         up, run the command as exec does, down; also after a failure or Ctrl-C
//	bed crds [WHICH]           install CRDs: Gateway API's standard (default) or experimental ones, or servicemonitors
//	bed load ARCHIVE.tar       import a container image
//	bed exec COMMAND...        run a command in the cluster's network, with KUBECONFIG set
//	bed kubectl|helm ARGS...   the same, for these
//	bed ctr ARGS...            containerd's client
//	bed stop|start PART        end or start etcd, apiserver, controllers, scheduler, containerd, kubelet or kube-proxy
//
// Services of type LoadBalancer get addresses from 198.51.100.0/24 and 2001:db8:51::/120, which
// answer in the cluster's network. $TIDEGATE_BED names another bed beside the usual one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"tidegate.dev/e2e/bed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, os.Args[1:])
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "bed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("what? see the head of e2e/cmd/bed/main.go")
	}
	if err := bed.RequireRoot(); err != nil {
		return err
	}
	l, err := bed.NewLayout()
	if err != nil {
		return err
	}
	command, rest := arguments[0], arguments[1:]
	switch command {
	case bed.InitCommand:
		return l.Init()
	case "build":
		return build(ctx, l)
	case "up":
		return up(ctx, l, false)
	case "down":
		return l.Down()
	case "run":
		return supervise(ctx, l, rest)
	case "exec":
		return l.Exec(rest...)
	case "kubectl", "helm":
		return l.Exec(append([]string{filepath.Join(l.Bin, command)}, rest...)...)
	case "ctr":
		return l.Containerd(rest...)
	case "crds":
		return crds(ctx, l, rest)
	case "load", "stop", "start":
		if len(rest) != 1 {
			return fmt.Errorf("%s takes one argument", command)
		}
		act := map[string]func(context.Context, string) error{"load": l.Load, "stop": l.Stop, "start": l.Start}
		return act[command](ctx, rest[0])
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// build needs the sources, which are where this program was compiled.
func build(ctx context.Context, l bed.Layout) error {
	if err := l.Build(ctx, source()); err != nil {
		return err
	}
	_, err := l.BuildConformance(ctx, source())
	return err
}

func source() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

func up(ctx context.Context, l bed.Layout, attached bool) error {
	if err := l.Build(ctx, source()); err != nil {
		return err
	}
	started := time.Now()
	if err := l.Up(ctx, attached); err != nil {
		return err
	}
	fmt.Printf("bed: up in %.1f s\n", time.Since(started).Seconds())
	return nil
}

// supervise brings the cluster up for one command, and down whatever happens.
func supervise(ctx context.Context, l bed.Layout, arguments []string) (err error) {
	if len(arguments) == 0 {
		return errors.New("run takes a command")
	}
	if err := up(ctx, l, true); err != nil {
		return err
	}
	defer func() {
		if failed := l.Down(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	command, err := l.Command(ctx, arguments...)
	if err != nil {
		return err
	}
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Asked first, so that it can put its own things in order.
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 20 * time.Second
	return command.Run()
}

func crds(ctx context.Context, l bed.Layout, rest []string) error {
	which := "standard"
	if len(rest) > 0 {
		which = rest[0]
	}
	files, err := bed.Definitions(ctx, source(), which)
	if err != nil {
		return err
	}
	arguments := []string{filepath.Join(l.Bin, "kubectl"), "apply", "--server-side"}
	for _, file := range files {
		arguments = append(arguments, "-f", file)
	}
	command, err := l.Command(ctx, arguments...)
	if err != nil {
		return err
	}
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command.Run()
}
