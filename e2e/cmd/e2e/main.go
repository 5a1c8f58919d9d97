// Command e2e runs the tests of e2e/tests on a cluster and prints one line for each.
//
//	e2e [-cluster bed|up|existing] [-run REGEXP] [PACKAGE...]
//
// A cluster is `bed` (a test bed that starts for this and ends with it), `up` (the test bed that is
// up, which stays) or `existing` (the one that $KUBECONFIG names). There the images must be to be had:
// $E2E_IMAGE, $E2E_NEXT_IMAGE (the same by another tag) and $E2E_BACKEND_IMAGE name them, and
// $E2E_USABLE_ADDRESS an address that its load balancers can give.
//
// All packages are run, in the order of main.go, if none is named.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"tidegate.dev/e2e/bed"
)

// packages of e2e/tests in the order in which they run.
var packages = []string{"guide", "install", "smoke", "tenants", "status", "loss", "conformance", "rbac"}

// onlyBed are those that end with the removal of what belongs to the cluster, or need what only a
// bed has.
var onlyBed = []string{"guide"}

// onlyBedTests are such tests of other packages: they stop the API server, read its audit log, remove
// Gateway API's CRDs, or ask for the name that only the bed has.
var onlyBedTests = []string{
	"TestAPIServerThatIsAway", "TestDefinitionsThatComeLater", "TestFeaturesOfTheChannel", "TestManyRoutes", "TestNothingIsWrittenOnARestart",
	"TestOneWriteForEachChange", "TestRightsAreThoseThatAreUsed", "TestRoutability", "TestXBackendOutside",
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == bed.InitCommand {
		// The first process of a bed is this program, too.
		l, err := bed.NewLayout()
		if err == nil {
			err = l.Init()
		}
		fail(err)
	}
	which := flag.String("cluster", "bed", "`cluster` to use: bed, up or existing")
	filter := flag.String("run", "", "only tests that match this `regexp`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *which, *filter, flag.Args()); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	os.Exit(1)
}

func run(ctx context.Context, which, filter string, chosen []string) error {
	for _, name := range chosen {
		if !slices.Contains(packages, name) {
			return fmt.Errorf("no package %q; there are %v", name, packages)
		}
	}
	if len(chosen) == 0 {
		chosen = slices.Clone(packages)
		if which == "existing" {
			chosen = slices.DeleteFunc(chosen, func(name string) bool { return slices.Contains(onlyBed, name) })
		}
	}
	c, err := newCluster(which)
	if err != nil {
		return err
	}
	s, err := compile(ctx, chosen, filter)
	if err != nil {
		return err
	}
	defer s.remove()
	if err := c.start(ctx); err != nil {
		return err
	}
	return errors.Join(s.run(ctx, c), c.end())
}
