// Command externaldns prints the records that external-dns would make from the cluster that
// $KUBECONFIG names, one `NAME TYPE TARGETS` a line, and ends. It takes external-dns's own flags.
//
// The sources, their filters and the plan are external-dns's; its main package is not used, since
// that brings the clients of all clouds with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/source"
	"sigs.k8s.io/external-dns/source/annotations"
	"sigs.k8s.io/external-dns/source/wrappers"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "externaldns:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	config := externaldns.NewConfig()
	if err := config.ParseFlags(arguments); err != nil {
		return err
	}
	if !config.DryRun {
		return errors.New("it does nothing but dry runs: --dry-run")
	}
	annotations.SetAnnotationPrefix(config.AnnotationPrefix)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	settings, err := source.NewSourceConfig(config)
	if err != nil {
		return err
	}
	from, err := wrappers.Build(ctx, settings)
	if err != nil {
		return err
	}
	found, err := from.Endpoints(ctx)
	if err != nil {
		return err
	}
	wanted := &plan.Plan{
		Policies:       []plan.Policy{plan.Policies[config.Policy]},
		Desired:        found,
		DomainFilter:   endpoint.MatchAllDomainFilters{},
		ManagedRecords: config.ManagedDNSRecordTypes,
		ExcludeRecords: config.ExcludeDNSRecordTypes,
	}
	for _, record := range wanted.Calculate().Changes.Create {
		targets := slices.Sorted(slices.Values(record.Targets))
		fmt.Println(record.DNSName, record.RecordType, strings.Join(targets, ","))
	}
	return nil
}
