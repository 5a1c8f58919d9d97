package cluster

import (
	"context"
	"path/filepath"

	"tidegate.dev/e2e/bed"
)

// Define installs CRDs, for good: those of Gateway API belong to the cluster. See bed.Definitions
// for what there is.
func Define(ctx context.Context, which string) error {
	if err := definitions(ctx, which, "apply", "--server-side"); err != nil {
		return err
	}
	_, err := Try("", "kubectl", "wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
	return err
}

// DefineGatewayAPI installs the CRDs of the channel under test. A cluster has those of one channel
// (the other's policy of admission sees to that), so the bed's others go first, with their objects.
func DefineGatewayAPI(ctx context.Context) error {
	channel := Current().Channel
	there, err := Try("", "kubectl", "get", "customresourcedefinitions", "gateways.gateway.networking.k8s.io", "--ignore-not-found",
		"--output", `jsonpath={.metadata.annotations.gateway\.networking\.k8s\.io/channel}`)
	if err != nil {
		return err
	}
	if there != "" && there != channel && Current().Bed {
		if err := RemoveGatewayAPI(ctx); err != nil {
			return err
		}
	}
	return Define(ctx, channel)
}

// RemoveGatewayAPI removes Gateway API's CRDs of either channel, and with them all of its objects.
func RemoveGatewayAPI(ctx context.Context) error {
	for _, channel := range []string{"standard", "experimental"} {
		if err := definitions(ctx, channel, "delete", "--ignore-not-found"); err != nil {
			return err
		}
	}
	return nil
}

// definitions does something with all files of CRDs of a kind.
func definitions(ctx context.Context, which string, arguments ...string) error {
	files, err := bed.Definitions(ctx, filepath.Join(Root(), "e2e"), which)
	if err != nil {
		return err
	}
	for _, file := range files {
		arguments = append(arguments, "--filename", file)
	}
	_, err = Try("", "kubectl", arguments...)
	return err
}
