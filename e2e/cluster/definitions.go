package cluster

import (
	"context"
	"path/filepath"

	"tidegate.dev/e2e/bed"
)

// Define installs CRDs, for good: those of Gateway API belong to the cluster. See bed.Definitions
// for what there is.
func Define(ctx context.Context, which string) error {
	files, err := bed.Definitions(ctx, filepath.Join(Root(), "e2e"), which)
	if err != nil {
		return err
	}
	arguments := []string{"apply", "--server-side"}
	for _, file := range files {
		arguments = append(arguments, "--filename", file)
	}
	if _, err := Try("", "kubectl", arguments...); err != nil {
		return err
	}
	_, err = Try("", "kubectl", "wait", "--for=condition=Established", "--timeout=60s", "customresourcedefinitions", "--all")
	return err
}
